package kubernetes

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chartutil"
)

// pages are those that are held against what they speak of.
var pages = []string{
	"docs/deployment/kubernetes.md",
	"deploy/kubernetes/README.md",
	"deploy/helm/otelcol-embedding/README.md",
}

// TestLinks: what pages link to is there, headings too.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	for _, page := range pages {
		raw, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		for _, found := range link.FindAllStringSubmatch(string(raw), -1) {
			path, heading, _ := strings.Cut(found[1], "#")
			target := filepath.Join(root, page)
			if path != "" {
				target = filepath.Join(filepath.Dir(target), path)
			}
			_, err := os.Stat(target)
			if !assert.NoError(t, err, "%s links to %s", page, found[1]) || heading == "" {
				continue
			}
			linked, err := os.ReadFile(target)
			require.NoError(t, err)
			assert.Contains(t, headings(string(linked)), heading, "%s links to %s", page, found[1])
		}
	}
}

// headings returns the names by which a page's headings are linked to.
func headings(page string) []string {
	var names []string
	other := regexp.MustCompile(`[^a-z0-9 _-]`)
	for line := range strings.Lines(page) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			name := other.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			names = append(names, strings.ReplaceAll(name, " ", "-"))
		}
	}
	return names
}

// TestNamedValues: each value of the chart that a page names is one.
func TestNamedValues(t *testing.T) {
	values, err := chartutil.ReadValuesFile(filepath.Join(chartFolder, "values.yaml"))
	require.NoError(t, err)
	sections := "agent|gateway|canary|sidecar|server|backends|networkPolicy|podMonitor|prometheusRule"
	named := regexp.MustCompile("`((?:" + sections + ")(?:\\.[a-zA-Z]+)+)(?:: [^`]*)?`")
	seen := 0
	for _, page := range pages {
		raw, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		for _, name := range named.FindAllStringSubmatch(string(raw), -1) {
			if strings.HasSuffix(name[1], ".yaml") {
				continue
			}
			seen++
			last := strings.LastIndexByte(name[1], '.')
			table, err := values.Table(name[1][:last])
			require.NoError(t, err, "%s names %s", page, name[1])
			assert.Contains(t, table, name[1][last+1:], "%s names %s, which is no value of the chart", page, name[1])
		}
	}
	assert.Greater(t, seen, 10)
}
