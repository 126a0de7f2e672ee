//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// shippedQueries are the queries in PromQL of all dashboards, recording rules and pages, by where they stand.
func shippedQueries(t *testing.T) []dashboards.Query {
	t.Helper()
	boards, err := dashboards.Load(filepath.Join(collector.Root(t), "deploy/grafana/dashboards"))
	require.NoError(t, err)
	var queries []dashboards.Query
	for _, b := range boards {
		for _, q := range b.Queries() {
			q.Instant = false // it is asked over the whole test, for a fault has a time
			queries = append(queries, q)
		}
	}
	for _, r := range eachRule(t) {
		if r.Record != "" {
			queries = append(queries, dashboards.Query{Board: r.File, Panel: r.Record, Source: "prometheus", Expr: r.Record})
		}
	}
	return append(queries, pageQueries(t)...)
}

var promqlBlock = regexp.MustCompile("(?s)```promql\n(.*?)```")

// nativeHistograms is the page whose queries are for native histograms, which TestNativeHistograms runs.
const nativeHistograms = "docs/prometheus.md"

// pageQueries are those of the blocks of all other pages in Markdown.
func pageQueries(t *testing.T) []dashboards.Query {
	t.Helper()
	root := collector.Root(t)
	var queries []dashboards.Query
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "build" || entry.Name() == "node_modules" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		page, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if name == nativeHistograms {
			return err
		}
		for i, block := range promqlBlock.FindAllStringSubmatch(string(page), -1) {
			if name == "receiver/nvmlreceiver/README.md" && strings.Contains(block[1], "k8s_pod_name") {
				continue // there is no kubelet here to say which pod has the GPU
			}
			queries = append(queries, dashboards.Query{
				Board: name, Panel: fmt.Sprintf("block %d", i+1), Source: "prometheus", Expr: strings.TrimSpace(block[1]),
			})
		}
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, queries)
	return queries
}

// ask runs all shipped queries over the time of the test, and notes those that had data.
func (w *watch) ask(since time.Time) {
	values := dashboards.Values{
		Variables:    map[string]string{"model": model, "job": "otelcol-embedding"},
		RateInterval: 10 * time.Second, Interval: 2 * time.Second, Range: time.Since(since),
	}
	// One of the instants that are asked for is after what has come last.
	time.Sleep(values.Interval)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // that of the test has ended
	defer cancel()
	for _, a := range dashboards.Run(ctx, "prometheus", w.prometheus.url, shippedQueries(w.t), values, time.Now()) {
		if assert.NoError(w.t, a.Err, "%s: %s", a.Query, a.Expr) && a.Series > 0 {
			w.arrived.answer(a.Query)
		}
	}
}
