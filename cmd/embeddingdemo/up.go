package main

import (
	"context"
	"io"
	"net"
	"os"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/up"
)

const aboutUp = `embeddingdemo up runs the demo server, the collector in front of it and a load on both, and says where to
look. With --upstream, or with EMBEDDING_UPSTREAM in the environment, it runs the collector alone, in front of that
server, and sends nothing. Ctrl-C ends all of it. The collector gets EMBEDDING_UPSTREAM, the rest of the environment,
and the arguments after --.

  embeddingdemo up --collector ./otelcol-embedding --config config/quickstart.yaml`

func bringUp(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	config := up.DefaultConfig()
	flags := newFlags("up", aboutUp, stderr)
	flags.StringVar(&config.Collector, "collector", config.Collector, "`path` of the collector's binary (required)")
	flags.StringVar(&config.CollectorConfig, "config", config.CollectorConfig, "the collector's configuration")
	flags.StringVar(&config.CollectorLog, "collector-log", config.CollectorLog, "`file` for the collector's output")
	flags.StringVar(&config.Upstream, "upstream", os.Getenv(up.UpstreamVariable),
		"base `URL` of your embedding server (default $"+up.UpstreamVariable+", else the demo server)")
	flags.StringVar(&config.Tap, "tap", listenURL("EMBEDDING_TAP", config.Tap), "`URL` of the collector's tap")
	flags.StringVar(&config.Metrics, "metrics", listenURL("EMBEDDING_METRICS", config.Metrics),
		"`URL` of the collector's metrics, to be shown")
	flags.StringVar(&config.Ingest, "ingest", listenURL("EMBEDDING_INGEST", config.Ingest),
		"`URL` of the collector's ingest, to be shown")
	flags.StringVar(&config.Health, "health", listenURL("EMBEDDING_HEALTH", config.Health),
		"`URL` of the collector's health check")
	flags.DurationVar(&config.StartTimeout, "start-timeout", config.StartTimeout, "most time until the collector is ready")
	flags.DurationVar(&config.StopTimeout, "stop-timeout", config.StopTimeout, "time to end in order before it is killed")
	flags.DurationVar(&config.StatusInterval, "status-interval", config.StatusInterval, "time between status lines")

	flags.StringVar(&config.Server.Endpoint, "server-endpoint", config.Server.Endpoint, "host and port of the demo server")
	flags.StringVar(&config.Server.Model, "model", config.Server.Model, "name of the model")
	flags.Uint64Var(&config.Server.Seed, "seed", config.Server.Seed, "chooses vectors, requests and which of them faults hit")
	modelFlags(flags, &config.Server)
	faultFlag(flags, (*list)(&config.Faults))
	mixFlags(flags, &config.Load)

	args, config.CollectorArgs = cutArgs(args)
	if err := parse(flags, args); err != nil {
		return err
	}
	config.Load.Model, config.Load.Seed = config.Server.Model, config.Server.Seed
	return up.Run(ctx, config, stdout)
}

// listenURL returns a URL of config/quickstart.yaml, with the host and port that an environment variable moves it to.
func listenURL(variable, url string) string {
	host, port, err := net.SplitHostPort(os.Getenv(variable))
	if err != nil {
		return url
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	_, path, found := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	if found {
		path = "/" + path
	}
	return "http://" + net.JoinHostPort(host, port) + path
}

// cutArgs parts a command line at its first --.
func cutArgs(args []string) (before, after []string) {
	for i, arg := range args {
		if arg == "--" {
			return args[:i], args[i+1:]
		}
	}
	return args, nil
}
