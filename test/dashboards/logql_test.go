package dashboards

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

// TestLogQL looks the names in queries of logs up. There is no parser of LogQL among what the collector needs.
func TestLogQL(t *testing.T) {
	known := logNames(t)
	filtered := regexp.MustCompile("([a-z_0-9]+) *(?:=~|!~|!=|>=|=|>) *(?:[\"0-9])")
	grouped := regexp.MustCompile(`(?:by \(|unwrap )([a-z_, 0-9]+)`)
	event := regexp.MustCompile(`\|= "([^"]*)"`)
	count := 0
	for _, q := range queries(t) {
		if q.Source != "loki" {
			continue
		}
		count++
		assert.True(t, strings.Contains(q.Expr, `{service_name=~"$service"}`), "%s: lines are chosen by the variable service: %s", q, q.Expr)
		for _, pair := range []string{"()", "{}", "[]"} {
			assert.Equal(t, strings.Count(q.Expr, pair[:1]), strings.Count(q.Expr, pair[1:]), "%s: %s is not balanced: %s", q, pair, q.Expr)
		}
		names := event.FindAllStringSubmatch(q.Expr, -1)
		for _, m := range names {
			assert.Contains(t, known, strings.ReplaceAll(m[1], ".", "_"), "%s: no record is called %s", q, m[1])
		}
		for _, pattern := range []*regexp.Regexp{filtered, grouped} {
			for _, m := range pattern.FindAllStringSubmatch(q.Expr, -1) {
				for _, name := range strings.Split(strings.TrimSpace(m[1]), ", ") {
					assert.Contains(t, known, name, "%s: no record has the attribute %s: %s", q, name, q.Expr)
				}
			}
		}
		for _, m := range placeholder.FindAllStringSubmatch(q.Legend, -1) {
			assert.Contains(t, known, m[1], "%s: legend %q", q, q.Legend)
		}
	}
	assert.GreaterOrEqual(t, count, 8, "queries in LogQL")
}

// logNames are the names of events and attributes as Loki has them, with underscores for dots.
func logNames(t *testing.T) []string {
	names := []string{"service_name", "trace_id", "span_id", "__error__"} // Loki's own
	add := func(name string) { names = append(names, strings.ReplaceAll(name, ".", "_")) }
	literal := regexp.MustCompile(`"([a-z_]+(?:\.[a-z_0-9]+)+\.?)"`)
	files, err := filepath.Glob(filepath.Join(collector.Root(t), "internal/embedding/*.go"))
	require.NoError(t, err)
	var prefixes []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range literal.FindAllStringSubmatch(string(content), -1) {
			if prefix, ok := strings.CutSuffix(m[1], "."); ok {
				prefixes = append(prefixes, prefix)
			}
			add(m[1])
		}
	}
	evidence := readMetadata(t, "connector/embeddingmetricsconnector").Attributes["statistic"].Enum
	require.Contains(t, prefixes, "embedding.quality.p_value")
	for _, statistic := range evidence {
		add("embedding.quality.p_value." + statistic)
	}
	nvml := readMetadata(t, "receiver/nvmlreceiver")
	for _, e := range nvml.Events {
		for _, a := range e.Attributes {
			add(a)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
