package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// port is a row of the table, or a variable of a configuration: a variable's default that holds a port, and where it is.
type port struct{ variable, value, configurations string }

var (
	comment  = regexp.MustCompile(`(?m)(^|\s)#.*$`)
	variable = regexp.MustCompile(`\$\{env:(\w+):-([^}]*\d{4}[^}]*)\}`)
	row      = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| `([^`]+)` \\| ([a-z, ]+) \\|")
	address  = regexp.MustCompile(`(?m)^\s*(?:- )?(?:endpoint|\w+_endpoint|targets|host|port): (.+)$`)
)

// TestPorts compares the table of docs/security.md with the configurations: every address that they have by default is in it.
func TestPorts(t *testing.T) {
	root := collector.Root(t)
	var names = []string{"quickstart", "standalone", "agent", "gateway", "loadbalancer"}
	users := make(map[[2]string][]string)
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(root, "config", name+".yaml"))
		require.NoError(t, err)
		config := comment.ReplaceAllString(string(raw), "")
		for _, m := range address.FindAllStringSubmatch(config, -1) {
			assert.Contains(t, m[1], "${env:", "%s.yaml: an address that no variable can change", name)
		}
		for _, m := range variable.FindAllStringSubmatch(config, -1) {
			key := [2]string{m[1], m[2]}
			if !slices.Contains(users[key], name) {
				users[key] = append(users[key], name)
			}
		}
	}
	var want []port
	for key, in := range users {
		want = append(want, port{key[0], key[1], strings.Join(in, ", ")})
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	require.NoError(t, err)
	var found []port
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		found = append(found, port{m[1], m[2], m[3]})
	}
	assert.ElementsMatch(t, want, found)
	for _, p := range want {
		assert.True(t, strings.Contains(p.value, "localhost") || p.variable == "EMBEDDING_TELEMETRY_PORT", "%s is open by default: %s", p.variable, p.value)
	}
}
