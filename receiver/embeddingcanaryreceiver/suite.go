package embeddingcanaryreceiver

import (
	"errors"
	"fmt"
	"os"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
)

// readSuite returns the texts to send.
func readSuite(cfg *SuiteConfig) (*canary.Suite, error) {
	var parts []*canary.Suite
	if cfg.BuiltIn {
		part, err := canary.BuiltIn()
		if err != nil {
			return nil, fmt.Errorf("suite::built_in: %w", err)
		}
		parts = append(parts, part)
	}
	for i, path := range cfg.Files {
		part, err := readSuiteFile(path)
		if err != nil {
			return nil, fmt.Errorf("suite::files::%d: %w", i, err)
		}
		parts = append(parts, part)
	}
	suite, err := canary.Merge("suite", parts...)
	if err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	return suite, nil
}

func readSuiteFile(path string) (suite *canary.Suite, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return canary.Read(path, f)
}
