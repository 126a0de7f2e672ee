package up

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/load"
)

// printPanel prints where to look and what to try.
func (r *run) printPanel() error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	tap := strings.TrimRight(r.config.Tap, "/")
	rule := strings.Repeat("─", 78)

	line("%s", rule)
	if r.server != nil {
		line(" otelcol-embedding is running on DEMO DATA: a made-up server and made-up load,")
		line(" no real model and no real users. %g requests/s go through the tap.", r.config.Load.Rate)
	} else {
		line(" otelcol-embedding is watching %s", r.config.Upstream)
	}
	line("%s", rule)
	line(" send requests to   %s/v1", tap)
	line(" see metrics at     %s", r.config.Metrics)
	line(" post events to     %s", r.config.Ingest)
	line(" collector's log    %s", r.config.CollectorLog)
	line("")
	if r.server != nil {
		demo := r.server.URL()
		line(" demo server        %s", demo)
		line(" switch on a fault  curl -X PUT %s/faults/nan -d share=0.1", demo)
		line(" all faults         curl %s/faults", demo)
		line(" switch all off     curl -X DELETE %s/faults", demo)
		line("")
		line(" watch a real server instead:")
		line("   %s=http://host:8000 make run", UpstreamVariable)
	} else {
		line(" Nothing is sent by this program: point your clients at the tap, e.g.")
		line("   curl %s/v1/embeddings -H 'Content-Type: application/json' \\", tap)
		line(`     -d '{"model": "%s", "input": "hello"}'`, r.config.Load.Model)
	}
	line("")
	line(" Ctrl-C ends all of it.")
	line("%s", rule)
	_, err := io.WriteString(r.out, b.String())
	return err
}

// printStatus prints one line about the load so far. A closed terminal is no reason to stop.
func printStatus(out io.Writer, s load.Interval) {
	latency := "-"
	if s.P95 > 0 {
		latency = load.Milliseconds(s.P95)
	}
	_, _ = fmt.Fprintf(out, "%s  demo load: %d requests, %d errors, %d dropped, p95 %s\n",
		time.Now().Format(time.TimeOnly), s.Sent, s.Errors, s.Dropped, latency)
}
