package main

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
)

const runHelp = `embeddingquality run [flags] FILE... judges vectors, window by window, as the collector does: against
the reference of a file, or against one that it learns from the first vectors. It prints a line for
each window whose verdict is another than that of the window before, and a summary.

  embeddingquality run -reference qwen3.reference -picture today.png today.parquet
  embeddingquality run -window 10s -all today.jsonl

Verdicts are learning, healthy, traffic_shift, model_changed and invalid_output. Until there is a
reference and 200 windows have shown how windows usually differ from it, the verdict is learning.
The exit status is 0 whatever the verdicts, 1 for a failure and 2 for a wrong command line.
`

// judgeFiles is the command run.
func judgeFiles(c *commandline.Invocation) error {
	var s settings
	s.register(c.Flags)
	c.Flags.StringVar(&s.model, "model", "",
		"`name` of the model; rows of another are passed over\n(default: the reference's, or the first row's)")
	against := c.Flags.String("reference", "", "`file` of the reference; without it, one is learned from the first vectors")
	pictureTo := c.Flags.String("picture", "", "`file` to draw evidence and cosines to, a PNG")
	all := c.Flags.Bool("all", false, "print every window")
	asCSV := c.Flags.Bool("csv", false, "print every window as comma-separated values, and the summary to stderr")
	asJSON := c.Flags.Bool("json", false, "print every window as a line of JSON, and the summary to stderr")
	failOnAlarm := c.Flags.Bool("fail-on-alarm", false, "exit with status 3 if a window has an alarm or an invalid vector")
	files, err := c.Parse(1, maxFiles, wantFiles)
	if err != nil {
		return err
	}
	if *asCSV && *asJSON {
		return commandline.UsageErrorf("found both -csv and -json, want one of them")
	}
	if err := s.check(); err != nil {
		return err
	}
	var monitor *drift.Monitor
	if *against != "" {
		pinned, err := reference.Open(*against)
		if err != nil {
			return err
		}
		monitor = pinned.Monitor
		s.model, s.taskType = cmp.Or(s.model, pinned.Model), cmp.Or(s.taskType, pinned.TaskType)
	}
	in := openInput(files, &s, c.Stderr)
	defer in.close()
	dimension, err := in.dimension()
	if err != nil {
		return err
	}
	if monitor != nil {
		if want := len(monitor.Reference().Mean); dimension != want {
			return fmt.Errorf("%s: found vectors of %d dimensions, want %d as those of %s have", files[0], dimension, want, *against)
		}
	}
	out := bufio.NewWriter(c.Stdout)
	var lines printer = &table{w: out, all: *all}
	summaryTo := io.Writer(out)
	switch {
	case *asCSV:
		lines, summaryTo = &rows{w: csv.NewWriter(out)}, c.Stderr
	case *asJSON:
		lines, summaryTo = &objects{out}, c.Stderr
	}
	var p *picture
	if *pictureTo != "" {
		p = &picture{}
	}
	total := newSummary()
	o := newObserver(&s, dimension, monitor)
	err = o.watch(in, func(r *report) error {
		total.add(r)
		if p != nil {
			p.add(r)
		}
		return lines.print(r)
	})
	in.close()
	if err = errors.Join(err, lines.end()); err != nil {
		return errors.Join(err, out.Flush()) // with what was found before the file was no longer to be read
	}
	total.write(summaryTo, o, in)
	if err := out.Flush(); err != nil {
		return err
	}
	if p != nil {
		if err := p.write(*pictureTo, files, o, total); err != nil {
			return err
		}
	}
	if *failOnAlarm && total.alarming() {
		return errAlarm
	}
	return nil
}

const (
	maxFiles  = 1 << 20
	wantFiles = "files of vectors: .npy, .npz, JSON lines or Parquet"
)

// write prints the summary.
func (s *summary) write(w io.Writer, o *observer, in *input) {
	fmt.Fprintf(w, "\n%s in %s %s\n", plural(s.vectors, "vector"), plural(s.windows, "window"), o.settings.window.windows())
	if o.monitor == nil {
		fmt.Fprintf(w, "reference: not learned, because only %d of %d valid vectors were found; fewer will do with -vectors\n",
			o.learned, o.settings.vectors)
	} else {
		fmt.Fprintf(w, "reference: %d vectors, %s learned from\n", o.monitor.Reference().N, plural(int64(o.monitor.Windows()), "window"))
	}
	var parts []string
	for _, v := range verdicts() {
		if n := s.verdicts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", v, n))
		}
	}
	fmt.Fprintf(w, "verdicts: %s\n", strings.Join(parts, ", "))
	switch {
	case s.alarm != nil:
		fmt.Fprintf(w, "first alarm: window %d (%s) by %s\n", s.alarm.number, s.alarm.where(), strings.Join(s.alarm.alarms(), ", "))
	case o.findings.Windows >= drift.MinNull:
		fmt.Fprintln(w, "no alarm")
	default:
		fmt.Fprintf(w, "no evidence was weighed: it takes %d windows to learn what is usual\n", drift.MinNull)
	}
	writeNotes(w, &s.flagged, o, in)
}

// writeNotes prints what was flagged, and what was left out.
func writeNotes(w io.Writer, flagged *reasons, o *observer, in *input) {
	for fault, f := range flagged.all() {
		if f.n > 0 {
			fmt.Fprintf(w, "%v: %s; the first in %s\n", fault, plural(f.n, "vector"), f.first)
		}
	}
	for _, note := range in.notes() {
		fmt.Fprintln(w, note)
	}
	if o.early.n > 0 {
		fmt.Fprintf(w, "not in the order of time: %s, counted in the windows that they came in; the first in %s\n",
			plural(o.early.n, "row"), o.early.first)
	}
}
