package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/validity"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vectorfile"
)

// observer watches the rows of an input, window by window, as the processor watches traffic.
type observer struct {
	settings *settings
	judge    judge
	learner  *drift.Learner
	monitor  *drift.Monitor // nil until the reference is learned
	window   *drift.Window  // of the valid vectors since the last comparison
	findings drift.Findings // of the last comparison
	report   report         // of the window that is open
	windows  int            // that have ended
	end      time.Time      // of the window that is open, where windows have a duration
	// early counts rows that were made before the window that they came in.
	early tally
	// learned counts the vectors that the reference is learned from.
	learned int
}

// newObserver returns an observer that compares with the monitor's reference, or learns one where monitor is nil.
func newObserver(s *settings, dimension int, monitor *drift.Monitor) *observer {
	o := &observer{
		settings: s, judge: newJudge(dimension), monitor: monitor, window: drift.NewWindow(dimension),
	}
	if monitor == nil {
		o.learner = drift.NewLearner(dimension, s.vectors)
	} else {
		o.judge.expectOf(monitor.Reference())
	}
	return o
}

// watch calls each with every window.
func (o *observer) watch(in *input, each func(*report) error) error {
	for {
		row, err := in.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		end := err != nil
		if !end && o.settings.window.duration > 0 {
			if row.Time.IsZero() {
				return fmt.Errorf("%s: found no time, want one for windows of %v; "+
					"-time-field names it, and -window takes a number of vectors too", in.place(), o.settings.window.duration)
			}
			end = o.isOver(row.Time, in.place)
		}
		if end && o.report.vectors > 0 {
			if err := o.close(each); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		o.add(row, in.place)
		if o.settings.window.duration == 0 && o.report.vectors == int64(o.settings.window.number) {
			if err := o.close(each); err != nil {
				return err
			}
		}
	}
}

// isOver is whether a row of this time begins another window, which it then sets up.
func (o *observer) isOver(at time.Time, where func() place) bool {
	length := o.settings.window.duration
	switch {
	case o.end.IsZero():
		o.end = at.Add(length)
		return false
	case at.Before(o.end):
		if at.Before(o.end.Add(-length)) {
			o.early.add(func() string { return where().String() })
		}
		return false
	}
	o.end = o.end.Add(length * (1 + at.Sub(o.end)/length))
	return true
}

func (o *observer) add(row *vectorfile.Row, at func() place) {
	r := &o.report
	if r.vectors == 0 {
		r.place, r.time = at(), row.Time
	}
	r.vectors++
	var reference *drift.Reference
	if o.monitor != nil {
		reference = o.monitor.Reference()
	}
	m := o.judge.measure(row.Vector, row.Text, reference)
	switch {
	case m.Fault != validity.None:
	case reference == nil:
		o.learned++
		o.window.Norm.Add(m.Norm)
		if learned := o.learner.Add(row.Vector, m.Norm); learned != nil {
			o.monitor, o.learner = drift.NewMonitor(learned), nil
		}
	default:
		o.window.Add(row.Vector, m.Norm, m.Cosine, reference)
		if validity.IsOutlier(m.Cosine, &reference.Cosine, outlierSigmas) {
			m.Fault = validity.Outlier
		}
	}
	r.flagged.add(m.Fault, at)
}

// close ends the window that is open, and judges it if there are enough vectors.
func (o *observer) close(each func(*report) error) error {
	o.windows++
	r := &o.report
	r.number, r.norm = o.windows, o.window.Norm
	if o.monitor != nil && o.window.N() >= uint64(o.settings.minVectors) {
		o.findings = o.monitor.Add(o.window, o.settings.runLength())
		r.compared, r.findings, r.cosine = true, o.findings, o.window.Cosine
		for i, q := range quantiles() {
			r.cosines[i] = o.window.Cosines.Quantile(q)
		}
		o.window.Reset()
	} else if o.window.N() == 0 {
		o.window.Reset()
	}
	r.verdict = o.verdict()
	err := each(r)
	o.report = report{}
	o.judge.texts.Reset()
	return err
}

func (o *observer) verdict() verdict {
	switch {
	case o.report.flagged.invalid() > 0:
		return invalidOutput
	case o.findings.Windows < drift.MinNull:
		return learning
	case len(o.findings.Alarms()) == 0:
		return healthy
	case o.findings.OtherModel():
		return modelChanged
	}
	return trafficShift
}
