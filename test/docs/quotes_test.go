//go:build e2e

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// page returns the text of a page of docs/.
func page(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(collector.Root(t), "docs", name))
	require.NoError(t, err)
	return string(raw)
}

// block is a fenced block of a page. The word behind its language is the name by which a test finds it.
type block struct{ language, name, text string }

var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: ([\\w-]+))?\n(.*?)^```$")

func blocks(t *testing.T, name, language string) []block {
	t.Helper()
	var found []block
	for _, m := range fence.FindAllStringSubmatch(page(t, name), -1) {
		if m[1] == language {
			found = append(found, block{m[1], m[2], m[3]})
		}
	}
	require.NotEmpty(t, found, "%s has no block of %s", name, language)
	return found
}

// missing returns the first line of a quotation that output has not; … stands for anything within a line.
func missing(quotation, output string) string {
	for line := range strings.Lines(strings.TrimSpace(quotation)) {
		parts := strings.Split(strings.TrimSpace(line), "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		if !regexp.MustCompile(strings.Join(parts, ".*")).MatchString(output) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func TestMissing(t *testing.T) {
	output := "2026 warn The server fails {\"error\": \"status 404\"}\nError: timeout\n"
	assert.Empty(t, missing("The server fails …status 404\nError: timeout", output))
	assert.Equal(t, "The server fails …timeout", missing("The server fails …timeout", output), "of two lines")
	assert.Equal(t, "status 40.", missing("status 40.", output), "no regular expressions")
}
