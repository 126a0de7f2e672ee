package embeddingreceiver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// newTextReaders returns a function that makes what reads the texts of calls. Each worker needs its own.
func (c *Config) newTextReaders() (func() *embedding.TextReader, error) {
	key := []byte(c.FingerprintKey)
	if len(key) == 0 {
		key = make([]byte, 32)
		rand.Read(key) // never fails, as crypto/rand documents
	}
	prefixes := c.taskPrefixes()
	excerpts, err := c.excerpts()
	if err != nil {
		return nil, err
	}
	return func() *embedding.TextReader {
		return embedding.NewTextReader(embedding.NewFingerprinter(key), prefixes, excerpts)
	}, nil
}

// excerpts returns what is kept of texts, nil where none is.
func (c *Config) excerpts() (*embedding.Excerpts, error) {
	cfg := c.Texts.Get()
	if cfg == nil {
		return nil, nil
	}
	x := &embedding.Excerpts{MaxLength: cfg.MaxLength, MaxCount: cfg.MaxCount}
	for i, pattern := range cfg.Redact {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, fmt.Errorf("texts::redact::%d: %w", i, err)
		}
		x.Redact = append(x.Redact, re)
	}
	return x, nil
}

// taskPrefixes returns the configured prefixes and those that are built in, nil where there are none.
func (c *Config) taskPrefixes() *embedding.TaskPrefixes {
	var prefixes []embedding.TaskPrefix
	for _, p := range c.TaskPrefixes {
		prefixes = append(prefixes, embedding.TaskPrefix(p))
	}
	if c.BuiltInTaskPrefixes {
		prefixes = append(prefixes, embedding.BuiltInTaskPrefixes()...)
	}
	if len(prefixes) == 0 {
		return nil
	}
	return embedding.NewTaskPrefixes(prefixes)
}

// maxTaskType is the longest name of a task type, in bytes: it becomes a label.
const maxTaskType = 64

func (c *Config) validateTexts() error {
	var errs []error
	for i, prefix := range c.TaskPrefixes {
		if prefix.Prefix == "" {
			errs = append(errs, fmt.Errorf("task_prefixes::%d::prefix: is empty; want the beginning of a text, e.g. %q", i, "search_query: "))
		}
		if prefix.Task == "" || len(prefix.Task) > maxTaskType {
			errs = append(errs, fmt.Errorf("task_prefixes::%d::task: is %q; want a name of 1 to %d bytes, e.g. %s", i, prefix.Task,
				maxTaskType, embedding.TaskQuery))
		}
	}
	if texts := c.Texts.Get(); texts != nil {
		errs = append(errs, texts.validate()...)
	}
	return errors.Join(errs...)
}

func (c *TextsConfig) validate() (errs []error) {
	if c.MaxLength <= 0 {
		errs = append(errs, fmt.Errorf("texts::max_length: is %d; want a positive number of characters, e.g. %d", c.MaxLength,
			defaultTextLength))
	}
	if c.MaxCount <= 0 {
		errs = append(errs, fmt.Errorf("texts::max_count: is %d; want a positive number of texts, e.g. %d", c.MaxCount,
			defaultTextCount))
	}
	for i, pattern := range c.Redact {
		re, err := regexp.Compile(pattern)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("texts::redact::%d: %q is no regular expression (%w); want RE2 syntax, e.g. %s",
				i, pattern, err, examplePattern))
		case re.MatchString(""):
			errs = append(errs, fmt.Errorf("texts::redact::%d: %q matches nothing at all, between any two characters; want a "+
				"pattern of at least one, e.g. %s", i, pattern, examplePattern))
		}
	}
	return errs
}

// examplePattern is of mail addresses.
const examplePattern = `[\w.+-]+@[\w-]+\.[\w.]+`
