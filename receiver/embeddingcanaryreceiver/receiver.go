package embeddingcanaryreceiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"
)

// canaryReceiver is one configured receiver, shared by its pipelines.
type canaryReceiver struct {
	cfg      *Config
	set      receiver.Settings
	resolver resolver
	random   func() float64
	forget   func() // takes the receiver out of the factory's instances
	out      *output

	startOnce sync.Once
	startErr  error
	stopOnce  sync.Once
	store     *store // nil without storage
	targets   []*target
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

func newReceiver(cfg *Config, set receiver.Settings, resolver resolver, random func() float64, forget func()) (*canaryReceiver, error) {
	out, err := newOutput(cfg, set)
	if err != nil {
		return nil, err
	}
	return &canaryReceiver{cfg: cfg, set: set, resolver: resolver, random: random, forget: forget, out: out}, nil
}

// Start begins to watch the targets. It is called once for each signal; the first call does the work.
func (r *canaryReceiver) Start(ctx context.Context, host component.Host) error {
	r.startOnce.Do(func() { r.startErr = r.start(ctx, host) })
	return r.startErr
}

func (r *canaryReceiver) start(ctx context.Context, host component.Host) (err error) {
	if r.store, err = openStore(ctx, host, r.cfg, r.set.ID); err != nil {
		return err
	}
	suite, err := readSuite(&r.cfg.Suite)
	if err != nil {
		return err
	}
	for i := range r.cfg.Targets {
		t, err := r.newTarget(ctx, host, i, suite)
		if err != nil {
			return fmt.Errorf("targets::%d%w", i, err)
		}
		r.targets = append(r.targets, t)
	}
	if r.store == nil && r.learns() {
		r.set.Logger.Warn("Without storage pins are learned anew at each start: what changes while the collector does not run goes unnoticed; " +
			"want storage, e.g. file_storage, or a target's pins")
	}
	// Calls have to outlive Start, whose context ends with it.
	running, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	for _, t := range r.targets {
		r.running.Go(func() { t.run(running) })
	}
	r.running.Go(func() { r.repeat(running) })
	return nil
}

// learns is whether any target's pins come from no file.
func (r *canaryReceiver) learns() bool {
	for i := range r.cfg.Targets {
		if r.cfg.Targets[i].Probe.Pins == "" {
			return true
		}
	}
	return false
}

// repeat emits metrics again that would else go stale while rounds are far apart.
func (r *canaryReceiver) repeat(ctx context.Context) {
	if r.out.metrics == nil {
		return
	}
	ticker := time.NewTicker(r.cfg.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, t := range r.targets {
				t.repeat(ctx, now)
			}
		}
	}
}

// Shutdown cancels the calls in flight and ends.
func (r *canaryReceiver) Shutdown(ctx context.Context) (err error) {
	r.stopOnce.Do(func() {
		r.forget()
		if r.cancel != nil {
			r.cancel()
			r.running.Wait()
		}
		for _, t := range r.targets {
			t.client.CloseIdleConnections()
		}
		if r.store != nil {
			err = r.store.client.Close(ctx)
		}
	})
	return err
}

// contain keeps a panic from taking the collector down.
func contain(logger *zap.Logger, failed *error) {
	if p := recover(); p != nil {
		*failed = fmt.Errorf("panic: %v", p)
		logger.Error("A round panicked", zap.Any("panic", p), zap.Stack("stack"))
	}
}

var errNoAddress = errors.New("the name has no address")
