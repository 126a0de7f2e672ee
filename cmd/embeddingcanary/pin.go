package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const pinHelp = `embeddingcanary pin asks a server for the vectors of known texts several times, and writes what they are, and how much they
differ from call to call, to a file that a collector and embeddingcanary verify compare with. The file is made for git: a line
for each text.

  embeddingcanary pin -endpoint http://localhost:8000/v1/embeddings -model qwen3-embedding-4b -out qwen3.pins

What is broken or unstable is not pinned; that ends the program with status 1.
`

func pin(c *invocation) error {
	var s server
	var origin canary.Origin
	var rounds int
	var pause time.Duration
	var out string
	s.register(c.flags)
	c.flags.StringVar(&out, "out", "", "`file` to write")
	c.flags.IntVar(&rounds, "rounds", 5, "`number` of rounds, at least 2, from which pins are learned; more where -budget makes texts take turns")
	c.flags.DurationVar(&pause, "pause", 0, "`time` between rounds: the longer they are apart, the more of the server's ups and downs they see")
	c.flags.StringVar(&origin.Name, "name", "", "`name` of the server, for readers")
	c.flags.StringVar(&origin.DType, "dtype", "", "element `type` that the server computes with, for readers")
	c.flags.StringVar(&origin.Hardware, "hardware", "", "`hardware` of the server, for readers")
	if _, err := c.parse(0, 0, "flags alone"); err != nil {
		return err
	}
	switch {
	case out == "":
		return usageErrorf("-out: missing; want the file to write")
	case rounds < 2:
		return usageErrorf("-rounds: found %d; want at least 2", rounds)
	}
	target, err := s.open(c, nil)
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
			printTable(c.stdout, &v)
			fmt.Fprintf(c.stdout, "\nverdict  %s: %s\nnothing was pinned\n", v.Verdict, strings.Join(v.Reasons, ", "))
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
			err = write(out, data)
		}
		if err != nil {
			return err
		}
		printPins(c.stdout, pins)
		fmt.Fprintf(c.stdout, "calls               %d\nwrote %s\n", target.calls, out)
		return nil
	}
}

// write writes all of a file, or leaves what was there before.
func write(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // there is none any more if all went well
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
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
