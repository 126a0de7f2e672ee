package embeddingqualityprocessor

import (
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// maxVerdicts is the number of calls whose verdict is kept for their spans. Spans follow the records of their batch at once; many
// calls are between the two only where batches are large or a pipeline is slow.
const maxVerdicts = 4096

// verdicts holds what was found wrong with the vectors of the latest calls. The embedding receiver sends a call's log record, which has
// the vectors, and then its span: the processor of traces writes on the span what that of logs found.
type verdicts struct {
	forget func() // ends the sharing

	mu     sync.Mutex
	bySpan *lru[callID, embedding.Quality]
}

type callID struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
}

// verdictsOf returns those that the processors of a configuration share.
func (f *factory) verdictsOf(cfg *Config) (*verdicts, error) {
	return f.live.Get(cfg, func(forget func()) (*verdicts, error) {
		return &verdicts{forget: forget, bySpan: newLRU[callID, embedding.Quality](maxVerdicts)}, nil
	})
}

// add keeps an alarming judgement of a call that has a span.
func (v *verdicts) add(ev *embedding.Event, q *embedding.Quality) {
	if !q.Verdict.Alarming() || ev.SpanID.IsEmpty() {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bySpan.get(callID{ev.TraceID, ev.SpanID}, func() embedding.Quality { return *q })
}

// mark writes the judgement of a call on its span. The call is not counted again: whoever counts skips these spans.
func (v *verdicts) mark(span ptrace.Span) {
	v.mu.Lock()
	q, ok := v.bySpan.peek(callID{span.TraceID(), span.SpanID()})
	v.mu.Unlock()
	if ok {
		q.Write(span.Attributes())
	}
}
