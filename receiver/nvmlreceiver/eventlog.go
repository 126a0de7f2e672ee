package nvmlreceiver

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/xid"
)

const (
	// maxPendingEvents bounds what waits for the pipeline. XID errors beyond it are merged into the last record of
	// the same error, whose count says how many it stands for: so none is lost, and a burst of 10,000 is kept apart.
	maxPendingEvents = 16384
	maxEventsPerSend = 1000
	// The pipeline is tried again after a failure with delays that double between these.
	minSendDelay = 100 * time.Millisecond
	maxSendDelay = 10 * time.Second
)

// eventLog sends log records about GPUs to the logs pipeline, in their order, on a goroutine of its own: neither the
// watcher nor a scrape ever waits for the pipeline.
type eventLog struct {
	next    consumer.Logs
	logger  *zap.Logger
	builder *metadata.LogsBuilder
	obsrep  *receiverhelper.ObsReport

	mu      sync.Mutex
	pending []*event
	// merging has the newest pending record of each error.
	merging map[xidKey]*event
	wake    chan struct{}

	cancel context.CancelFunc
	done   chan struct{}
}

// xidKey tells which XID errors are the same but for their time.
type xidKey struct {
	uuid string
	code uint64
}

// event is one record to be.
type event struct {
	time     time.Time
	who      identity
	driver   driver
	severity plog.SeverityNumber
	body     string
	// count is how many XID errors the record stands for.
	count int64
	// same is how further errors of the same kind are found, nil for other events.
	same   *xidKey
	record func(lb *metadata.LogsBuilder, ts pcommon.Timestamp, count int64)
}

func newEventLog(set receiver.Settings, cfg *Config, next consumer.Logs) (*eventLog, error) {
	obsrep, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, Transport: "nvml", ReceiverCreateSettings: set,
	})
	if err != nil {
		return nil, err
	}
	return &eventLog{
		next: next, logger: set.Logger, builder: metadata.NewLogsBuilder(cfg.logsBuilder(), set), obsrep: obsrep,
		merging: map[xidKey]*event{}, wake: make(chan struct{}, 1),
	}, nil
}

func (l *eventLog) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.done = cancel, make(chan struct{})
	go l.run(ctx)
}

// shutdown sends what is pending, unless the pipeline does not take it within the context's time.
func (l *eventLog) shutdown(ctx context.Context) error {
	l.cancel()
	<-l.done
	for {
		batch := l.take()
		if len(batch) == 0 {
			return nil
		}
		if err := l.send(ctx, batch); err != nil {
			return fmt.Errorf("%d events about GPUs were not delivered: %w", len(batch)+len(l.pending), err)
		}
	}
}

func (l *eventLog) run(ctx context.Context) {
	defer close(l.done)
	delay := minSendDelay
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for {
			batch := l.take()
			if len(batch) == 0 {
				break
			}
			err := l.send(ctx, batch)
			if err == nil {
				delay = minSendDelay
				continue
			}
			if consumererror.IsPermanent(err) {
				l.logger.Error("The logs pipeline refused events about GPUs", zap.Int("events", len(batch)), zap.Error(err))
				continue
			}
			l.putBack(batch)
			select {
			case <-ctx.Done():
				return
			case <-time.After(delay):
			}
			delay = min(2*delay, maxSendDelay)
		}
	}
}

// add takes an event. It never blocks.
func (l *eventLog) add(e *event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.same != nil {
		if pending := l.merging[*e.same]; pending != nil && len(l.pending) >= maxPendingEvents {
			pending.count += e.count
			return
		}
		l.merging[*e.same] = e
	}
	l.pending = append(l.pending, e)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *eventLog) take() []*event {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.pending), maxEventsPerSend)
	batch := l.pending[:n:n]
	l.pending = l.pending[n:]
	if len(l.pending) == 0 {
		l.pending = nil
	}
	for _, e := range batch {
		// What is being sent must not change any more.
		if e.same != nil && l.merging[*e.same] == e {
			delete(l.merging, *e.same)
		}
	}
	return batch
}

func (l *eventLog) putBack(batch []*event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(batch, l.pending...)
}

