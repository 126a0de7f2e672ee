package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/wholefile"
)

const pinHelp = `embeddingcanary pin asks a server for the vectors of known texts several times, and writes what they are, and how much they
differ from call to call, to a file that a collector and embeddingcanary verify compare with. The file is made for git: a line
for each text.

  embeddingcanary pin -endpoint http://localhost:8000/v1/embeddings -model qwen3-embedding-4b -out qwen3.pins

What is broken or unstable is not pinned; that ends the program with status 1.
`

func pin(c *commandline.Invocation, transport http.RoundTripper) error {
	var s server
	var origin canary.Origin
	var rounds int
	var pause time.Duration
	var out string
	s.register(c.Flags)
	c.Flags.StringVar(&out, "out", "", "`file` to write")
	c.Flags.IntVar(&rounds, "rounds", 5, "`number` of rounds, at least 2, from which pins are learned; more where -budget makes texts take turns")
	c.Flags.DurationVar(&pause, "pause", 0, "`time` between rounds: the longer they are apart, the more of the server's ups and downs they see")
	c.Flags.StringVar(&origin.Name, "name", "", "`name` of the server, for readers")
	c.Flags.StringVar(&origin.DType, "dtype", "", "element `type` that the server computes with, for readers")
	c.Flags.StringVar(&origin.Hardware, "hardware", "", "`hardware` of the server, for readers")
	if _, err := c.Parse(0, 0, "flags alone"); err != nil {
		return err
	}
	switch {
	case out == "":
		return commandline.UsageErrorf("-out: missing; want the file to write")
	case rounds < 2:
		return commandline.UsageErrorf("-rounds: found %d; want at least 2", rounds)
	}
	target, err := s.open(transport, nil)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	learner := canary.NewLearner(target.plan, rounds)
	for n := int64(1); ; n++ {
		m, err := target.round(ctx, n)
		if err != nil {
			return err
		}
		v, pins := learner.Add(m)
		if v.Verdict != embedding.CanaryLearning {
			printTable(c.Stdout, &v)
			fmt.Fprintf(c.Stdout, "\nverdict  %s: %s\nnothing was pinned\n", v.Verdict, strings.Join(v.Reasons, ", "))
			return errDiffers
		}
		if pins == nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
			continue
		}
		origin.Model, origin.Created = s.model, time.Now().UTC().Truncate(time.Second)
		pins.Origin = origin
		data, err := pins.Encode()
		if err == nil {
			err = wholefile.Write(out, data)
		}
		if err != nil {
			return err
		}
		printPins(c.Stdout, pins)
		fmt.Fprintf(c.Stdout, "calls               %d\nwrote %s\n", target.calls, out)
		return nil
	}
}

// readPins reads a file of pins.
func readPins(path string) (*canary.Pins, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pins, err := canary.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pins, nil
}
