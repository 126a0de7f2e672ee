package dashboards

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// metric is one that dashboards may ask for, as Prometheus has it.
type metric struct {
	kind   string // counter, gauge or histogram
	labels map[string][]string
}

// components are those whose metadata.yaml declares metrics.
var components = []string{
	"receiver/embeddingreceiver",
	"receiver/embeddingcanaryreceiver",
	"receiver/nvmlreceiver",
	"processor/embeddingqualityprocessor",
	"connector/embeddingmetricsconnector",
}

// metadata is the part of metadata.yaml that names metrics.
type metadata struct {
	Attributes map[string]attribute
	Metrics    map[string]declared
	Telemetry  struct{ Metrics map[string]declared }
	Events     map[string]struct{ Attributes []string }
}

type attribute struct {
	Name string `yaml:"name_override"`
	Enum []string
}

// called returns the attribute's name on data points.
func (m metadata) called(name string) string {
	if other := m.Attributes[name].Name; other != "" {
		return other
	}
	return name
}

type declared struct {
	Unit       string
	Attributes []string
	Sum        *struct{ Monotonic bool }
	Gauge      *struct{}
	Histogram  *struct{}
}

func (d declared) kind() string {
	switch {
	case d.Histogram != nil:
		return "histogram"
	case d.Sum != nil && d.Sum.Monotonic:
		return "counter"
	}
	return "gauge"
}

func readMetadata(t *testing.T, component string) metadata {
	t.Helper()
	var m metadata
	content, err := os.ReadFile(filepath.Join(collector.Root(t), component, "metadata.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &m), component)
	return m
}

// catalog returns all metrics that the distribution may show to Prometheus, by their names there.
func catalog(t *testing.T) map[string]metric {
	t.Helper()
	all := map[string]metric{}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	labels := otlptranslator.LabelNamer{}
	for _, component := range components {
		meta := readMetadata(t, component)
		for name, d := range meta.Metrics {
			translated, err := namer.Build(otlptranslator.Metric{Name: name, Unit: d.Unit, Type: d.translated()})
			require.NoError(t, err, name)
			m := metric{kind: d.kind(), labels: map[string][]string{}}
			for _, a := range d.Attributes {
				label, err := labels.Build(meta.called(a))
				require.NoError(t, err, a)
				m.labels[label] = meta.Attributes[a].Enum
			}
			all[translated] = m
		}
		// The collector's own metrics have neither units nor _total in their names.
		for name, d := range meta.Telemetry.Metrics {
			m := metric{kind: d.kind(), labels: map[string][]string{}}
			for _, a := range d.Attributes {
				m.labels[meta.called(a)] = meta.Attributes[a].Enum
			}
			for label, values := range ownLabels["otelcol_"+name] {
				m.labels[label] = values
			}
			all["otelcol_"+name] = m
		}
	}
	for name, m := range stock {
		all[name] = m
	}
	return all
}

func (d declared) translated() otlptranslator.MetricType {
	switch d.kind() {
	case "histogram":
		return otlptranslator.MetricTypeHistogram
	case "counter":
		return otlptranslator.MetricTypeMonotonicCounter
	}
	if d.Sum != nil {
		return otlptranslator.MetricTypeNonMonotonicCounter
	}
	return otlptranslator.MetricTypeGauge
}
