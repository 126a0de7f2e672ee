package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

var update = flag.Bool("update", false, "write testdata/small.html anew")

// span is what the backend below has samples of, one a second.
const span = 3 * time.Second

var (
	end   = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	start = end.Add(-span)
)

// backend answers the queries of testdata/small.json as Prometheus and Loki do.
func backend(t *testing.T) *httptest.Server {
	t.Helper()
	line := func(labels string, values ...string) string {
		var pairs []string
		for i, v := range values {
			pairs = append(pairs, fmt.Sprintf("[%d,%q]", start.Unix()+int64(i), v))
		}
		return fmt.Sprintf(`{"metric":{%s},"values":[%s]}`, labels, strings.Join(pairs, ","))
	}
	matrix := func(lines ...string) string {
		return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(lines, ",") + `]}}`
	}
	answers := map[string]string{
		`latency{model=~".*"}`: matrix(line(`"model":"low"`, "0.1", "0.2", "0.1", "NaN"), line(`"model":"<high>"`, "1", "3", "1", "0.5")),
		"ok":                   `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"target":"gpu-a"},"value":[1,"0"]}]}}`,
		"gpus":                 `{"status":"success","data":{"resultType":"vector","result":[]}}`,
		"verdict":              matrix(line(`"model":"low"`, "1", "1", "2", "2")),
		"tokens":               matrix(line(`"le":"+Inf"`, "3", "3", "3", "3"), line(`"le":"16"`, "1", "2", "3", "3")),
		`{service_name=~".+"}`: fmt.Sprintf(`{"status":"success","data":{"resultType":"streams","result":[
			{"stream":{"trace_id":"4bf92f"},"values":[["%d","a <failed> call"]]}]}}`, end.UnixNano()),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.FormValue("query")]
		if !ok {
			answer = fmt.Sprintf(`{"status":"error","error":"no such query: %s"}`, strings.ReplaceAll(r.FormValue("query"), `"`, "'"))
		}
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	return server
}

func drawn(t *testing.T) string {
	t.Helper()
	url, out := backend(t).URL, t.TempDir()
	require.NoError(t, draw(t.Context(), "testdata", out, sources{
		prometheus: url, loki: url + "/", end: end, values: dashboards.Values{Range: span, RateInterval: 20 * time.Second},
	}))
	content, err := os.ReadFile(filepath.Join(out, "small.html"))
	require.NoError(t, err)
	return string(content)
}

// TestDraw compares a small page with testdata/small.html, which -update writes anew: look at it in a browser then.
func TestDraw(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
	page := drawn(t)
	if *update {
		require.NoError(t, os.WriteFile("testdata/small.html", []byte(page), 0o644))
	}
	want, err := os.ReadFile("testdata/small.html")
	require.NoError(t, err)
	assert.Equal(t, string(want), page)
	for _, text := range []string{
		"not Grafana's rendering", "No GPUs: needs the nvml receiver", "not ok", "Latency &lt;P95&gt;", "&lt;high&gt;", "4bf92f",
		"a &lt;failed&gt; call", `stroke="#f2495c" stroke-width="1.5" stroke-dasharray="8 5"`,
	} {
		assert.Contains(t, page, text)
	}
	assert.Less(t, strings.Index(page, "&lt;high&gt;</td>"), strings.Index(page, "low</td>"), "the legend begins with what is highest")
}

func TestDrawSaysWhatFailed(t *testing.T) {
	s := sources{prometheus: backend(t).URL, end: end, values: dashboards.Values{Range: span}}
	folder := t.TempDir()
	assert.ErrorContains(t, draw(t.Context(), folder, t.TempDir(), s), "no dashboards in "+folder)

	content := `{"uid":"b","panels":[{"type":"gauge","title":"G","targets":[{"refId":"A","expr":"%s","datasource":{"type":"prometheus"}}]}]}`
	write := func(expr string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "b.json"), fmt.Appendf(nil, content, expr), 0o600))
	}
	write("missing")
	assert.ErrorContains(t, draw(t.Context(), folder, t.TempDir(), s), `b, "G", query A: 200 OK: no such query: missing`)
	write("verdict")
	assert.ErrorContains(t, draw(t.Context(), folder, t.TempDir(), s), "b: G: cannot draw a panel of the type gauge")
	s.values.Range = time.Millisecond
	assert.ErrorContains(t, draw(t.Context(), folder, t.TempDir(), s), "-range is 1ms, and has to be 180ms or more")
}
