//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// TestEveryAlertArrives makes each alert of deploy/prometheus fire by a fault, and waits until the webhook of its receiver has it:
// from the fault through the collector with the shipped standalone configuration, Prometheus with the shipped rules and Alertmanager
// with the shipped routes and inhibitions. Times of the rules are a sixtieth of the shipped ones.
func TestEveryAlertArrives(t *testing.T) {
	arrived := &arrivals{names: map[string]bool{}, answers: map[string]bool{}}
	// Each has a demo server, a collector, a Prometheus and an Alertmanager of its own.
	t.Run("from", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *arrivals){
			"absence":     testAbsence,
			"calls":       testCallAlerts,
			"vectors":     testVectorAlerts,
			"canary":      testCanaryAlerts,
			"GPU load":    testGPULoadAlerts,
			"GPU health":  testGPUHealthAlerts,
			"collector":   testCollectorAlerts,
			"memory":      testMemoryAlerts,
			"exporter":    testExportAlerts,
			"panic":       testPanicAlert,
			"lost states": testStorageAlert,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, arrived)
			})
		}
	})
	if t.Failed() {
		return
	}
	assert.ElementsMatch(t, alertNames(t), arrived.sorted(), "alerts of deploy/prometheus, and those that arrived")
	for _, q := range shippedQueries(t) {
		if q.Source == "prometheus" {
			assert.True(t, arrived.answers[q.String()], "no test had data for %s: %s", q, q.Expr)
		}
	}
}

// arrivals are the names of the alerts that arrived, and the queries that had data meanwhile.
type arrivals struct {
	mu      sync.Mutex
	names   map[string]bool
	answers map[string]bool
}

func (a *arrivals) answer(q dashboards.Query) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[q.String()] = true
}

func (a *arrivals) add(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names[name] = true
}

func (a *arrivals) sorted() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for name := range a.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func shippedRules(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(collector.Root(t), "deploy", "prometheus", "*.rules.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func alertNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, r := range eachRule(t) {
		if r.Alert != "" {
			names = append(names, r.Alert)
		}
	}
	return names
}

// rule is an alert or a recording rule, and the name of its file.
type rule struct{ File, Alert, Record string }

func eachRule(t *testing.T) []rule {
	t.Helper()
	var rules []rule
	for _, file := range shippedRules(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var content struct{ Groups []struct{ Rules []rule } }
		require.NoError(t, yaml.Unmarshal(data, &content))
		for _, g := range content.Groups {
			for _, r := range g.Rules {
				r.File = filepath.Base(file)
				rules = append(rules, r)
			}
		}
	}
	return rules
}
