// Package up runs everything there is to see on one host: the demo server, the collector in front of it, and a load
// on both; or the collector alone in front of a server of the user's own.
package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/load"
	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/server"
)

// UpstreamVariable is the environment variable that names the embedding server, for the collector's configuration
// and for the user's choice of a server of his own.
const UpstreamVariable = "EMBEDDING_UPSTREAM"

// probeTimeout bounds one look at whether the collector is there.
const probeTimeout = 2 * time.Second

// Config is what to run.
type Config struct {
	// Collector is the path of the collector's binary, CollectorArgs what it gets besides its configuration.
	Collector       string
	CollectorConfig string
	CollectorArgs   []string

	// CollectorLog is the file that gets the collector's output.
	CollectorLog string

	// Upstream is the base URL of the user's embedding server. If it is empty, Server and Load run too.
	Upstream string
	Server   server.Config
	Faults   []string // name=share[,value[,count]] each
	Load     load.Config

	// Where the collector's configuration listens: Tap, Metrics and Ingest for people to see, Health to know when
	// it is ready.
	Tap, Metrics, Ingest, Health string

	StartTimeout   time.Duration
	StopTimeout    time.Duration
	StatusInterval time.Duration
}

// DefaultConfig returns the addresses of config/quickstart.yaml.
func DefaultConfig() Config {
	return Config{
		CollectorConfig: "config/quickstart.yaml",
		CollectorLog:    "build/quickstart.log",
		Server:          server.DefaultConfig(),
		Load:            load.DefaultConfig(),
		Tap:             "http://localhost:8080",
		Metrics:         "http://localhost:9464/metrics",
		Ingest:          "http://localhost:8081/v1/events",
		Health:          "http://localhost:13133/",
		StartTimeout:    time.Minute,
		StopTimeout:     15 * time.Second,
		StatusInterval:  10 * time.Second,
	}
}

// Validate returns what is wrong with the configuration, by the names of the flags that set it.
func (c Config) Validate() error {
	var errs []error
	for flag, path := range map[string]string{"collector": c.Collector, "config": c.CollectorConfig} {
		if path == "" {
			errs = append(errs, fmt.Errorf("%s: is empty; want the path of a file", flag))
		} else if _, err := os.Stat(path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag, err))
		}
	}
	if c.CollectorLog == "" {
		errs = append(errs, errors.New("collector-log: is empty; want the path of a file"))
	}
	urls := map[string]string{"tap": c.Tap, "metrics": c.Metrics, "ingest": c.Ingest, "health": c.Health}
	if c.Upstream != "" {
		urls["upstream"] = c.Upstream
	}
	for flag, s := range urls {
		if u, err := url.Parse(s); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			errs = append(errs, fmt.Errorf("%s: %q is not a URL; want e.g. http://localhost:8000", flag, s))
		}
	}
	for flag, d := range map[string]time.Duration{
		"start-timeout": c.StartTimeout, "stop-timeout": c.StopTimeout, "status-interval": c.StatusInterval,
	} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("%s: is %v; want e.g. 10s", flag, d))
		}
	}
	if c.Upstream == "" {
		errs = append(errs, c.Server.Validate(), c.Load.Validate())
	}
	return errors.Join(errs...)
}

// Run runs everything until ctx ends, which is no error, or until a part of it fails. It prints to out what there is
// to see and every now and then how it goes.
func Run(ctx context.Context, config Config, out io.Writer) error {
	// Clients' base URLs end in /v1, and so it is what people paste; the tap wants the server itself.
	config.Upstream = strings.TrimSuffix(strings.TrimRight(config.Upstream, "/"), "/v1")
	config.Load.Target = strings.TrimRight(config.Tap, "/")
	if err := config.Validate(); err != nil {
		return err
	}
	if err := portsFree(ctx, map[string]string{"tap": config.Tap, "health": config.Health}); err != nil {
		return err
	}
	r := &run{config: config, out: out}
	err := r.start(ctx)
	if err == nil {
		err = r.watch(ctx)
	}
	if ctx.Err() != nil {
		err = nil // told to stop, even if in the middle of the start
	}
	if stopErr := r.stop(); stopErr != nil {
		// What runs was to end anyway: say it, but do not turn a Ctrl-C into a failure.
		fmt.Fprintln(out, stopErr)
	}
	return err
}

