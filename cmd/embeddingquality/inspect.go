package main

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"gonum.org/v1/gonum/floats"

	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
)

const inspectHelp = `embeddingquality inspect [-json] REFERENCE... prints what reference files hold.

  embeddingquality inspect qwen3.reference
`

func inspect(c *commandline.Invocation) error {
	asJSON := c.Flags.Bool("json", false, "print a line of JSON for each file")
	files, err := c.Parse(1, maxFiles, "reference files")
	if err != nil {
		return err
	}
	for i, path := range files {
		f, err := reference.Open(path)
		if err != nil {
			return err
		}
		if *asJSON {
			line, err := json.Marshal(describe(f))
			if err != nil {
				return err
			}
			fmt.Fprintf(c.Stdout, "%s\n", line)
			continue
		}
		if len(files) > 1 {
			fmt.Fprintf(c.Stdout, "%s%s\n", strings.Repeat("\n", min(i, 1)), path)
		}
		writeReference(c.Stdout, f)
	}
	return nil
}

// description is what is shown of a reference.
type description struct {
	reference.Header
	Dimension int          `json:"dimension"`
	Vectors   int          `json:"vectors"`
	Norm      moments      `json:"norm"`
	Cosine    cosineValues `json:"cosine"`
	// CentroidLength is the length of the vectors' mean.
	CentroidLength  float64 `json:"centroid_length"`
	CovarianceTrace float64 `json:"covariance_trace"`
	// EffectiveRank is (tr Σ)²/tr Σ², 0 where vectors do not vary.
	EffectiveRank      float64   `json:"effective_rank"`
	PrincipalVariances []float64 `json:"principal_variances"`
	Windows            int       `json:"windows"`
	Digest             string    `json:"digest"`
}

type moments struct {
	Mean   float64 `json:"mean"`
	StdDev float64 `json:"stddev"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func (m moments) spread() string { return fmt.Sprintf("%.3f ± %.3f", m.Mean, m.StdDev) }

type cosineValues struct {
	moments
	P05 float64 `json:"p05"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

func describe(f *reference.File) description {
	r := f.Monitor.Reference()
	digest := r.Digest()
	d := description{
		Header:    f.Header,
		Dimension: len(r.Mean),
		Vectors:   r.N,
		Norm:      moments{r.Norm.Mean, r.Norm.StdDev(), r.Norm.Min, r.Norm.Max},
		Cosine: cosineValues{
			moments{r.Cosine.Mean, r.Cosine.StdDev(), r.Cosine.Min, r.Cosine.Max},
			r.Cosines.Quantile(0.05), r.Cosines.Quantile(0.5), r.Cosines.Quantile(0.95),
		},
		CentroidLength:     floats.Norm(r.Mean, 2),
		CovarianceTrace:    r.CovarianceTrace,
		PrincipalVariances: r.Variances,
		Windows:            f.Monitor.Windows(),
		Digest:             hex.EncodeToString(digest[:]),
	}
	if r.SquaredCovarianceTrace > 0 {
		d.EffectiveRank = r.CovarianceTrace * r.CovarianceTrace / r.SquaredCovarianceTrace
	}
	return d
}

// writeReference prints a reference as a table of names and values.
func writeReference(w io.Writer, f *reference.File) {
	d := describe(f)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-20s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("model", "%s", d.Model)
	row("task type", "%s", cmp.Or(d.TaskType, "every task"))
	row("dimension", "%d", d.Dimension)
	row("vectors", "%d", d.Vectors)
	row("windows learned from", "%d", d.Windows)
	row("created", "%s", d.Created.Format(time.RFC3339))
	row("source", "%s", cmp.Or(d.Source, "unknown"))
	row("norm", "%s", number(d.Norm.Mean)+" ± "+number(d.Norm.StdDev)+", from "+number(d.Norm.Min)+" to "+number(d.Norm.Max))
	c := &d.Cosine
	row("cosine to centroid", "%s, quantiles %.3f (5%%), %.3f, %.3f (95%%)", c.spread(), c.P05, c.P50, c.P95)
	row("centroid length", "%s", number(d.CentroidLength))
	row("tr Σ", "%s", number(d.CovarianceTrace))
	row("effective rank", "%.1f", d.EffectiveRank)
	row("principal variances", "%s", variances(d.PrincipalVariances))
	row("digest", "%s", d.Digest)
}

// variances lists the first few.
func variances(all []float64) string {
	const few = 5
	if len(all) == 0 {
		return "none: the vectors do not vary"
	}
	var parts []string
	for _, v := range all[:min(few, len(all))] {
		parts = append(parts, number(v))
	}
	if len(all) > few {
		parts = append(parts, fmt.Sprintf("… (%d)", len(all)))
	}
	return strings.Join(parts, ", ")
}

// number has four digits, and no more noise than that.
func number(v float64) string {
	if math.Abs(v) < 1e-6 {
		return "0"
	}
	return fmt.Sprintf("%.4g", v)
}
