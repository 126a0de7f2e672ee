package embeddingreceiver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadata"
)

// embeddingReceiver is one configured receiver, shared by its logs and traces pipelines.
type embeddingReceiver struct {
	cfg    *Config
	set    receiver.Settings
	logs   consumer.Logs   // nil outside logs pipelines
	traces consumer.Traces // nil outside traces pipelines
	forget func()          // takes the receiver out of the factory's instances

	startOnce sync.Once
	startErr  error
	stopOnce  sync.Once
	telemetry *metadata.TelemetryBuilder
	tap       *tap
	ingest    *ingest
}

func newReceiver(cfg *Config, set receiver.Settings) (*embeddingReceiver, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, fmt.Errorf("create telemetry: %w", err)
	}
	return &embeddingReceiver{cfg: cfg, set: set, telemetry: telemetry}, nil
}

// Start starts what is configured. It is called once for each signal; the first call does the work.
func (r *embeddingReceiver) Start(ctx context.Context, host component.Host) error {
	r.startOnce.Do(func() { r.startErr = r.start(ctx, host) })
	return r.startErr
}

func (r *embeddingReceiver) start(ctx context.Context, host component.Host) error {
	obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID:             r.set.ID,
		Transport:              "http",
		ReceiverCreateSettings: r.set,
	})
	if err != nil {
		return fmt.Errorf("create observability report: %w", err)
	}
	out := &output{
		logs:    r.logs,
		traces:  r.traces,
		obs:     obs,
		version: r.set.BuildInfo.Version,
	}
	newTexts, err := r.cfg.newTextReaders()
	if err != nil {
		return err
	}
	if cfg := r.cfg.Tap.Get(); cfg != nil {
		t, err := newTap(cfg, r.set.TelemetrySettings, out, r.telemetry, newTexts, routes(cfg.Analysis.Routes).lookup)
		if err != nil {
			return fmt.Errorf("tap: %w", err)
		}
		r.tap = t
		if err := t.start(ctx, host); err != nil {
			return fmt.Errorf("tap: %w", err)
		}
	}
	if cfg := r.cfg.Ingest.Get(); cfg != nil {
		if r.logs == nil {
			return errors.New("ingest: needs the receiver in a logs pipeline")
		}
		r.ingest = newIngest(cfg, r.set.TelemetrySettings, out, r.telemetry, newTexts)
		if err := r.ingest.start(ctx, host); err != nil {
			return fmt.Errorf("ingest: %w", err)
		}
	}
	return nil
}

// Shutdown stops taking calls, lets those in flight end, and hands on what is queued, as long as ctx allows.
func (r *embeddingReceiver) Shutdown(ctx context.Context) error {
	var err error
	r.stopOnce.Do(func() {
		r.forget()
		if r.ingest != nil {
			err = errors.Join(err, r.ingest.shutdown(ctx))
		}
		if r.tap != nil {
			err = errors.Join(err, r.tap.shutdown(ctx))
		}
		r.telemetry.Shutdown()
	})
	return err
}
