package embeddingcanaryreceiver

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/probe"
)

// keepVanished is for how many look-ups what is known of a replica is kept after its address has gone.
const keepVanished = 5

// target is a configured server: one replica, or those that its name has addresses for.
type target struct {
	name, model string
	cfg         *Config
	url         *url.URL
	resolver    resolver // nil where the target is one replica
	dialect     dialect.Dialect
	version     string
	client      *http.Client
	pins        *pinning
	out         *output
	random      func() float64
	logger      *zap.Logger
	since       time.Time

	mu sync.Mutex
	// replicas are those that are probed.
	replicas map[string]*probed

	emission sync.Mutex // held for one emission; locked before mu
	emitted  time.Time  // of the latest one

	// What follows belongs to run alone.
	vanished map[string]*vanished
	failing  bool // whether the latest look-up failed
}

// probed is a replica whose rounds are running.
type probed struct {
	*replica
	cancel context.CancelFunc
	done   chan struct{}
}

// vanished is a replica whose address has gone, and for how many look-ups.
type vanished struct {
	*replica
	lookups int
}

// newTarget returns the target with this number. The errors go on from there.
func (r *canaryReceiver) newTarget(ctx context.Context, host component.Host, number int, suite *canary.Suite) (*target, error) {
	cfg := &r.cfg.Targets[number]
	p := &cfg.Probe
	u, err := endpointURL(cfg.ClientConfig.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("::endpoint: %w", err)
	}
	d, err := cfg.dialect(u)
	if err != nil {
		return nil, fmt.Errorf("::%w", err)
	}
	plan, err := canary.NewPlan(suite, p.settings(d, r.cfg.Budget.Tokens))
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	client, err := newClient(ctx, cfg, u, host, r.set.BuildInfo.Version, r.set.Logger)
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	t := &target{
		name: cfg.name(), model: p.Model, cfg: r.cfg, url: u, dialect: d, version: r.set.BuildInfo.Version, client: client, out: r.out,
		random: r.random, logger: r.set.Logger.With(zap.String("target", cfg.name()), zap.String("model", p.Model)), since: time.Now(),
		replicas: map[string]*probed{}, vanished: map[string]*vanished{},
	}
	if p.Resolve {
		t.resolver = r.resolver
	}
	t.pins = &pinning{
		of: pinsOf{t.name, t.model}, plan: plan, suite: suite.Digest(), rounds: r.cfg.Learning.Rounds, store: r.store, logger: t.logger,
		pupils: map[string]*pupil{},
	}
	switch {
	case p.Pins != "":
		if err := t.pins.readPins(p.Pins); err != nil {
			return nil, fmt.Errorf("::pins: %w", err)
		}
	case r.store != nil:
		if err := t.pins.restore(ctx); err != nil {
			return nil, fmt.Errorf(": %w", err)
		}
	}
	round := plan.Round(1)
	t.logger.Info("Watching an embedding server", zap.String("server", probe.HostPort(u)), zap.String("path", u.Path),
		zap.String("dialect", d.Name()), zap.Bool("resolve", p.Resolve), zap.Int("texts", len(suite.Texts)), zap.String("suite", t.pins.suite),
		zap.Int("calls_per_round", len(round.Calls())), zap.Int("estimated_tokens_per_round", round.Tokens()),
		zap.Duration("interval", r.cfg.Interval))
	return t, nil
}

// settings is what the canary has to know of the server.
func (p *ProbeConfig) settings(d dialect.Dialect, budget int) canary.Settings {
	query, document := canary.Instructions(p.Model)
	if p.QueryInstruction != nil {
		query = *p.QueryInstruction
	}
	if p.DocumentInstruction != nil {
		document = *p.DocumentInstruction
	}
	encodings := p.Encodings
	if encodings == nil {
		encodings = []string{dialect.EncodingFloat}
		if _, ok := d.(dialect.OpenAI); ok {
			encodings = append(encodings, dialect.EncodingBase64)
		}
	}
	return canary.Settings{
		Dimensions: p.Dimensions, MaxTokens: p.MaxTokens, QueryInstruction: query, DocumentInstruction: document,
		Unnormalized: !p.Normalized, Encodings: encodings, TokenBudget: budget, Salt: uint64(time.Now().UnixNano()),
	}
}

const userAgent = "User-Agent"

// newClient returns the client that reaches all replicas of a target.
func newClient(ctx context.Context, t *TargetConfig, u *url.URL, host component.Host, version string, logger *zap.Logger) (*http.Client, error) {
	cfg := t.ClientConfig
	if t.Probe.Resolve && u.Scheme == "https" && cfg.TLS.ServerName == "" {
		cfg.TLS.ServerName = u.Hostname() // calls go to an address, and certificates are for the name
	}
	cfg.Headers = marked(cfg.Headers, version)
	// Without providers confighttp adds no instrumentation: the receiver has spans and metrics of its own.
	return cfg.ToClient(ctx, host.GetExtensions(), component.TelemetrySettings{Logger: logger})
}

// marked returns the headers with the mark of a canary before any user agent of the user's.
func marked(headers configopaque.MapList, version string) configopaque.MapList {
	headers = slices.Clone(headers)
	for i := range headers {
		if strings.EqualFold(headers[i].Name, userAgent) {
			headers[i].Value = configopaque.String(probe.UserAgent(version)) + " " + headers[i].Value
		}
	}
	return headers
}

