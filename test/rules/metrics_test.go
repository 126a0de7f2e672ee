package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// metric is what rules may ask of a metric.
type metric struct {
	// labels are the values that each label may have, empty for any.
	labels map[string][]string
	source string
}

// targetLabels are put on every series by who scrapes it.
var targetLabels = []string{"job", "instance", "host"}

var (
	metricHeading = regexp.MustCompile(`(?m)^### (\S+)$`)
	unitRow       = regexp.MustCompile(`(?m)^\| (\S*) \| (Gauge|Sum|Histogram) \|(.*)$`)
	attributeRow  = regexp.MustCompile(`(?m)^\| ([a-z0-9_.]+) \| .*? \| (Any \w+|Str: [^|]+) \|`)
	enumValue     = regexp.MustCompile("``([^`]+)``")
)

// knownMetrics reads what the components' generated documentation declares, in Prometheus' names, and the list of what
// others declare.
func knownMetrics(t *testing.T) map[string]metric {
	t.Helper()
	known := map[string]metric{}
	pages, err := filepath.Glob(path(t, "*", "*", "documentation.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages, "no component has a documentation.md")
	for _, page := range pages {
		readDocumentation(t, page, known)
	}

	file := filepath.Join(path(t, "test", "rules"), "testdata", "stock.yaml")
	var stock []struct {
		Name, Source string
		Labels       []string
	}
	require.NoError(t, yaml.Unmarshal(read(t, file), &stock), file)
	for _, s := range stock {
		require.NotEmpty(t, s.Source, "%s: %s has no source; say where the metric is declared", file, s.Name)
		m := metric{labels: map[string][]string{}, source: s.Source}
		for _, l := range s.Labels {
			m.labels[l] = nil
		}
		known[s.Name] = m
	}
	return known
}

func readDocumentation(t *testing.T, page string, known map[string]metric) {
	t.Helper()
	text := string(read(t, page))
	own := strings.Index(text, "\n## Internal Telemetry\n")
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	headings := metricHeading.FindAllStringSubmatchIndex(text, -1)
	for i, h := range headings {
		end := len(text)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		name, section := text[h[2]:h[3]], text[h[1]:end]
		row := unitRow.FindStringSubmatch(section)
		if row == nil {
			continue // an event
		}
		m := metric{labels: map[string][]string{}, source: page}
		for _, a := range attributeRow.FindAllStringSubmatch(section, -1) {
			var values []string
			for _, v := range enumValue.FindAllStringSubmatch(a[2], -1) {
				values = append(values, v[1])
			}
			m.labels[strings.ReplaceAll(a[1], ".", "_")] = values
		}
		if own < 0 || h[0] < own {
			var err error
			name, err = namer.Build(otlptranslator.Metric{Name: name, Unit: row[1], Type: metricType(row[2], row[3])})
			require.NoError(t, err, "%s: %s", page, name)
		} else if len(m.labels) == 0 {
			// mdatagen does not list attributes that are only described, as `reason` of the tap's drops.
			for _, label := range regexp.MustCompile("(?:attribute|attributes) `?(\\w+)`?").FindAllStringSubmatch(section, -1) {
				m.labels[label[1]] = nil
			}
		}
		if row[2] != "Histogram" {
			known[name] = m
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			known[name+suffix] = metric{labels: withLabel(m.labels, "le", suffix == "_bucket"), source: page}
		}
	}
}

func withLabel(all map[string][]string, label string, add bool) map[string][]string {
	out := map[string][]string{}
	for l, values := range all {
		out[l] = values
	}
	if add {
		out[label] = nil
	}
	return out
}

func metricType(kind, rest string) otlptranslator.MetricType {
	switch {
	case kind == "Gauge":
		return otlptranslator.MetricTypeGauge
	case kind == "Histogram":
		return otlptranslator.MetricTypeHistogram
	case strings.Contains(rest, "| true |"):
		return otlptranslator.MetricTypeMonotonicCounter
	default:
		return otlptranslator.MetricTypeNonMonotonicCounter
	}
}

// checkExpr returns what is wrong with the metrics, labels and label values of an expression. Recorded are the names that
// recording rules make.
func checkExpr(expr string, known map[string]metric, recorded []string) []string {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return []string{fmt.Sprintf("%q is no PromQL: %v", expr, err)}
	}
	var wrong []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		if selector.Name == "" {
			wrong = append(wrong, fmt.Sprintf("%s selects by more than one name; rate() would drop the name and fail on equal labels: take one metric", selector))
			return nil
		}
		if slices.Contains(recorded, selector.Name) || selector.Name == "ALERTS" {
			return nil
		}
		m, ok := known[selector.Name]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("the metric %s is in no component's documentation.md, is not recorded, and is not in "+
				"testdata/stock.yaml; similar ones are %s", selector.Name, strings.Join(similar(selector.Name, known), ", ")))
			return nil
		}
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name == "__name__" || slices.Contains(targetLabels, matcher.Name) {
				continue
			}
			values, ok := m.labels[matcher.Name]
			if !ok {
				wrong = append(wrong, fmt.Sprintf("%s has no label %s (%s)", selector.Name, matcher.Name, m.source))
			} else if len(values) > 0 && !tells(matcher, values) {
				wrong = append(wrong, fmt.Sprintf("%s tells none of the values of %s from the others: they are %s (%s)",
					matcher, matcher.Name, strings.Join(values, ", "), m.source))
			}
		}
		return nil
	})
	return wrong
}

// tells is whether a matcher of a label with known values takes some of them and leaves some. Every alternative of a regular
// expression without brackets has to be one of them.
func tells(matcher *labels.Matcher, values []string) bool {
	taken := 0
	for _, v := range values {
		if matcher.Matches(v) {
			taken++
		}
	}
	if regular := matcher.Type == labels.MatchRegexp || matcher.Type == labels.MatchNotRegexp; regular && !strings.ContainsAny(matcher.Value, "([.*") {
		for _, alternative := range strings.Split(matcher.Value, "|") {
			if !slices.Contains(values, alternative) {
				return false
			}
		}
	}
	return taken > 0 && (taken < len(values) || len(values) == 1)
}

// similar returns metrics that share the longest beginning with name.
func similar(name string, known map[string]metric) []string {
	var best []string
	length := 0
	for k := range known {
		n := 0
		for n < len(k) && n < len(name) && k[n] == name[n] {
			n++
		}
		if n > length {
			best, length = nil, n
		}
		if n == length {
			best = append(best, k)
		}
	}
	slices.Sort(best)
	return best[:min(len(best), 5)]
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return data
}
