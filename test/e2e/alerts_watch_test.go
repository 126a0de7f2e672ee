//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/alerting"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const (
	// timesFaster is by how much the rules' times are shorter than shipped.
	timesFaster = 60
	// longestFor spares the minutes of alerts that wait for hours to be sure.
	longestFor = 15 * time.Second
	// alertTimeout is generous because all tests of alerts share few cores.
	alertTimeout = 3 * time.Minute
)

// scrapedLate are alerts that come, for a moment, on a machine that is so busy that a scrape takes longer than its second.
var scrapedLate = []string{"EmbeddingCollectorDown", "EmbeddingCollectorAbsent", "EmbeddingRequestsAbsent"}

// watch is a Prometheus with the shipped rules, an Alertmanager with the shipped configuration, and a webhook.
type watch struct {
	t          *testing.T
	prometheus *prometheusServer
	hook       *alerting.Webhook
	arrived    *arrivals
	fired      map[string]bool
	after      map[string]int // notifications of an alert before this one are of an earlier fault
}

// startWatch watches targets, as host:port. Alerts that arrive and that the test neither waits for nor names as bystanders are
// failures.
func startWatch(t *testing.T, arrived *arrivals, targets []string, bystanders ...string) *watch {
	t.Helper()
	w := &watch{t: t, hook: alerting.NewWebhook(t), arrived: arrived, fired: map[string]bool{}, after: map[string]int{}}
	binary, err := exec.LookPath("prometheus-alertmanager")
	require.NoError(t, err, "these tests need Alertmanager (Debian: apt-get install prometheus-alertmanager)")
	api := alerting.StartAlertmanager(t, binary, w.hook)
	server, err := exec.LookPath("prometheus")
	require.NoError(t, err, "these tests need prometheus on the PATH (Debian: apt-get install prometheus)")
	w.prometheus = runPrometheus(t, server, watchConfig(t, targets, strings.TrimPrefix(api, "http://")))
	t.Logf("Prometheus is at %s and scrapes %v", w.prometheus.url, targets)
	since := time.Now()
	t.Cleanup(func() {
		w.ask(since)
		for _, n := range w.hook.Notifications() {
			name := n.Labels["alertname"]
			if !w.fired[name] && !slices.Contains(bystanders, name) && !slices.Contains(scrapedLate, name) {
				assert.Failf(t, "an alert without a reason", "%s: %v", name, n.Annotations["summary"])
				w.fired[name] = true // once is enough
			}
		}
	})
	return w
}

// watchConfig is deploy/prometheus/prometheus.yml with the rules' times made short, and with the addresses of the test.
func watchConfig(t *testing.T, targets []string, alertmanager string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range shippedRules(t) {
		shipped, err := os.ReadFile(file)
		require.NoError(t, err)
		short, err := alerting.Compress(shipped, timesFaster, longestFor)
		require.NoError(t, err, file)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(file)), short, 0o600))
	}
	shipped, err := os.ReadFile(filepath.Join(collector.Root(t), "deploy", "prometheus", "prometheus.yml"))
	require.NoError(t, err)
	var config struct {
		Global   map[string]any `yaml:"global"`
		Rules    []string       `yaml:"rule_files"`
		Alerting struct {
			Alertmanagers []map[string]any `yaml:"alertmanagers"`
		} `yaml:"alerting"`
		Scrape []map[string]any `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal(shipped, &config))
	require.Len(t, config.Scrape, 1)
	require.Len(t, config.Alerting.Alertmanagers, 1)
	static := func(targets ...string) []any { return []any{map[string]any{"targets": targets}} }
	config.Global = map[string]any{"scrape_interval": "1s", "evaluation_interval": "1s"}
	config.Rules = []string{filepath.Join(dir, "*.rules.yaml")}
	config.Alerting.Alertmanagers[0]["static_configs"] = static(alertmanager)
	config.Scrape[0]["static_configs"] = static(targets...)
	data, err := yaml.Marshal(config)
	require.NoError(t, err)
	return string(data)
}

// fires waits until the alert has arrived where its severity leads, with the labels given as "name=value".
func (w *watch) fires(alert string, labels ...string) {
	w.t.Helper()
	w.fired[alert] = true
	n := w.wait(alert, "firing", labels)
	w.arrived.add(alert)
	receivers := map[string]string{"critical": "pager", "warning": "tickets", "info": "notes"}
	assert.Equal(w.t, receivers[n.Labels["severity"]], n.Receiver, alert)
	for _, text := range []string{n.Annotations["summary"], n.Annotations["description"]} {
		assert.NotEmpty(w.t, text, alert)
		assert.NotRegexp(w.t, `<no value>|<nil>|<error|%!`, text, "a text of %s that was not filled in", alert)
	}
	w.t.Logf("%s: %s", n.Receiver, n.Annotations["summary"])
}

// resolves waits until Alertmanager says that the alert is over.
func (w *watch) resolves(alert string, labels ...string) {
	w.t.Helper()
	w.wait(alert, "resolved", labels)
	w.after[alert] = len(w.hook.Notifications())
}

func (w *watch) wait(alert, status string, labels []string) alerting.Notification {
	w.t.Helper()
	want := map[string]string{"alertname": alert}
	for _, label := range labels {
		name, value, _ := strings.Cut(label, "=")
		want[name] = value
	}
	for deadline := time.Now().Add(alertTimeout); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		for i, n := range w.hook.Notifications() {
			if i >= w.after[alert] && n.Status == status && has(n.Labels, want) {
				return n
			}
		}
	}
	var got []string
	for _, n := range w.hook.Notifications() {
		got = append(got, n.Receiver+" "+n.Status+" "+n.Labels["alertname"])
	}
	require.FailNow(w.t, "an alert did not arrive", "%s %s %v; Prometheus says %s; arrived are %q", status, alert, labels, w.prometheus.alertState(alert), got)
	return alerting.Notification{}
}

func has(labels, want map[string]string) bool {
	for name, value := range want {
		if labels[name] != value {
			return false
		}
	}
	return true
}
