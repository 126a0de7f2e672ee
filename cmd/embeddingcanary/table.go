package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
)

// printPins says what pins are of.
func printPins(w io.Writer, p *canary.Pins) {
	line := func(name, value string) { fmt.Fprintf(w, "%-18s  %s\n", name, value) }
	if p.Name != "" {
		line("name", p.Name)
	}
	line("model", cmp.Or(p.Model, "-"))
	if p.DType+p.Hardware != "" {
		line("dtype, hardware", cmp.Or(p.DType, "-")+", "+cmp.Or(p.Hardware, "-"))
	}
	line("pinned", fmt.Sprintf("%s, %d rounds", p.Created.Format(time.RFC3339), p.Rounds))
	line("digest", p.Digest())
	line("dimension", strconv.Itoa(p.Dimension))
	line("texts", strconv.Itoa(len(p.Texts)))
	line("repeats", fmt.Sprintf("cosines of %s and more", cosine(1-p.RepeatSpread)))
	if p.EffectiveTokens > 0 {
		line("reads at least", fmt.Sprintf("%.0f tokens", p.EffectiveTokens))
	}
}

// printTable prints what was measured, in the order in which checks are described.
func printTable(w io.Writer, v *canary.Verdict) {
	for _, d := range canary.Descriptions() {
		for _, c := range v.Checks {
			if c.Name == d.Name || strings.HasPrefix(c.Name, d.Name+"_") && isNumber(c.Name[len(d.Name)+1:]) {
				text := d.Text
				if c.Name != d.Name {
					text, _, _ = strings.Cut(text, ";")
				}
				fmt.Fprintf(w, "%-24s  %9s  %s\n", c.Name, cosine(c.Value), text)
			}
		}
	}
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// cosine prints counts as they are, and anything else with the digits that count for cosines near 1.
func cosine(v float64) string {
	if v == float64(int64(v)) && v != 1 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'f', 6, 64)
}
