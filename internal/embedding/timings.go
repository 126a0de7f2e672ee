package embedding

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Phase is a part of the time that a server spends on a call.
type Phase string

// Phases, in the order in which a call goes through them.
const (
	// PhaseTotal is the whole, as the server saw it.
	PhaseTotal Phase = "total"
	// PhaseLoad is loading the model.
	PhaseLoad Phase = "load"
	// PhaseTokenization is turning texts into tokens.
	PhaseTokenization Phase = "tokenization"
	// PhaseQueue is waiting for a batch.
	PhaseQueue Phase = "queue"
	// PhaseInference is computing the vectors.
	PhaseInference Phase = "inference"
)

var (
	phaseOrder = [...]Phase{PhaseTotal, PhaseLoad, PhaseTokenization, PhaseQueue, PhaseInference}
	// phaseNames are the phases' attribute names, so that none is put together for each event.
	phaseNames = func() (names [len(phaseOrder)]string) {
		for i, p := range phaseOrder {
			names[i] = prefixServer + string(p) + ".duration"
		}
		return names
	}()
)

// Phases lists every Phase in order.
func Phases() []Phase { return phaseOrder[:] }

// ServerTimings is where a server says that its time went. A phase that it does not tell of is 0.
type ServerTimings struct {
	Total, Load, Tokenization, Queue, Inference time.Duration
}

// Of returns the time of a phase, or nil for an unknown one.
func (t *ServerTimings) Of(p Phase) *time.Duration {
	switch p {
	case PhaseTotal:
		return &t.Total
	case PhaseLoad:
		return &t.Load
	case PhaseTokenization:
		return &t.Tokenization
	case PhaseQueue:
		return &t.Queue
	case PhaseInference:
		return &t.Inference
	}
	return nil
}

func (t *ServerTimings) write(attrs pcommon.Map) {
	for i, p := range phaseOrder {
		if d := *t.Of(p); d > 0 {
			attrs.PutDouble(phaseNames[i], d.Seconds())
		}
	}
}

// read takes over one attribute and reports whether it was a timing.
func (t *ServerTimings) read(name string, v pcommon.Value) bool {
	for i, known := range phaseNames {
		if name == known {
			*t.Of(phaseOrder[i]) = seconds(v)
			return true
		}
	}
	return false
}
