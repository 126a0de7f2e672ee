package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/alerting"
)

func TestAlertmanagerConfig(t *testing.T) {
	run(t, path(t, "deploy", "alertmanager"), tool(t, "amtool"), "check-config", "alertmanager.yaml")
}

// TestEveryAlertIsRouted asks amtool where each alert goes: by its severity and nothing else.
func TestEveryAlertIsRouted(t *testing.T) {
	amtool := tool(t, "amtool")
	receivers := map[string]string{"critical": "pager", "warning": "tickets", "info": "notes"}
	alerts, _ := load(t)
	for _, a := range alerts {
		args := []string{"config", "routes", "test", "--config.file=alertmanager.yaml", "alertname=" + a.Alert, "model=m"}
		for k, v := range a.Labels {
			args = append(args, k+"="+v)
		}
		cmd := exec.CommandContext(t.Context(), amtool, args...)
		cmd.Dir = path(t, "deploy", "alertmanager")
		out, err := cmd.Output()
		require.NoError(t, err, a.Alert)
		assert.Equal(t, receivers[a.Labels["severity"]], strings.TrimSpace(string(out)), "receiver of %s, which is %s", a.Alert, a.Labels["severity"])
	}
}

// TestInhibitionKnowsItsAlerts: a name in an inhibition rule that no alert has would silence nothing, and nobody would know.
func TestInhibitionKnowsItsAlerts(t *testing.T) {
	alerts, _ := load(t)
	var content struct {
		InhibitRules []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
	}
	file := path(t, "deploy", "alertmanager", "alertmanager.yaml")
	require.NoError(t, yaml.Unmarshal(read(t, file), &content))
	require.NotEmpty(t, content.InhibitRules)
	for i, r := range content.InhibitRules {
		for _, matcher := range slices.Concat(r.Source, r.Target) {
			for _, pattern := range namePatterns(matcher) {
				assert.True(t, slices.ContainsFunc(alerts, func(a rule) bool { return pattern(a.Alert) }),
					"alertmanager.yaml: inhibit_rules[%d]: %s has an alternative that is no alert's name", i, matcher)
			}
		}
	}
}

// namePatterns returns a test for each alternative of a matcher of alert names, and none for other matchers.
func namePatterns(matcher string) []func(string) bool {
	pattern, ok := strings.CutPrefix(matcher, "alertname")
	if !ok {
		return nil
	}
	pattern = strings.Trim(strings.TrimLeft(pattern, "=~!"), `"`)
	head, rest, _ := strings.Cut(pattern, "(")
	alternatives := []string{""}
	if rest != "" {
		alternatives = alternative(strings.TrimSuffix(rest, ")"))
	}
	var tests []func(string) bool
	for _, a := range alternatives {
		tests = append(tests, regexp.MustCompile("^(?:"+head+a+")$").MatchString)
	}
	return tests
}

// alternative splits the alternatives of a regular expression, those of brackets in it too.
func alternative(pattern string) []string {
	var out []string
	depth, start := 0, 0
	split := func(end int) {
		part := pattern[start:end]
		if head, rest, ok := strings.Cut(part, "("); ok {
			for _, a := range alternative(strings.TrimSuffix(rest, ")")) {
				out = append(out, head+a)
			}
		} else {
			out = append(out, part)
		}
		start = end + 1
	}
	for i, r := range pattern {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == '|' && depth == 0:
			split(i)
		}
	}
	split(len(pattern))
	return out
}

// startAlertmanager starts the real one with the shipped configuration, which sends to the test.
func startAlertmanager(t *testing.T) (api string, hook webhook) {
	t.Helper()
	binary := tool(t, "alertmanager", "prometheus-alertmanager")
	hook = webhook{alerting.NewWebhook(t)}
	return alerting.StartAlertmanager(t, binary, hook.Webhook), hook
}

// webhook knows what arrived by "receiver status alertname model replica host".
type webhook struct{ *alerting.Webhook }

func (h webhook) has(message string) bool { return slices.Contains(h.all(), message) }

func (h webhook) all() []string {
	var all []string
	for _, n := range h.Notifications() {
		all = append(all, n.Receiver+" "+n.Status+" "+key(n.Labels))
	}
	return all
}

func (h webhook) eventually(t *testing.T, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if !assert.Eventually(t, func() bool { return h.has(m) }, time.Minute, 50*time.Millisecond, "%q was not sent", m) {
			t.Logf("sent were %q", h.all())
		}
	}
}

func key(labels map[string]string) string {
	out := labels["alertname"]
	for _, k := range []string{"model", "replica", "host"} {
		if labels[k] != "" {
			out += " " + labels[k]
		}
	}
	return out
}

// alertWith has the labels that the rule gives, and the ones of the case, as k=v.
func alertWith(t *testing.T, name string, more ...string) map[string]string {
	t.Helper()
	alerts, _ := load(t)
	i := slices.IndexFunc(alerts, func(a rule) bool { return a.Alert == name })
	require.GreaterOrEqual(t, i, 0, "no rule file has an alert %s", name)
	labels := maps.Clone(alerts[i].Labels)
	labels["alertname"] = name
	for _, kv := range more {
		k, v, _ := strings.Cut(kv, "=")
		labels[k] = v
	}
	return labels
}

// post sends alerts as Prometheus does when they begin, or end: for one that began longer ago than group_wait, Alertmanager
// waits for nothing, and may not know the cause yet.
func post(t *testing.T, api string, ended bool, alerts ...map[string]string) {
	t.Helper()
	var body []map[string]any
	now := time.Now()
	for _, labels := range alerts {
		a := map[string]any{"labels": labels, "startsAt": now, "endsAt": now.Add(time.Hour)}
		if ended {
			a["startsAt"], a["endsAt"] = now.Add(-time.Minute), now.Add(-time.Millisecond)
		}
		body = append(body, a)
	}
	data, err := json.Marshal(body)
	require.NoError(t, err)
	resp, err := http.Post(api+"/api/v2/alerts", "application/json", bytes.NewReader(data))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", text)
}

