package embeddingqualityprocessor

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// reporter ends the windows of a judge, one after the other, and sends their reports on.
type reporter struct {
	judge *judge
	clock clock
	// send passes reports to the next component.
	send func(ctx context.Context, reports []embedding.WindowReport) error

	opened time.Time // when the current window began
	stop   func()    // ends the reports; nil while not started
	cancel context.CancelFunc
}

func (r *reporter) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.opened = r.clock.now()
	r.stop = r.clock.every(r.judge.cfg.Window, func() { r.report(ctx, false) })
}

// shutdown reports the window that was begun. A report that is under way may finish until ctx ends.
func (r *reporter) shutdown(ctx context.Context) {
	if r.stop != nil {
		release := context.AfterFunc(ctx, r.cancel)
		r.stop()
		release()
		r.cancel()
		r.stop = nil
		r.report(ctx, true)
	}
}

// report ends the window, the last time for good.
func (r *reporter) report(ctx context.Context, last bool) {
	defer r.judge.contain(ctx)
	end := r.clock.now()
	reports := r.judge.reports(r.opened, end, last)
	r.opened = end
	r.judge.saveIfDue(ctx, end)
	if len(reports) == 0 {
		return
	}
	if err := r.send(ctx, reports); err != nil {
		r.judge.telemetry.ProcessorEmbeddingQualityWindowsFailed.Add(ctx, int64(len(reports)))
		r.judge.logger.Warn("Lost window reports", zap.Int("windows", len(reports)), zap.Error(err))
		return
	}
	r.judge.telemetry.ProcessorEmbeddingQualityWindowsEmitted.Add(ctx, int64(len(reports)))
}
