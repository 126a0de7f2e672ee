package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
	"github.com/otelcol-embedding/otelcol-embedding/internal/validity"
)

const buildHelp = `embeddingquality build [flags] -model NAME -out REFERENCE FILE... learns a reference from the first
vectors, and from windows of the rest how windows usually differ from it. The collector reads the
file that it writes (reference::files of the embedding_quality processor).

  embeddingquality build -model qwen3-embedding-4b -window 10s -out qwen3.reference day.parquet

Take vectors from a time when the service was well: what they are like is what later windows are
compared with. With fewer than 200 windows behind the first vectors, the collector goes on learning
what is usual. Invalid vectors are not learned from.
`

func build(c *commandline.Invocation) error {
	var s settings
	s.register(c.Flags)
	c.Flags.StringVar(&s.model, "model", "", "`name` of the model as events name it (required); rows of another are passed over")
	out := c.Flags.String("out", "", "reference `file` to write (required): JSON if its name ends in .json, else binary")
	files, err := c.Parse(1, maxFiles, wantFiles)
	switch {
	case err != nil:
		return err
	case s.model == "":
		return commandline.UsageErrorf("-model: missing; want the model as events name it, e.g. qwen3-embedding-4b")
	case *out == "":
		return commandline.UsageErrorf("-out: missing; want the file to write, e.g. qwen3.reference")
	}
	if err := s.check(); err != nil {
		return err
	}
	in := openInput(files, &s, c.Stderr)
	defer in.close()
	dimension, err := in.dimension()
	if err != nil {
		return err
	}
	total := newSummary()
	compared := int64(0)
	o := newObserver(&s, dimension, nil)
	err = o.watch(in, func(r *report) error {
		total.add(r)
		if r.compared {
			compared++
		}
		return nil
	})
	if err != nil {
		return err
	}
	in.close()
	if o.monitor == nil {
		writeNotes(c.Stderr, &total.flagged, o, in)
		return fmt.Errorf("%s: found %d valid vectors, want %d to learn a reference from; -vectors takes as few as %d",
			strings.Join(files, ", "), o.learned, s.vectors, drift.MinLearn)
	}
	f := &reference.File{
		Header: reference.Header{
			Model: s.model, TaskType: s.taskType, Created: time.Now().UTC().Truncate(time.Second), Source: source(files),
		},
		Monitor: o.monitor,
	}
	if err := f.Write(*out); err != nil {
		return err
	}
	learned := o.monitor.Windows()
	writeReference(c.Stdout, f)
	fmt.Fprintf(c.Stdout, "%-20s %d %s\n", "windows compared", compared, s.window.windows())
	writeNotes(c.Stdout, &total.flagged, o, in)
	if total.alarm != nil {
		fmt.Fprintf(c.Stderr, "warning: these vectors are not all alike: the first alarm is in window %d (%s) by %s; "+
			"embeddingquality run shows the windows\n", total.alarm.number, total.alarm.where(), strings.Join(total.alarm.alarms(), ", "))
	}
	if n := total.flagged[validity.Outlier].n; 100*n > total.vectors {
		fmt.Fprintf(c.Stderr, "warning: %d of %d vectors are outliers to the first %d; want the vectors of one time when all was well\n",
			n, total.vectors, s.vectors)
	}
	if learned < drift.MinNull {
		fmt.Fprintf(c.Stderr, "warning: found %s to learn from behind the first %d vectors, want %d: "+
			"the collector goes on learning what is usual\n", plural(int64(learned), "window"), s.vectors, drift.MinNull)
	}
	_, err = fmt.Fprintf(c.Stdout, "wrote %s\n", *out)
	return err
}

// source says in few words what a reference was learned from.
func source(files []string) string {
	name := filepath.Base(files[0])
	if len(files) > 1 {
		name += fmt.Sprintf(" and %s more", plural(int64(len(files)-1), "file"))
	}
	return name
}
