package main

import (
	"flag"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vectorfile"
)

// The processor's defaults.
const (
	defaultVectors    = 1000
	defaultMinVectors = 100
	defaultInterval   = 30 * 24 * time.Hour
	defaultWindow     = 10 * time.Second
	// minRunLength bounds how often false alarms may come, in windows.
	minRunLength = 100
)

// settings are the flags of the commands that read vectors.
type settings struct {
	model, taskType string
	vectors         int
	window          length
	minVectors      int
	interval        length
	fields          vectorfile.Options
}

func (s *settings) register(flags *flag.FlagSet) {
	s.window = length{number: defaultMinVectors, things: "vectors"}
	s.interval.things = "windows"
	flags.StringVar(&s.taskType, "task-type", "",
		"`task` of the vectors, as events name it; rows of another are passed over\n(default: every task)")
	flags.IntVar(&s.vectors, "vectors", defaultVectors, "`number` of valid vectors that a reference is learned from")
	flags.Var(&s.window, "window", "`length` of a window: a number of vectors, or a duration for rows that have times")
	flags.IntVar(&s.minVectors, "min-vectors", 0, "`number` of valid vectors from which a window is compared; windows with fewer are\n"+
		"put together (default: 100, and half of a window that is a number of vectors)")
	flags.Var(&s.interval, "false-alarm-interval",
		"mean `length` of time between false alarms of drift: a number of windows, or a\n"+
			"duration where -window is one (default: 720h, and 259200 windows, which is as much\nin windows of 10s)")
	for _, f := range []struct {
		target *string
		name   string
		what   string
	}{
		{&s.fields.Vector, "vector-field", "vector (default: embedding, vector, values or dense)"},
		{&s.fields.Time, "time-field", "time (default: timestamp, time or ts)"},
		{&s.fields.Model, "model-field", "model (default: model)"},
		{&s.fields.TaskType, "task-type-field", "task (default: task_type)"},
		{&s.fields.Text, "text-field", "text, by which duplicates are known (default: text)"},
	} {
		flags.StringVar(f.target, f.name, "", "`name` of the column or member for the "+f.what)
	}
	s.fields.Replica = "-" // all replicas together are compared with the reference
}

// check refuses values that cannot be used, and fills in the defaults that depend on others.
func (s *settings) check() error {
	if s.vectors < drift.MinLearn {
		return commandline.UsageErrorf("-vectors: %d is too few to learn from; want at least %d, e.g. 1000", s.vectors, drift.MinLearn)
	}
	if s.window.duration == 0 && s.window.number < drift.MinReplica {
		return commandline.UsageErrorf("-window: %d vectors are too few to compare; want at least %d, e.g. 100", s.window.number, drift.MinReplica)
	}
	switch {
	case s.minVectors != 0:
	case s.window.duration > 0:
		s.minVectors = defaultMinVectors
	default:
		s.minVectors = max(drift.MinReplica, s.window.number/2)
	}
	if s.minVectors < drift.MinReplica {
		return commandline.UsageErrorf("-min-vectors: %d is too few to compare; want at least %d, e.g. 100", s.minVectors, drift.MinReplica)
	}
	if s.interval.duration > 0 && s.window.duration == 0 {
		return commandline.UsageErrorf("-false-alarm-interval: %v says nothing of windows of %d vectors; "+
			"want a number of windows, or a duration for -window", s.interval.duration, s.window.number)
	}
	if s.interval.duration == 0 && s.interval.number == 0 {
		s.interval.duration = defaultInterval
	}
	if s.runLength() < minRunLength {
		return commandline.UsageErrorf("-false-alarm-interval: %v is too short; want at least %d windows", s.interval.String(), minRunLength)
	}
	return nil
}

// runLength returns how many windows there are to be, in the mean, until a false alarm.
func (s *settings) runLength() float64 {
	switch {
	case s.interval.number > 0:
		return float64(s.interval.number)
	case s.window.duration > 0:
		return float64(s.interval.duration) / float64(s.window.duration)
	}
	return float64(s.interval.duration) / float64(defaultWindow)
}
