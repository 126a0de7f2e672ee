package dashboards

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

func load(t *testing.T) []*Board {
	t.Helper()
	boards, err := Load(filepath.Join(collector.Root(t), "deploy/grafana/dashboards"))
	require.NoError(t, err)
	return boards
}

func queries(t *testing.T) []Query {
	var all []Query
	for _, b := range load(t) {
		all = append(all, b.Queries()...)
	}
	return all
}
