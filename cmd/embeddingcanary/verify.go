package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const verifyHelp = `embeddingcanary verify sends one round of known texts to a server and compares the vectors with pinned ones.

  embeddingcanary verify -pins qwen3.pins -endpoint http://localhost:8000/v1/embeddings

The exit status is 1 for any verdict but same.
`

func verify(c *invocation) error {
	var s server
	var path string
	var asJSON bool
	s.register(c.flags)
	c.flags.StringVar(&path, "pins", "", "`file` of pins")
	c.flags.BoolVar(&asJSON, "json", false, "print an object for machines")
	if _, err := c.parse(0, 0, "flags alone"); err != nil {
		return err
	}
	if path == "" {
		return usageErrorf("-pins: missing; want a file that embeddingcanary pin wrote")
	}
	pins, err := readPins(path)
	if err != nil {
		return err
	}
	target, err := s.open(c, pins)
	if err != nil {
		return err
	}
	if err := pins.Fits(target.plan); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	ctx, stop := interruptible()
	defer stop()
	m, err := target.round(ctx, 1)
	if err != nil {
		return err
	}
	v := canary.Judge(m, pins)
	if asJSON {
		err = printJSON(c, pins, &v)
	} else {
		printVerdict(c, pins, &v)
	}
	if err == nil && v.Verdict != embedding.CanarySame {
		err = errDiffers
	}
	return err
}

func printVerdict(c *invocation, pins *canary.Pins, v *canary.Verdict) {
	printTable(c.stdout, v)
	if v.HasCosine && v.Verdict != embedding.CanarySame {
		fmt.Fprintln(c.stdout, "\nfurthest from their pins:")
		for _, t := range v.Worst {
			fmt.Fprintf(c.stdout, "  %-22s  %9s\n", t.ID, cosine(t.Cosine))
		}
	}
	if len(v.Skipped) > 0 {
		fmt.Fprintf(c.stdout, "\nleft out: %s\n", strings.Join(v.Skipped, ", "))
	}
	fmt.Fprintf(c.stdout, "\npins     %s, %s\nverdict  %s", pins.Digest(), pins.Created.Format(time.RFC3339), v.Verdict)
	if len(v.Reasons) > 0 {
		fmt.Fprintf(c.stdout, ": %s", strings.Join(v.Reasons, ", "))
	}
	fmt.Fprintln(c.stdout)
}

func printJSON(c *invocation, pins *canary.Pins, v *canary.Verdict) error {
	type text struct {
		ID     string  `json:"id"`
		Cosine float64 `json:"cosine"`
	}
	object := struct {
		Verdict embedding.CanaryVerdict `json:"verdict"`
		Reasons []string                `json:"reasons,omitempty"`
		Skipped []string                `json:"skipped,omitempty"`
		Pins    string                  `json:"pins"`
		Worst   []text                  `json:"worst,omitempty"`
		Checks  map[string]float64      `json:"checks"`
	}{v.Verdict, v.Reasons, v.Skipped, pins.Digest(), nil, make(map[string]float64)}
	for _, t := range v.Worst {
		object.Worst = append(object.Worst, text{t.ID, t.Cosine})
	}
	for _, check := range v.Checks {
		object.Checks[check.Name] = check.Value
	}
	encoder := json.NewEncoder(c.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(object)
}
