//go:build e2e

package dashboards

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// TestQueriesHaveData runs every query against a real Prometheus that scrapes every metric there may be. Names and labels
// are those of metadata.yaml; whether the collector's own page agrees with it is for the end-to-end tests.
func TestQueriesHaveData(t *testing.T) {
	binary, err := exec.LookPath("prometheus")
	require.NoError(t, err, "this test needs prometheus on the PATH (Debian: apt-get install prometheus)")
	page := &exposition{catalog: catalog(t), start: time.Now()}
	server := httptest.NewServer(page)
	defer server.Close()

	folder := t.TempDir()
	config := filepath.Join(folder, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
scrape_configs:
  - job_name: otelcol-embedding
    scrape_interval: 1s
    static_configs: [{targets: [%q]}]
`, server.Listener.Addr()), 0o600))
	address := collector.Address(t)
	p := collector.Start(t, binary, nil, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "data"),
		"--web.listen-address="+address)
	p.WaitHTTP("http://" + address + "/-/ready")

	time.Sleep(6 * time.Second)
	page.changed.Store(true)
	time.Sleep(6 * time.Second)

	values := Values{
		Variables:    map[string]string{"job": "otelcol-embedding", "model": "qwen3-embedding-4b|another", "gpu": "gpu0|gpu1:0"},
		RateInterval: 5 * time.Second, Interval: 2 * time.Second, Range: 20 * time.Second,
	}
	answers := Run(t.Context(), "prometheus", "http://"+address, queries(t), values, time.Now())
	for _, a := range answers {
		if assert.NoError(t, a.Err, "%s: %s", a.Query, a.Expr) {
			assert.Positive(t, a.Series, "%s has no data, though all metrics are there: %s", a.Query, a.Expr)
		}
	}
	t.Logf("%d queries", len(answers))
}