// run is one call of Run.
type run struct {
	config    Config
	out       io.Writer
	server    *server.Server // nil with an upstream of the user's own
	collector *collector

	load     *load.Load // nil likewise
	stopLoad context.CancelFunc
	loading  sync.WaitGroup
	summary  load.Summary
}

// start starts the demo server, the collector and, once that is ready, the load.
func (r *run) start(ctx context.Context) error {
	upstream := r.config.Upstream
	if upstream == "" {
		if err := r.startServer(ctx); err != nil {
			return fmt.Errorf("demo server: %w", err)
		}
		upstream = r.server.URL()
	}
	args := append([]string{"--config", r.config.CollectorConfig}, r.config.CollectorArgs...)
	env := append(os.Environ(), UpstreamVariable+"="+upstream)
	var err error
	if r.collector, err = startCollector(r.config.Collector, args, env, r.config.CollectorLog); err != nil {
		return err
	}
	if err := r.awaitCollector(ctx); err != nil {
		return err
	}
	if r.server != nil {
		if r.load, err = load.New(r.config.Load, nil); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	if err := r.printPanel(); err != nil {
		return err
	}
	r.startLoad(ctx)
	return nil
}

func (r *run) startServer(ctx context.Context) error {
	s, err := server.New(r.config.Server)
	if err != nil {
		return err
	}
	for _, fault := range r.config.Faults {
		if err := s.Faults().Parse(fault); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	r.server = s
	return nil
}

// startLoad runs the load in the background, if there is one.
func (r *run) startLoad(ctx context.Context) {
	if r.load == nil {
		return
	}
	ctx, r.stopLoad = context.WithCancel(ctx)
	r.loading.Go(func() { r.summary = r.load.Run(ctx) })
}

// awaitCollector waits until the collector says that it is healthy and the tap accepts connections.
func (r *run) awaitCollector(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.StartTimeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: probeTimeout}
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for {
		if healthy(ctx, client, r.config.Health) && listens(ctx, r.config.Tap) {
			return nil
		}
		select {
		case <-r.collector.ended:
			return r.collector.failure("the collector ended at its start")
		case <-ctx.Done():
			return fmt.Errorf("the collector was not ready within %v (want 200 from %s and a listener at %s); "+
				"the end of its log %s:\n%s",
				r.config.StartTimeout, r.config.Health, r.config.Tap, r.config.CollectorLog, tail(r.config.CollectorLog))
		case <-pause.C:
		}
	}
}

// healthy tells whether a GET is answered with 200.
func healthy(ctx context.Context, client *http.Client, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// listens tells whether something accepts connections where a URL points. Nothing is sent: a request through the tap
// would show in the metrics, and take as long as the server behind it.
func listens(ctx context.Context, address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // "http" and "https" are names of their ports
	}
	dialer := net.Dialer{Timeout: probeTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}

// watch prints the status until ctx ends (nil) or a part fails.
func (r *run) watch(ctx context.Context) error {
	var failed <-chan error // nil, and so never ready, without a demo server
	if r.server != nil {
		failed = r.server.Failed()
	}
	ticker := time.NewTicker(r.config.StatusInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(r.out, "\nstopping")
			return nil
		case <-r.collector.ended:
			return r.collector.failure("the collector ended unexpectedly")
		case err := <-failed:
			return fmt.Errorf("demo server: %w", err)
		case <-ticker.C:
			if r.load != nil {
				printStatus(r.out, r.load.Snapshot())
			}
		}
	}
}

// stop ends everything that runs, in the order in which requests flow.
func (r *run) stop() error {
	var errs []error
	if r.stopLoad != nil {
		r.stopLoad()
		r.loading.Wait()
		fmt.Fprintln(r.out, "demo load:")
		errs = append(errs, r.summary.Write(r.out))
	}
	if r.collector != nil {
		errs = append(errs, r.collector.stop(r.config.StopTimeout))
	}
	if r.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), r.config.StopTimeout)
		defer cancel()
		errs = append(errs, r.server.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// portsFree returns an error if something listens already where the collector is to listen. Without this check the
// answers of another collector would pass for those of the one that could not start.
func portsFree(ctx context.Context, urls map[string]string) error {
	for flag, address := range urls {
		if listens(ctx, address) {
			return fmt.Errorf("%s: something listens at %s already; is another collector running?", flag, address)
		}
	}
	return nil
}
