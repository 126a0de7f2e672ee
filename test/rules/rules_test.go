// Package rules holds the tests of the rules, their runbooks and the routing of alerts. What needs promtool, amtool or
// alertmanager is skipped where they are not installed.
package rules

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const runbookBase = "https://github.com/otelcol-embedding/otelcol-embedding/blob/main/docs/runbooks/"

var (
	severities = []string{"critical", "warning", "info"}
	dashboards = []string{"/d/embedding-overview", "/d/embedding-vectors", "/d/embedding-canary", "/d/embedding-gpus", "/d/embedding-collector"}
	// sections are what somebody who was woken looks for, in this order.
	sections = []string{"What it means", "Look closer", "Likely causes", "What to do", "When it is harmless"}
)

// rule is a rule of a file, an alert or a recorded series.
type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
	file                     string
}

func path(t testing.TB, elem ...string) string {
	t.Helper()
	return filepath.Join(append([]string{collector.Root(t)}, elem...)...)
}

func load(t *testing.T) (alerts, records []rule) {
	t.Helper()
	files, err := filepath.Glob(path(t, "deploy", "prometheus", "*.rules.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "deploy/prometheus has no *.rules.yaml")
	seen := map[string]string{}
	for _, file := range files {
		var content struct{ Groups []struct{ Rules []rule } }
		require.NoError(t, yaml.Unmarshal(read(t, file), &content), file)
		for _, g := range content.Groups {
			for _, r := range g.Rules {
				r.file = filepath.Base(file)
				name := r.Alert + r.Record
				require.Empty(t, seen[name], "%s: %s is in %s already; names are unique", r.file, name, seen[name])
				seen[name] = r.file
				if r.Alert != "" {
					alerts = append(alerts, r)
				} else {
					records = append(records, r)
				}
			}
		}
	}
	return alerts, records
}

// tool returns the path of the first program that is installed.
func tool(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	t.Skipf("%s is not on the PATH (Debian: apt-get install prometheus prometheus-alertmanager)", strings.Join(names, " or "))
	return ""
}

func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", program, strings.Join(args, " "), out)
}

func TestPromtoolAcceptsRulesAndConfig(t *testing.T) {
	run(t, path(t, "deploy", "prometheus"), tool(t, "promtool"), "check", "config", "prometheus.yml")
}

func TestPromtoolTests(t *testing.T) {
	promtool := tool(t, "promtool")
	files, err := filepath.Glob(path(t, "deploy", "prometheus", "tests", "*.test.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			run(t, filepath.Dir(file), promtool, "test", "rules", filepath.Base(file))
		})
	}
}

func TestAlertsSayWhatIsNeeded(t *testing.T) {
	alerts, _ := load(t)
	for _, a := range alerts {
		where := a.file + ": " + a.Alert
		assert.True(t, strings.HasPrefix(a.Alert, "Embedding"), "%s: the name does not begin with Embedding, as those of all alerts do", where)
		assert.Contains(t, severities, a.Labels["severity"], "%s: label severity", where)
		assert.Equal(t, strings.TrimSuffix(a.file, ".rules.yaml"), a.Labels["area"], "%s: label area; it is the name of the file", where)
		assert.NotEmpty(t, a.Labels["subject"], "%s: no label subject; a critical alert silences warnings on the same subject", where)
		for _, key := range []string{"summary", "description"} {
			text := a.Annotations[key]
			assert.NotEmpty(t, text, "%s: no annotation %s", where, key)
			assert.NotContains(t, strings.TrimSpace(text), "\n", "%s: annotation %s has several lines, want one", where, key)
		}
		assert.Equal(t, runbookBase+a.Alert+".md", a.Annotations["runbook_url"], "%s: annotation runbook_url", where)
		assert.Contains(t, dashboards, a.Annotations["dashboard"], "%s: annotation dashboard", where)
	}
}

var codeBlock = regexp.MustCompile("(?s)```(\\w+)\n(.*?)```")

func TestRunbooks(t *testing.T) {
	alerts, records := load(t)
	known := knownMetrics(t)
	var names []string
	for _, a := range alerts {
		names = append(names, a.Alert)
		file := path(t, "docs", "runbooks", a.Alert+".md")
		data, err := os.ReadFile(file)
		if !assert.NoError(t, err, "%s: %s has no runbook; write docs/runbooks/%s.md", a.file, a.Alert, a.Alert) {
			continue
		}
		text := string(data)
		where := "docs/runbooks/" + a.Alert + ".md"
		assert.True(t, strings.HasPrefix(text, "# "+a.Alert+"\n"), "%s: does not begin with # %s", where, a.Alert)
		assert.Contains(t, text, "\nSeverity: "+a.Labels["severity"]+".", "%s: does not say the severity that %s has", where, a.file)
		last := 0
		for _, s := range sections {
			at := strings.Index(text, "\n## "+s+"\n")
			assert.Greater(t, at, last, "%s: section %q is missing or not in the order %s", where, s, strings.Join(sections, ", "))
			last = max(last, at)
		}
		look := between(text, "\n## Look closer\n", "\n## ")
		assert.Regexp(t, "```(promql|logql|sh)\n", look, "%s: Look closer has no block of promql, logql or sh to look with", where)
		for _, block := range codeBlock.FindAllStringSubmatch(text, -1) {
			if block[1] != "promql" {
				continue
			}
			for _, wrong := range checkExpr(block[2], known, recordNames(records)) {
				assert.Fail(t, wrong, where)
			}
		}
	}
	pages, err := filepath.Glob(path(t, "docs", "runbooks", "*.md"))
	require.NoError(t, err)
	index := string(read(t, path(t, "docs", "runbooks", "README.md")))
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		if name == "README" {
			continue
		}
		assert.Contains(t, names, name, "docs/runbooks/%s.md is of no alert; remove it, or give it the name of one", name)
		assert.Contains(t, index, "("+name+".md)", "docs/runbooks/README.md does not list %s", name)
	}
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	section, _, _ := strings.Cut(rest, to)
	return section
}

