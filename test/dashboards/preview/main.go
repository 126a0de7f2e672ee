// Command preview draws the Grafana dashboards in deploy/grafana from the data of a real Prometheus and Loki, one HTML page each,
// so that data, layout and texts can be looked at without a Grafana. It does not render as Grafana does; README.md says in what.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// points is how many samples a graph has over its range, about one every 4 pixels of a panel of half the width.
const points = 180

func main() {
	var s sources
	folder := flag.String("dashboards", "deploy/grafana/dashboards", "`folder` of the dashboards")
	flag.StringVar(&s.prometheus, "prometheus", "http://localhost:9090", "base `URL` of Prometheus")
	flag.StringVar(&s.loki, "loki", "", "base `URL` of Loki; without it panels of logs are empty")
	flag.StringVar(&s.job, "job", "otelcol-embedding", "Prometheus' scrape job of the collectors")
	flag.DurationVar(&s.values.RateInterval, "rate-interval", 20*time.Second, "what $__rate_interval stands for, at least 4 scrape intervals")
	flag.DurationVar(&s.values.Range, "range", 5*time.Minute, "how much `time` is shown")
	end := flag.String("end", "", "the `time` up to which it is shown, such as 2026-01-31T15:04:05Z; without it, now")
	out := flag.String("out", "build/preview", "`folder` to write the pages to")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "%q is no flag; all settings are flags\n", flag.Arg(0))
		os.Exit(2)
	}
	s.end = time.Now()
	if *end != "" {
		var err error
		if s.end, err = time.Parse(time.RFC3339, *end); err != nil {
			fmt.Fprintf(os.Stderr, "-end is %q, and has to look like 2026-01-31T15:04:05Z\n", *end)
			os.Exit(2)
		}
	}
	if err := draw(context.Background(), *folder, *out, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func draw(ctx context.Context, folder, out string, s sources) error {
	if s.values.Range < points*time.Millisecond {
		return fmt.Errorf("-range is %v, and has to be %v or more", s.values.Range, points*time.Millisecond)
	}
	s.prometheus, s.loki = strings.TrimSuffix(s.prometheus, "/"), strings.TrimSuffix(s.loki, "/")
	s.values.Interval = max(s.values.Range/points, time.Second)
	boards, err := dashboards.Load(folder)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, b := range boards {
		p, err := s.ask(ctx, b)
		if err != nil {
			return err
		}
		content, err := p.html()
		if err != nil {
			return err
		}
		file := filepath.Join(out, b.UID+".html")
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s %dx%d\n", file, width, p.height())
	}
	return nil
}