// suppressed returns the alerts that are inhibited.
func suppressed(t *testing.T, api string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/api/v2/alerts", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var alerts []struct {
		Labels map[string]string
		Status struct {
			InhibitedBy []string
		}
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&alerts))
	out := []string{}
	for _, a := range alerts {
		if len(a.Status.InhibitedBy) > 0 {
			out = append(out, key(a.Labels))
		}
	}
	slices.Sort(out)
	return out
}

// TestInhibition runs the real Alertmanager. Each case has alerts that fire together: the cause, its effects, which must
// not be sent, and others, which must.
func TestInhibition(t *testing.T) {
	api, hook := startAlertmanager(t)
	type labels = map[string]string
	for _, c := range []struct {
		name    string
		cause   labels
		effects []labels
		others  []labels
	}{
		{
			name:  "the server of a model is unreachable",
			cause: alertWith(t, "EmbeddingServerUnreachable", "model=down"),
			effects: []labels{
				alertWith(t, "EmbeddingNoRequests", "model=down"),
				alertWith(t, "EmbeddingLatencyHigh", "model=down"),
				alertWith(t, "EmbeddingErrorBudgetBurnFast", "model=down"),
				alertWith(t, "EmbeddingCanaryWrong", "model=down", "replica=d1", "target=t"),
			},
			others: []labels{
				alertWith(t, "EmbeddingNoRequests", "model=alive"),
				alertWith(t, "EmbeddingCanaryWrong", "model=alive", "replica=a1", "target=t"),
				alertWith(t, "EmbeddingDimensionMismatch", "model=down"),
			},
		},
		{
			name:  "one replica is unreachable",
			cause: alertWith(t, "EmbeddingCanaryUnreachable", "model=two", "replica=r1", "target=t"),
			effects: []labels{
				alertWith(t, "EmbeddingCanaryWrong", "model=two", "replica=r1", "target=t"),
				alertWith(t, "EmbeddingReplicaFault", "model=two", "replica=r1"),
				alertWith(t, "EmbeddingServerScrapeDown", "replica=r1"),
			},
			others: []labels{
				alertWith(t, "EmbeddingReplicaFault", "model=two", "replica=r2"),
				alertWith(t, "EmbeddingLatencyHigh", "model=two"),
			},
		},
		{
			name:  "one collector is down",
			cause: alertWith(t, "EmbeddingCollectorDown", "host=h1", "instance=h1:9464"),
			effects: []labels{
				alertWith(t, "EmbeddingGPUMemoryHigh", "host=h1", "instance=h1:9464", "hw_name=gpu0"),
				alertWith(t, "EmbeddingExportFailing", "host=h1", "instance=h1:9464", "exporter=e"),
				alertWith(t, "EmbeddingServerScrapeDown", "host=h1", "instance=h1:9464", "replica=s"),
			},
			others: []labels{
				alertWith(t, "EmbeddingGPUMemoryHigh", "host=h2", "instance=h2:9464", "hw_name=gpu0"),
				alertWith(t, "EmbeddingNoRequests", "model=elsewhere"),
			},
		},
		{
			name:  "critical before warning",
			cause: alertWith(t, "EmbeddingGPUMemoryNearLimit", "host=h3", "instance=h3:9464", "hw_name=gpu0"),
			effects: []labels{
				alertWith(t, "EmbeddingGPUMemoryHigh", "host=h3", "instance=h3:9464", "hw_name=gpu0"),
			},
			others: []labels{
				alertWith(t, "EmbeddingGPUMemoryHigh", "host=h4", "instance=h4:9464", "hw_name=gpu1"),
				alertWith(t, "EmbeddingGPUHot", "host=h3", "instance=h3:9464", "hw_name=gpu0"),
			},
		},
		{
			name:  "no collector at all",
			cause: alertWith(t, "EmbeddingCollectorAbsent"),
			effects: []labels{
				alertWith(t, "EmbeddingNoRequests", "model=any"),
				alertWith(t, "EmbeddingRequestsAbsent"),
				alertWith(t, "EmbeddingCanarySilent", "model=any", "target=t"),
			},
			others: []labels{
				alertWith(t, "EmbeddingTrafficShift", "model=any", "replica=r"),
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			post(t, api, false, slices.Concat([]labels{c.cause}, c.effects, c.others)...)
			hook.eventually(t, message(c.cause, "firing"))
			for _, o := range c.others {
				hook.eventually(t, message(o, "firing"))
			}
			var want []string
			for _, e := range c.effects {
				want = append(want, key(e))
				assert.False(t, hook.has(message(e, "firing")), "%s was sent", key(e))
			}
			slices.Sort(want)
			assert.Equal(t, want, suppressed(t, api), "alerts that Alertmanager says are inhibited")

			// When the cause has ended, what still fires is told. The first effect will do.
			post(t, api, true, c.cause)
			hook.eventually(t, message(c.cause, "resolved"), message(c.effects[0], "firing"))
			post(t, api, true, slices.Concat(c.effects, c.others)...)
		})
	}
}

// message is what the webhook keeps of an alert.
func message(labels map[string]string, status string) string {
	receiver := map[string]string{"critical": "pager", "warning": "tickets", "info": "notes"}[labels["severity"]]
	return receiver + " " + status + " " + key(labels)
}