func recordNames(records []rule) []string {
	var names []string
	for _, r := range records {
		names = append(names, r.Record)
	}
	return names
}

func TestMetricsOfRulesExist(t *testing.T) {
	alerts, records := load(t)
	known := knownMetrics(t)
	for _, r := range slices.Concat(alerts, records) {
		for _, wrong := range checkExpr(r.Expr, known, recordNames(records)) {
			assert.Fail(t, wrong, "%s: %s%s", r.file, r.Alert, r.Record)
		}
		for _, query := range queries(r) {
			for _, wrong := range checkExpr(query, known, recordNames(records)) {
				assert.Fail(t, wrong, "%s: %s, query in an annotation", r.file, r.Alert)
			}
		}
	}
}

var inTemplate = regexp.MustCompile("printf `([^`]+)` [^|]+\\| query")

// queries returns the queries in templates of annotations, with a label value put in.
func queries(r rule) []string {
	var out []string
	for _, text := range r.Annotations {
		for _, m := range inTemplate.FindAllStringSubmatch(text, -1) {
			out = append(out, strings.ReplaceAll(m[1], "%q", `"m"`))
		}
	}
	return out
}

// promtoolTest is a test of promtool's, as far as it is looked at here.
type promtoolTest struct {
	Name   string
	Series []struct{ Series string } `yaml:"input_series"`
	Exprs  []struct {
		Expr     string
		EvalTime string                     `yaml:"eval_time"`
		Samples  *[]struct{ Labels string } `yaml:"exp_samples"` // absence would read as "nothing fires"
	} `yaml:"promql_expr_test"`
}

// TestEveryAlertIsTested: a test in which the alert fires and then ends, one in which it never fires, and labels enough for
// its annotations.
func TestEveryAlertIsTested(t *testing.T) {
	alerts, _ := load(t)
	files, err := filepath.Glob(path(t, "deploy", "prometheus", "tests", "*.test.yaml"))
	require.NoError(t, err)
	type found struct{ resolves, quiet bool }
	tested := map[string]*found{}
	fired := map[string][]string{} // labels with which an alert fired, by alert
	for _, file := range files {
		var content struct{ Tests []promtoolTest }
		require.NoError(t, yaml.Unmarshal(read(t, file), &content), file)
		for _, test := range content.Tests {
			alert, _, _ := strings.Cut(test.Name, " ")
			if tested[alert] == nil {
				tested[alert] = &found{}
			}
			fires := false
			for _, e := range test.Exprs {
				if strings.HasSuffix(file, "recording.test.yaml") {
					continue
				}
				assert.Equal(t, fmt.Sprintf("ALERTS{alertname=%q,alertstate=\"firing\"}", alert), e.Expr,
					"%s: test %q looks at another alert than the one that its name begins with", filepath.Base(file), test.Name)
				if !assert.NotNil(t, e.Samples, "%s: test %q has no exp_samples at %s; write [] where nothing is to fire",
					filepath.Base(file), test.Name, e.EvalTime) {
					continue
				}
				if len(*e.Samples) == 0 && fires {
					tested[alert].resolves = true
				}
				for _, s := range *e.Samples {
					fires = true
					fired[alert] = append(fired[alert], s.Labels)
				}
			}
			if !fires && len(test.Series) > 0 && len(test.Exprs) > 0 {
				tested[alert].quiet = true
			}
		}
	}
	for _, a := range alerts {
		f := tested[a.Alert]
		if !assert.NotNil(t, f, "%s: %s has no test in deploy/prometheus/tests whose name begins with it", a.file, a.Alert) {
			continue
		}
		assert.True(t, f.resolves, "%s: %s has no test in which it fires and, at a later eval_time, does not", a.file, a.Alert)
		assert.True(t, f.quiet, "%s: %s has no test in which it never fires", a.file, a.Alert)
		for _, text := range a.Annotations {
			for _, used := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				if strings.Contains(text, "with $labels."+used[1]+" ") {
					continue // said to be absent at times
				}
				for _, labels := range fired[a.Alert] {
					assert.Contains(t, labels, used[1]+"=", "%s: %s says {{ $labels.%s }}, and fires without that label", a.file, a.Alert, used[1])
				}
			}
		}
	}
}

// TestLatencyAlertsKnowTheirBound: the SLO counts by a bucket's bound, which the connector has to have.
func TestLatencyAlertsKnowTheirBound(t *testing.T) {
	_, records := load(t)
	source := string(read(t, path(t, "connector", "embeddingmetricsconnector", "instruments.go")))
	found := false
	for _, r := range records {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
		require.NoError(t, err)
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			s, ok := node.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			for _, m := range s.LabelMatchers {
				if m.Name != "le" {
					continue
				}
				found = true
				assert.True(t, m.Matches("2") && m.Matches("2.0") && !m.Matches("2.5") && !m.Matches("20"),
					"%s: %s has the bound %s; it has to match 2 and, for Prometheus 3, 2.0", r.file, r.Record, m)
			}
			return nil
		})
	}
	require.True(t, found, "no recording rule counts by a bound")
	assert.Regexp(t, `0\.75, 1, 1\.5, 2, 3,`, source, "the durations' buckets of the connector have no bound of 2 s any more")
}