func (l *eventLog) send(ctx context.Context, batch []*event) error {
	logs := plog.NewLogs()
	for _, e := range batch {
		ts := pcommon.NewTimestampFromTime(e.time)
		e.record(l.builder, ts, e.count)
		var one plog.Logs
		if e.who.uuid == "" {
			one = l.builder.Emit()
		} else {
			one = l.builder.Emit(metadata.WithLogsResource(e.who.resource(l.builder.NewResourceBuilder(), e.driver)))
		}
		if one.LogRecordCount() == 0 {
			// Switched off.
			continue
		}
		record := one.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		record.SetObservedTimestamp(ts)
		record.SetSeverityNumber(e.severity)
		record.SetSeverityText(e.severity.String())
		record.Body().SetStr(e.body)
		appendRecords(logs, one)
	}
	count := logs.LogRecordCount()
	if count == 0 {
		return nil
	}
	ctx = l.obsrep.StartLogsOp(ctx)
	err := l.next.ConsumeLogs(ctx, logs)
	l.obsrep.EndLogsOp(ctx, metadata.Type.String(), count, err)
	return err
}

// appendRecords adds records to those of the same resource where that came last, which is so in a burst.
func appendRecords(logs, one plog.Logs) {
	resources := logs.ResourceLogs()
	added := one.ResourceLogs().At(0)
	if n := resources.Len(); n > 0 && resources.At(n-1).Resource().Attributes().Equal(added.Resource().Attributes()) {
		added.ScopeLogs().At(0).LogRecords().MoveAndAppendTo(resources.At(n - 1).ScopeLogs().At(0).LogRecords())
		return
	}
	one.ResourceLogs().MoveAndAppendTo(resources)
}

// xid reports an XID error.
func (l *eventLog) xid(now time.Time, e nvml.XIDEvent, where place, d driver) {
	meaning := xid.Lookup(e.XID)
	l.add(&event{
		time: now, who: where.identity, driver: d, count: 1, same: &xidKey{where.uuid, e.XID}, severity: xidSeverity(meaning.Severity),
		body: fmt.Sprintf("XID %d on %s: %s", e.XID, where.name, meaning.Description),
		record: func(lb *metadata.LogsBuilder, ts pcommon.Timestamp, count int64) {
			options := where.sole.eventOptions()
			if where.parent != "" {
				options = append(options, metadata.WithHwParentEventAttribute(where.parent))
			}
			lb.RecordNvmlXidEvent(context.Background(), ts, where.uuid, where.model, where.name,
				string(meaning.Action), int64(e.XID), count, meaning.Name, options...)
		},
	})
}

func xidSeverity(s xid.Severity) plog.SeverityNumber {
	switch s {
	case xid.SeverityInfo:
		return plog.SeverityNumberInfo
	case xid.SeverityError:
		return plog.SeverityNumberError
	case xid.SeverityFatal:
		return plog.SeverityNumberFatal
	default:
		return plog.SeverityNumberWarn
	}
}

// health reports that the state of a GPU changed.
func (l *eventLog) health(now time.Time, who identity, d driver, before, after health) {
	severity := plog.SeverityNumberInfo
	switch after.state {
	case metadata.AttributeHwStateFailed:
		severity = plog.SeverityNumberError
	case metadata.AttributeHwStateDegraded, metadata.AttributeHwStatePredictedFailure:
		severity = plog.SeverityNumberWarn
	}
	body := fmt.Sprintf("%s is %s, was %s", who.name, after.state, before.state)
	if len(after.reasons) > 0 {
		body += ": " + strings.Join(after.reasons, ", ")
	}
	reasons := make([]any, len(after.reasons))
	for i, reason := range after.reasons {
		reasons[i] = reason
	}
	l.add(&event{
		time: now, who: who, driver: d, severity: severity, body: body,
		record: func(lb *metadata.LogsBuilder, ts pcommon.Timestamp, _ int64) {
			lb.RecordNvmlHealthEvent(context.Background(), ts, who.uuid, who.model, who.name, after.state,
				previousState(before.state), reasons)
		},
	})
}

// availability reports that NVML became available or unavailable.
func (l *eventLog) availability(now time.Time, d driver, err error, remedy string) {
	severity, body := plog.SeverityNumberInfo, "NVML is available"
	if err != nil {
		severity, body = plog.SeverityNumberWarn, "NVML is not available: "+err.Error()
	}
	l.add(&event{
		time: now, driver: d, severity: severity, body: body,
		record: func(lb *metadata.LogsBuilder, ts pcommon.Timestamp, _ int64) {
			lb.RecordNvmlAvailabilityEvent(context.Background(), ts, err == nil, remedy)
		},
	})
}
