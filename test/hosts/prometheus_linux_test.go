//go:build e2e

package hosts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// prometheusServer is a real Prometheus that scrapes the gateways every second.
type prometheusServer struct {
	t   *testing.T
	url string
}

func startPrometheus(t *testing.T, gateways ...*gateway) *prometheusServer {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	require.NoError(t, err, "these tests need prometheus on the PATH (Debian: apt-get install prometheus)")
	var targets []string
	for _, g := range gateways {
		targets = append(targets, strconv.Quote(g.address+":9464"))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: gateways
    static_configs: [{targets: [%s]}]
`, strings.Join(targets, ",")), 0o600))
	address := own + ":9090"
	p := collector.Start(t, binary, nil, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address)
	p.WaitHTTP("http://" + address + "/-/ready")
	return &prometheusServer{t: t, url: "http://" + address}
}

// total returns by how much a counter grew over all of its series since they were first scraped, resets taken into account, and
// without what rate() extrapolates.
func (p *prometheusServer) total(counter string) float64 {
	p.t.Helper()
	resp, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(counter+"[1h]"))
	require.NoError(p.t, err)
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Values [][2]any }
		}
	}
	require.NoError(p.t, json.NewDecoder(resp.Body).Decode(&answer))
	sum := 0.0
	for _, series := range answer.Data.Result {
		last := 0.0
		for _, sample := range series.Values {
			v, err := strconv.ParseFloat(sample[1].(string), 64)
			require.NoError(p.t, err)
			if v < last {
				last = 0
			}
			sum, last = sum+v-last, v
		}
	}
	return sum
}
