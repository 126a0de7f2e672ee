package embeddingreceiver

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// batcher gathers the events of the tap's calls and hands them on together. A persistent queue writes, and waits for the disk, as
// often as it is handed something, whatever the size: at single calls one event at a time would keep the disk busy, and the workers
// waiting. Nobody was told that an event is safe, so one may wait in memory; what ingest and OTLP acknowledge may not.
type batcher struct {
	out      *output
	service  string        // service.name of the resource
	interval time.Duration // between two times that what there is is handed on; 0 hands on each event by itself
	drop     func(n int, why reason, err error)

	mu   sync.Mutex
	next *batch // nil while nothing waits

	stop    chan struct{}
	running sync.WaitGroup
}

// batch is what is handed on together. Logs go first: processors of spans look for what was found in the log records of the same calls.
type batch struct {
	logs    plog.Logs
	records plog.LogRecordSlice // of logs
	traces  ptrace.Traces
	spans   ptrace.SpanSlice // of traces
	size    int              // bytes, roughly
}

const (
	// maxBatchSize is the size in bytes at which a batch is handed on before its time. Queues are counted in bytes, and batches of a
	// megabyte are what exporters make of them.
	maxBatchSize = 1 << 20
	// eventSize is what an event takes beside its vectors, roughly.
	eventSize = 1 << 10
)

// start hands on what there is at every interval. ctx is that of the pipelines' work.
func (b *batcher) start(ctx context.Context) {
	b.stop = make(chan struct{})
	if b.interval == 0 {
		return
	}
	b.running.Go(func() {
		ticker := time.NewTicker(b.interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				b.flush(ctx)
			case <-b.stop:
				b.flush(ctx)
				return
			}
		}
	})
}

// shutdown hands on the rest, after the last add.
func (b *batcher) shutdown() {
	close(b.stop)
	b.running.Wait()
}

// add takes an event, with the span of its call where it has one. Whoever fills a batch hands it on, so that workers judge in parallel
// where there is much to judge, and wait where the pipeline is slow.
func (b *batcher) add(ctx context.Context, ev *embedding.Event, c *call) {
	if full := b.put(ev, c); full != nil {
		b.send(ctx, full)
	}
}

// put writes an event into the batch, and returns the batch if it is full.
func (b *batcher) put(ev *embedding.Event, c *call) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = b.newBatch()
	}
	if b.out.logs != nil {
		ev.WriteLogRecord(b.next.records.AppendEmpty(), time.Now())
		b.next.size += eventSize + 4*len(ev.Vectors)
	}
	if c.wantsSpan {
		span := b.next.spans.AppendEmpty()
		ev.WriteSpan(span)
		span.SetParentSpanID(c.parent.spanID)
		span.TraceState().FromRaw(c.parent.state)
		b.next.size += eventSize
	}
	if b.interval > 0 && b.next.size < maxBatchSize {
		return nil
	}
	return b.take()
}

func (b *batcher) newBatch() *batch {
	next := &batch{logs: plog.NewLogs(), traces: ptrace.NewTraces()}
	next.records = b.out.appendLogs(next.logs, b.service)
	next.spans = b.out.appendTraces(next.traces, b.service)
	return next
}

// take returns the batch, nil if there is none, and begins the next.
func (b *batcher) take() *batch {
	taken := b.next
	b.next = nil
	return taken
}

// flush hands on what there is.
func (b *batcher) flush(ctx context.Context) {
	b.mu.Lock()
	taken := b.take()
	b.mu.Unlock()
	if taken != nil {
		b.send(ctx, taken)
	}
}

func (b *batcher) send(ctx context.Context, taken *batch) {
	events, spans := taken.records.Len(), taken.spans.Len()
	if events > 0 {
		if err := b.out.sendLogs(ctx, tapFormat, taken.logs); err != nil {
			b.drop(events, reasonLogsRefused, err)
		}
	}
	if spans > 0 {
		if err := b.out.sendTraces(ctx, tapFormat, taken.traces); err != nil {
			b.drop(spans, reasonTracesRefused, err)
		}
	}
}
