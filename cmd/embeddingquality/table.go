package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
)

// printer writes what was found in windows, one after the other.
type printer interface {
	print(r *report) error
	// end is called behind the last one.
	end() error
}

// table writes a line for a window. Unless it writes all of them, it writes those whose verdict is another than that of the window
// before.
type table struct {
	w       io.Writer
	all     bool
	begun   bool
	last    verdict
	skipped int64 // windows since the last line
}

const header = `                                                                         evidence, of which 1 is an alarm
                                                                         mean_  cosine_       cosine_
 window  from                  vectors   norm    centroid       z     KS  shift  distribution  tails    covariance  verdict
`

func (t *table) print(r *report) error {
	if !t.begun {
		t.begun = true
		if _, err := io.WriteString(t.w, header); err != nil {
			return err
		}
	}
	if !t.all && r.number > 1 && r.verdict == t.last {
		t.skipped++
		return nil
	}
	if err := t.end(); err != nil {
		return err
	}
	t.last = r.verdict
	_, err := fmt.Fprintln(t.w, line(r))
	return err
}

func (t *table) end() error {
	if t.skipped == 0 {
		return nil
	}
	_, err := fmt.Fprintf(t.w, "      …  %s: %s\n", plural(t.skipped, "more window"), t.last)
	t.skipped = 0
	return err
}

// line is a window's line in the table.
func line(r *report) string {
	centroid, z, ks := "-", "-", "-"
	if r.compared {
		centroid = fmt.Sprintf("%.5f", r.findings.Shift.CentroidDistance)
		ks = fmt.Sprintf("%.3f", r.findings.KolmogorovSmirnov)
		if r.findings.Shift.HasZ {
			z = fmt.Sprintf("%.1f", r.findings.Shift.Z)
		}
	}
	norm := "-"
	if r.norm.N > 0 {
		norm = fmt.Sprintf("%.4g", r.norm.Mean)
	}
	var evidence [4]string
	for i := range evidence {
		evidence[i] = "-"
		if r.compared && r.findings.Windows >= drift.MinNull {
			evidence[i] = fmt.Sprintf("%.2f", r.findings.Weights[i].Evidence)
		}
	}
	from := r.from()
	if !r.time.IsZero() {
		from = r.time.UTC().Format("2006-01-02T15:04:05Z")
	}
	s := fmt.Sprintf("%7d  %-20s  %7d  %5s  %10s  %6s  %5s  %5s  %12s  %5s  %12s  %s", r.number, from, r.vectors, norm, centroid, z, ks,
		evidence[0], evidence[1], evidence[2], evidence[3], r.verdict)
	if flagged := r.flagged.String(); flagged != "" {
		s += ": " + flagged
	}
	return s
}

// from says in few words where a window begins.
func (r *report) from() string { return strings.TrimSuffix(r.place.row, ", counted from 0") }

// where says exactly where a window begins.
func (r *report) where() string {
	if r.time.IsZero() {
		return r.place.String()
	}
	return r.time.UTC().Format(time.RFC3339) + ", " + r.place.String()
}

// rows writes comma-separated values, each window a row.
type rows struct {
	w     *csv.Writer
	begun bool
}

func (c *rows) print(r *report) error {
	values := r.values()
	record := make([]string, len(values))
	if !c.begun {
		c.begun = true
		for i, v := range values {
			record[i] = v.name
		}
		if err := c.w.Write(record); err != nil {
			return err
		}
	}
	for i, v := range values {
		switch v := v.value.(type) {
		case nil:
			record[i] = ""
		case float64:
			record[i] = strconv.FormatFloat(v, 'g', -1, 64)
		default:
			record[i] = fmt.Sprint(v)
		}
	}
	return c.w.Write(record)
}

func (c *rows) end() error {
	c.w.Flush()
	return c.w.Error()
}

// objects writes JSON lines, each window an object, without what a window does not have.
type objects struct{ w io.Writer }

func (o *objects) print(r *report) error {
	b := []byte{'{'}
	for _, v := range append(r.values(), value{"alarms", r.alarms()}) {
		text, err := json.Marshal(v.value)
		if err != nil {
			return err
		}
		if string(text) == "null" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ", "...)
		}
		b = append(append(strconv.AppendQuote(b, v.name), ": "...), text...)
	}
	_, err := o.w.Write(append(b, "}\n"...))
	return err
}

func (o *objects) end() error { return nil }
