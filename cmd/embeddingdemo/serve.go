package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/server"
)

// shutdownTimeout is how long running requests may take once the server is told to stop.
const shutdownTimeout = 10 * time.Second

const aboutServe = `embeddingdemo serve is a deterministic embedding server: the OpenAI API as vLLM speaks it, without a
model. Texts that share wording get near vectors. Faults are switched on while it runs:

  curl localhost:8000/faults                                    all faults and their state
  curl -X PUT localhost:8000/faults/latency -d 'share=0.1&value=2'
  curl -X PUT localhost:8000/faults/errors -d 'count=50&value=503'
  curl -X DELETE localhost:8000/faults/latency
  curl -X DELETE localhost:8000/faults`

// modelFlags adds the flags that say what the server answers. The names of the last two are vLLM's.
func modelFlags(flags *flag.FlagSet, c *server.Config) {
	flags.IntVar(&c.Dimension, "dimension", c.Dimension, "length of the vectors")
	flags.Func("error-shape", `how errors look: nested ({"error": {…}}) or flat ({"object": "error", …}) (default nested)`,
		func(s string) error {
			c.ErrorShape = server.ErrorShape(s)
			return nil
		})
	flags.Int64Var(&c.Created, "created", c.Created, "`seconds` since 1970 in the field created of all answers, to compare "+
		"answers byte for byte (default the time of the request)")
	flags.IntVar(&c.MaxModelLength, "max-model-len", c.MaxModelLength, "most tokens of an input")
	flags.IntVar(&c.MaxRequests, "max-num-seqs", c.MaxRequests, "requests that run at the same time; others wait")
}

// faultFlag adds the flag that switches faults on.
func faultFlag(flags *flag.FlagSet, faults *list) {
	flags.Var(faults, "fault", "switch on a fault, as `name=share[,value[,count]]`; may be repeated; one of "+
		strings.Join(server.FaultNames(), ", "))
}

func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	config := server.DefaultConfig()
	var faults list
	flags := newFlags("serve", aboutServe, stderr)
	flags.StringVar(&config.Endpoint, "endpoint", config.Endpoint, "host and port to listen on")
	flags.StringVar(&config.Model, "model", config.Model, "name of the model")
	flags.Uint64Var(&config.Seed, "seed", config.Seed, "chooses the vectors and which requests faults hit")
	modelFlags(flags, &config)
	faultFlag(flags, &faults)
	if err := parse(flags, args); err != nil {
		return err
	}
	s, err := server.New(config)
	if err != nil {
		return err
	}
	for _, fault := range faults {
		if err := s.Faults().Parse(fault); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "serving %s (demo vectors, no real model) at %s/v1; faults at %s/faults\n",
		config.Model, s.URL(), s.URL())
	select {
	case <-ctx.Done():
		fmt.Fprintln(stdout, "stopping")
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		return s.Shutdown(stopping)
	case err := <-s.Failed():
		return err
	}
}