// run watches the target until ctx ends.
func (t *target) run(ctx context.Context) {
	defer t.stop()
	if t.resolver == nil {
		t.follow(ctx, []string{probe.HostPort(t.url)})
		<-ctx.Done()
		return
	}
	for {
		t.lookup(ctx)
		if !sleep(ctx, t.cfg.Interval) {
			return
		}
	}
}

// lookup looks the name up and follows its addresses.
func (t *target) lookup(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, min(t.cfg.Interval, defaultTimeout))
	defer cancel()
	found, err := addresses(limited, t.resolver, t.url)
	if ctx.Err() != nil {
		return
	}
	if err == nil && len(found) == 0 {
		err = errNoAddress
	}
	if err == nil {
		if t.failing {
			t.failing = false
			t.logger.Info("The name can be looked up again", zap.String("name", t.url.Hostname()))
		}
		t.follow(ctx, found)
		return
	}
	if !t.failing {
		t.failing = true
		t.logger.Warn("The name cannot be looked up; replicas that are known are probed on", zap.String("name", t.url.Hostname()), zap.Error(err))
	}
	if t.count() == 0 {
		// Calls by the name fail as the look-up does, and say so.
		t.follow(ctx, []string{probe.HostPort(t.url)})
	}
}

func (t *target) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.replicas)
}

// follow begins to probe the addresses that are new and stops to probe those that have gone.
func (t *target) follow(ctx context.Context, found []string) {
	for address, p := range t.snapshot() {
		if slices.Contains(found, address) {
			continue
		}
		p.cancel()
		<-p.done
		t.mu.Lock()
		delete(t.replicas, address)
		t.mu.Unlock()
		t.vanished[address] = &vanished{replica: p.replica}
		t.pins.incomplete(address)
		p.logger.Info("A replica has gone")
	}
	for address, v := range t.vanished {
		if v.lookups++; v.lookups > keepVanished {
			delete(t.vanished, address)
			t.pins.forget(address)
		}
	}
	for _, address := range found {
		if _, ok := t.snapshot()[address]; ok {
			continue
		}
		r, err := t.replica(address)
		if err != nil {
			t.logger.Error("A replica cannot be probed", zap.String("replica", address), zap.Error(err))
			continue
		}
		t.begin(ctx, r)
	}
}

// replica returns the replica at an address, as it was if it was there not long ago.
func (t *target) replica(address string) (*replica, error) {
	if v, ok := t.vanished[address]; ok {
		delete(t.vanished, address)
		return v.replica, nil
	}
	server := probe.Server{URL: t.url, Dialect: t.dialect, Model: t.model, Version: t.version}
	if t.resolver != nil && address != probe.HostPort(t.url) {
		server.Address = address
	}
	client, err := probe.New(t.client, server)
	if err != nil {
		return nil, err
	}
	return &replica{
		target: t, address: address, client: client, pace: newPace(t.cfg, t.random), logger: t.logger.With(zap.String("replica", address)),
		tally: tally{since: time.Now(), rounds: map[embedding.CanaryOutcome]int64{}, errors: map[string]int64{}},
	}, nil
}

// begin starts the rounds at a replica.
func (t *target) begin(ctx context.Context, r *replica) {
	ctx, cancel := context.WithCancel(ctx)
	p := &probed{replica: r, cancel: cancel, done: make(chan struct{})}
	t.mu.Lock()
	t.replicas[r.address] = p
	t.mu.Unlock()
	if t.resolver != nil {
		r.logger.Info("A replica has appeared")
	}
	go func() {
		defer close(p.done)
		r.run(ctx)
	}()
}

// stop ends the rounds at all replicas.
func (t *target) stop() {
	for _, p := range t.snapshot() {
		p.cancel()
		<-p.done
	}
}

// snapshot returns the replicas that are probed.
func (t *target) snapshot() map[string]*probed {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.replicas)
}

// done notes what a round has found, and emits it.
func (t *target) done(ctx context.Context, r *replica, now *round, result *embedding.CanaryResult) {
	t.emit(ctx, result.End, func() []*replica {
		r.tally.add(now, result)
		return []*replica{r}
	})
	t.out.sendResult(ctx, result, t.logger)
	t.out.sendSpans(ctx, now.spans, t.logger)
}

// repeat emits what has not been emitted for most of an interval.
func (t *target) repeat(ctx context.Context, now time.Time) {
	t.emit(ctx, now, func() []*replica {
		var due []*replica
		for _, p := range t.replicas {
			if p.tally.latest.Round > 0 && now.Sub(p.tally.emitted) > t.cfg.Interval/2 {
				due = append(due, p.replica)
			}
		}
		return due
	})
}

// emit emits the metrics of the replicas that are due, as of now. Replicas end their rounds side by side and share the target's own
// metrics, and backends refuse a sample that is not newer, by a millisecond, than the one before: so emissions follow each other.
func (t *target) emit(ctx context.Context, now time.Time, due func() []*replica) {
	t.emission.Lock()
	defer t.emission.Unlock()
	if next := t.emitted.Add(time.Millisecond); now.Before(next) {
		now = next
	}
	t.mu.Lock()
	replicas := due()
	metrics := t.out.collect(t, replicas, now)
	t.mu.Unlock()
	if len(replicas) == 0 {
		return
	}
	t.emitted = now
	t.out.sendMetrics(ctx, metrics, t.logger)
}
