package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/load"
)

// defaultDuration is how long a load runs if neither its duration nor its count is given.
const defaultDuration = time.Minute

const aboutLoad = `embeddingdemo load sends embedding requests as many independent clients would: at a rate that does not
wait for answers, in 22 languages, in all forms of input, with traceparent and X-Request-Id. The
same seed sends the same requests again. It ends after --duration or --count, whichever comes first, after one minute
if neither is given, or on Ctrl-C; with --duration 0 and no --count on Ctrl-C only.`

// mixFlags adds the flags that say what is sent.
func mixFlags(flags *flag.FlagSet, c *load.Config) {
	var mix []string
	for _, t := range c.TaskTypes {
		mix = append(mix, fmt.Sprintf("%s=%g", t.Task, t.Weight))
	}
	flags.Float64Var(&c.Rate, "rate", c.Rate, "requests a second")
	flags.StringVar(&c.Arrivals, "arrivals", c.Arrivals, "poisson (independent clients) or fixed (equal gaps)")
	flags.IntVar(&c.Concurrency, "concurrency", c.Concurrency, "most open requests; what is due above it is dropped and counted")
	flags.Func("task-types", "`mix` of task types; general names none in the request (default "+strings.Join(mix, ",")+")",
		func(s string) (err error) {
			c.TaskTypes, err = load.ParseTaskTypes(s)
			return err
		})
	flags.StringVar(&c.TaskField, "task-field", c.TaskField, "request field that names the task type, e.g. input_type")
	flags.StringVar(&c.Encoding, "encoding", c.Encoding, "encoding of answers: float, base64 or mix")
	flags.IntVar(&c.MaxBatch, "max-batch", c.MaxBatch, "most texts in a request")
	flags.IntVar(&c.MaxTokens, "max-tokens", c.MaxTokens, "most tokens in a text, estimated")
	flags.DurationVar(&c.Timeout, "timeout", c.Timeout, "most time for an answer")
}

func sendLoad(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	config := load.DefaultConfig()
	report := ""
	flags := newFlags("load", aboutLoad, stderr)
	flags.StringVar(&config.Target, "target", config.Target, "base URL of the server, without /v1")
	flags.StringVar(&config.Model, "model", config.Model, "model to ask for")
	flags.DurationVar(&config.Duration, "duration", config.Duration, "end after this time; 0 for no end (default 1m without --count)")
	flags.Int64Var(&config.Count, "count", config.Count, "end after so many requests; 0 for no end")
	flags.Uint64Var(&config.Seed, "seed", config.Seed, "chooses the requests and when they are sent")
	flags.StringVar(&report, "report", report, "`file` for the summary as JSON")
	mixFlags(flags, &config)
	if err := parse(flags, args); err != nil {
		return err
	}
	if !given(flags, "duration") && config.Count == 0 {
		config.Duration = defaultDuration
	}
	l, err := load.New(config, nil)
	if err != nil {
		return err
	}
	summary := l.Run(ctx)
	if err := summary.Write(stdout); err != nil {
		return err
	}
	if report != "" {
		b, err := json.MarshalIndent(summary, "", "  ")
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		if err := os.WriteFile(report, append(b, '\n'), 0o644); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if summary.Sent > 0 && summary.OK == 0 {
		return errors.New("no request succeeded")
	}
	return nil
}

// given tells whether a flag is on the command line.
func given(flags *flag.FlagSet, name string) bool {
	found := false
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}
