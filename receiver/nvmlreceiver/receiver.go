package nvmlreceiver

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper"
	"go.opentelemetry.io/collector/scraper/scraperhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// nvmlReceiver reads the GPUs once for the pipelines of both signals.
type nvmlReceiver struct {
	cfg     *Config
	set     receiver.Settings
	lib     nvml.Library
	metrics consumer.Metrics
	logs    consumer.Logs

	startOnce, shutdownOnce sync.Once
	// forget takes the receiver out of the list of those that are not shut down.
	forget     func()
	telemetry  *metadata.TelemetryBuilder
	log        *eventLog
	controller receiver.Metrics
}

// Start begins to scrape. The collector calls it for each pipeline; the first call starts.
func (r *nvmlReceiver) Start(ctx context.Context, host component.Host) (err error) {
	r.startOnce.Do(func() { err = r.start(ctx, host) })
	return err
}

func (r *nvmlReceiver) start(ctx context.Context, host component.Host) (err error) {
	if r.telemetry, err = metadata.NewTelemetryBuilder(r.set.TelemetrySettings); err != nil {
		return err
	}
	if err := r.reportCalls(); err != nil {
		return err
	}
	if r.logs != nil {
		if r.log, err = newEventLog(r.set, r.cfg, r.logs); err != nil {
			return err
		}
		r.log.start()
	}
	gpus := newGPUScraper(r.set, r.cfg, r.lib, r.telemetry, r.log)
	metrics, err := scraper.NewMetrics(gpus.scrape, scraper.WithStart(gpus.start), scraper.WithShutdown(gpus.shutdown))
	if err != nil {
		return err
	}
	next := r.metrics
	if next == nil {
		// Events need the scrapes too.
		if next, err = consumer.NewMetrics(func(context.Context, pmetric.Metrics) error { return nil }); err != nil {
			return err
		}
	}
	set := r.set
	// The controller logs every partial scrape as an error. The scraper logs when a failure begins and ends.
	set.Logger = set.Logger.WithOptions(zap.IncreaseLevel(zapcore.DPanicLevel))
	r.controller, err = scraperhelper.NewMetricsController(&r.cfg.ControllerConfig, set, next,
		scraperhelper.AddMetricsScraper(metadata.Type, metrics))
	if err != nil {
		return err
	}
	return r.controller.Start(ctx, host)
}

// Shutdown ends the scrapes and sends the events that are left.
func (r *nvmlReceiver) Shutdown(ctx context.Context) (err error) {
	r.shutdownOnce.Do(func() {
		r.forget()
		if r.controller != nil {
			err = r.controller.Shutdown(ctx)
		}
		if r.log != nil {
			err = errors.Join(err, r.log.shutdown(ctx))
		}
		if r.telemetry != nil {
			r.telemetry.Shutdown()
		}
	})
	return err
}

// reportCalls makes the cost of NVML a metric of the collector itself.
func (r *nvmlReceiver) reportCalls() error {
	receiverID := attribute.String("receiver", r.set.ID.String())
	costly := func(each func(nvml.CallStats)) {
		r.lib.Calls(func(c nvml.CallStats) {
			if !isWait(c) {
				each(c)
			}
		})
	}
	return errors.Join(
		r.telemetry.RegisterNvmlCallsCallback(func(_ context.Context, o metric.Int64Observer) error {
			costly(func(c nvml.CallStats) {
				function := attribute.String("call", c.Function)
				observe := func(outcome string, n int64) {
					o.Observe(n, metric.WithAttributes(receiverID, function, attribute.String("outcome", outcome)))
				}
				observe("success", c.Calls-c.Unsupported-c.Failed)
				if c.Unsupported > 0 {
					observe("unsupported", c.Unsupported)
				}
				if c.Failed > 0 {
					observe("failure", c.Failed)
				}
			})
			return nil
		}),
		r.telemetry.RegisterNvmlCallDurationCallback(func(_ context.Context, o metric.Float64Observer) error {
			costly(func(c nvml.CallStats) {
				o.Observe(c.Duration.Seconds(), metric.WithAttributes(receiverID, attribute.String("call", c.Function)))
			})
			return nil
		}),
	)
}
