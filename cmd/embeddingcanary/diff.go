package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const diffHelp = `embeddingcanary diff A B compares two files of pins. The exit status is 1 if their vectors are not the same.

  embeddingcanary diff qwen3-october.pins qwen3-november.pins
`

func diff(c *invocation) error {
	paths, err := c.parse(2, 2, "two files of pins")
	if err != nil {
		return err
	}
	a, errA := readPins(paths[0])
	b, errB := readPins(paths[1])
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	two := func(name, x, y string) {
		mark := " "
		if x != y {
			mark = "*"
		}
		fmt.Fprintf(c.stdout, "%s %-20s %-24s %s\n", mark, name, x, y)
	}
	fmt.Fprintf(c.stdout, "  %-20s %-24s %s\n", "", paths[0], paths[1])
	two("name", a.Name, b.Name)
	two("model", a.Model, b.Model)
	two("model as answered", a.ResponseModel, b.ResponseModel)
	two("dtype", a.DType, b.DType)
	two("hardware", a.Hardware, b.Hardware)
	fmt.Fprintf(c.stdout, "  %-20s %-24s %s\n", "pinned", a.Created.Format(time.RFC3339), b.Created.Format(time.RFC3339))
	two("suite", a.Suite, b.Suite)
	two("query instruction", quoted(a.QueryInstruction), quoted(b.QueryInstruction))
	two("dimension", fmt.Sprint(a.Dimension), fmt.Sprint(b.Dimension))
	two("reads at least", fmt.Sprintf("%.0f tokens", a.EffectiveTokens), fmt.Sprintf("%.0f tokens", b.EffectiveTokens))
	d := canary.Diff(a, b)
	fmt.Fprintf(c.stdout, "\ntexts in both        %d, others %d and %d\n", d.Compared, len(d.OnlyA), len(d.OnlyB))
	if d.Dimensions[0] != d.Dimensions[1] {
		fmt.Fprintln(c.stdout, "vectors of different dimensions are not compared")
		return errDiffers
	}
	if d.Compared == 0 {
		return errors.New("found no text that both have; want pins of the same suite")
	}
	fmt.Fprintf(c.stdout, "cosine               %s least, %s median, %s mean\n", cosine(d.CosineMin), cosine(d.CosineMedian), cosine(d.CosineMean))
	fmt.Fprintln(c.stdout, "\nfurthest from each other:")
	for _, t := range d.Texts[:min(5, len(d.Texts))] {
		fmt.Fprintf(c.stdout, "  %-22s  %9s\n", t.ID, cosine(t.Cosine))
	}
	fmt.Fprintf(c.stdout, "\n%s\n", d.Verdict)
	if d.Verdict != embedding.CanarySame {
		return errDiffers
	}
	return nil
}

// quoted makes line feeds of an instruction visible.
func quoted(s string) string {
	if s == "" {
		return "-"
	}
	const most = 20
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strings.ReplaceAll(s, "\n", `\n`)
}
