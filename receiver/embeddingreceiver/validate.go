package embeddingreceiver

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/confignet"
	"golang.org/x/net/http/httpguts"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

var errNothingConfigured = errors.New("neither tap nor ingest is configured; want at least one of them, e.g. " +
	"tap: {upstream: {endpoint: http://localhost:8000}}")

// Validate checks the configuration. Each error names the key, what was found and what would be right.
func (c *Config) Validate() error {
	tap, ingest := c.Tap.Get(), c.Ingest.Get()
	if tap == nil && ingest == nil {
		return errNothingConfigured
	}
	var errs []error
	if tap != nil {
		errs = append(errs, tap.validate()...)
	}
	if ingest != nil {
		errs = append(errs, ingest.validate()...)
	}
	errs = append(errs, c.validateTexts())
	if tap != nil && ingest != nil {
		errs = append(errs, validateOverlap(&tap.ServerConfig.NetAddr, &ingest.ServerConfig.NetAddr))
	}
	return errors.Join(errs...)
}

func (c *TapConfig) validate() []error {
	errs := validateServer("tap", &c.ServerConfig)
	if len(c.ServerConfig.CompressionAlgorithms) > 0 {
		errs = append(errs, fmt.Errorf("tap::compression_algorithms: is %q; want none, because the tap passes bodies on "+
			"as they are", c.ServerConfig.CompressionAlgorithms))
	}
	errs = append(errs, c.validateUpstream()...)
	return append(errs, c.Analysis.validate()...)
}

func (c *AnalysisConfig) validate() []error {
	var errs []error
	if c.TokensUnit != embedding.UnitToken && c.TokensUnit != embedding.UnitCharacter {
		errs = append(errs, fmt.Errorf("tap::tokens_unit: is %q; want %s, or %s for servers that count those", c.TokensUnit,
			embedding.UnitToken, embedding.UnitCharacter))
	}
	if c.MaxCapturedBodySize <= 0 || c.MaxCapturedBodySize > maxBufferSize {
		errs = append(errs, fmt.Errorf("tap::max_captured_body_size: is %d; want a number of bytes from 1 to %d, "+
			"e.g. %d", c.MaxCapturedBodySize, maxBufferSize, defaultMaxCapturedBodySize))
	}
	if c.CaptureMemoryLimit <= 0 {
		errs = append(errs, fmt.Errorf("tap::capture_memory_limit: is %d; want a positive number of bytes, e.g. %d",
			c.CaptureMemoryLimit, defaultCaptureMemoryLimit))
	}
	if c.Workers <= 0 {
		errs = append(errs, fmt.Errorf("tap::workers: is %d; want a positive number, e.g. %d", c.Workers,
			maxDefaultWorkers))
	}
	if c.QueueSize <= 0 {
		errs = append(errs, fmt.Errorf("tap::queue_size: is %d; want a positive number, e.g. %d", c.QueueSize,
			defaultQueueSize))
	}
	if c.FlushInterval < 0 || c.FlushInterval > maxFlushInterval {
		errs = append(errs, fmt.Errorf("tap::flush_interval: is %s; want 0s to hand on each event by itself, or up to %s, e.g. %s",
			c.FlushInterval, maxFlushInterval, defaultFlushInterval))
	}
	for i, route := range c.Routes {
		errs = append(errs, route.validate(i)...)
	}
	// Written so that NaN is refused as well.
	if !(c.VectorSamplingRatio >= 0 && c.VectorSamplingRatio <= 1) {
		errs = append(errs, fmt.Errorf("tap::vector_sampling_ratio: is %v; want a share of calls from 0 to 1, e.g. 0.1",
			c.VectorSamplingRatio))
	}
	for i, name := range c.ClientIDHeaders {
		if !httpguts.ValidHeaderFieldName(name) {
			errs = append(errs, fmt.Errorf("tap::client_id_headers::%d: is %q; want the name of a header, e.g. Authorization", i, name))
		}
	}
	if c.TraceContext != TraceContextPass && c.TraceContext != TraceContextContinue {
		errs = append(errs, fmt.Errorf("tap::trace_context: is %q; want %s to pass the client's on as it is, or %s to make the "+
			"tap's span the parent of the server's", c.TraceContext, TraceContextPass, TraceContextContinue))
	}
	return errs
}

func (c *IngestConfig) validate() []error {
	errs := validateServer("ingest", &c.ServerConfig)
	if c.MaxConcurrentRequests <= 0 {
		errs = append(errs, fmt.Errorf("ingest::max_concurrent_requests: is %d; want a positive number, e.g. %d",
			c.MaxConcurrentRequests, defaultConcurrentIngests))
	}
	return errs
}

// validateServer checks what confighttp leaves open. key is the path of the section.
func validateServer(key string, c *confighttp.ServerConfig) []error {
	var errs []error
	if c.NetAddr.Transport != confignet.TransportTypeUnix {
		if _, err := parseAddress(c.NetAddr.Endpoint); err != nil {
			errs = append(errs, fmt.Errorf("%s::endpoint: %q is no address to listen on (%w); want host:port, e.g. %s",
				key, c.NetAddr.Endpoint, err, defaultTapEndpoint))
		}
	}
	if c.MaxRequestBodySize < 0 {
		errs = append(errs, fmt.Errorf("%s::max_request_body_size: is %d; want a positive number of bytes, e.g. %d",
			key, c.MaxRequestBodySize, defaultMaxIngestBodySize))
	}
	return errs
}

func (c *TapConfig) validateUpstream() []error {
	const want = "want the URL of the embedding server, e.g. http://localhost:8000"
	up := &c.Upstream
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if up.Compression.IsCompressed() {
		fail("tap::upstream::compression: is %q; want none, because the tap passes bodies on as they are", up.Compression)
	}
	if up.Cookies.HasValue() {
		fail("tap::upstream::cookies: is set; want it left out, because the clients' own cookies pass through")
	}
	if up.Timeout < 0 {
		fail("tap::upstream::timeout: is %s; want 0s for none, or a positive duration, e.g. 5m", up.Timeout)
	}
	if up.Endpoint == "" {
		fail("tap::upstream::endpoint: is missing; " + want)
		return errs
	}
	u, err := url.Parse(up.Endpoint)
	switch {
	case err != nil:
		// The error is left out: it may quote a password.
		fail("tap::upstream::endpoint: is not a URL; " + want)
		return errs
	case u.User != nil:
		fail("tap::upstream::endpoint: holds a user name or password; want them under tap::upstream::auth or " +
			"tap::upstream::headers")
		return errs
	case u.Scheme == "" || u.Host == "" && u.Scheme != "http" && u.Scheme != "https":
		fail("tap::upstream::endpoint: %q is not a URL; %s", up.Endpoint, want)
		return errs
	case u.Scheme != "http" && u.Scheme != "https":
		fail("tap::upstream::endpoint: %q has the scheme %q; want http or https, e.g. http://localhost:8000",
			up.Endpoint, u.Scheme)
		return errs
	case u.Hostname() == "":
		fail("tap::upstream::endpoint: %q names no host; %s", up.Endpoint, want)
		return errs
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		fail("tap::upstream::endpoint: %q has a query or fragment; want scheme, host and path alone, e.g. "+
			"http://localhost:8000", up.Endpoint)
	}
	port, err := urlPort(u)
	if err != nil {
		fail("tap::upstream::endpoint: %q has a wrong port (%w); %s", up.Endpoint, err, want)
		return errs
	}
	if c.ServerConfig.NetAddr.Transport == confignet.TransportTypeUnix {
		return errs
	}
	own, err := parseAddress(c.ServerConfig.NetAddr.Endpoint)
	if err == nil && own.reaches(address{u.Hostname(), port}) {
		fail("tap::upstream::endpoint: %q is the tap's own endpoint, so calls would go round for ever; %s",
			up.Endpoint, want)
	}
	return errs
}

func validateOverlap(tap, ingest *confignet.AddrConfig) error {
	if !overlap(tap, ingest) {
		return nil
	}
	return fmt.Errorf("ingest::endpoint: %q and tap::endpoint %q are overlapping ports; want two ports, e.g. %s and %s",
		ingest.Endpoint, tap.Endpoint, defaultIngestEndpoint, defaultTapEndpoint)
}

func overlap(a, b *confignet.AddrConfig) bool {
	if a.Transport == confignet.TransportTypeUnix || b.Transport == confignet.TransportTypeUnix {
		return a.Transport == b.Transport && a.Endpoint == b.Endpoint
	}
	addrA, errA := parseAddress(a.Endpoint)
	addrB, errB := parseAddress(b.Endpoint)
	return errA == nil && errB == nil && addrA.overlaps(addrB)
}

// address is a host, empty for every address of this one, and a port, 0 for one that the system picks.
type address struct {
	host string
	port int
}

func parseAddress(s string) (address, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		var addrErr *net.AddrError
		if errors.As(err, &addrErr) {
			return address{}, errors.New(addrErr.Err)
		}
		return address{}, err
	}
	n, err := parsePort(port)
	return address{host, n}, err
}

func parsePort(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("port %q is no number from 0 to 65535", s)
	}
	return int(n), nil
}

// urlPort returns the port of u, or the default port of its scheme.
func urlPort(u *url.URL) (int, error) {
	switch {
	case u.Port() != "":
		return parsePort(u.Port())
	case u.Scheme == "https":
		return 443, nil
	}
	return 80, nil
}

// everyHost reports whether a listens on all addresses of this host.
func (a address) everyHost() bool {
	ip := net.ParseIP(a.host)
	return a.host == "" || ip != nil && ip.IsUnspecified()
}

func (a address) loopback() bool {
	ip := net.ParseIP(a.host)
	return a.host == "localhost" || ip != nil && ip.IsLoopback()
}

// overlaps reports whether a and b cannot both be listened on.
func (a address) overlaps(b address) bool {
	return a.port == b.port && a.port != 0 &&
		(a.host == b.host || a.everyHost() || b.everyHost() || a.loopback() && b.loopback())
}

// reaches reports whether a connection to b surely ends at the listener on a.
func (a address) reaches(b address) bool {
	return a.port == b.port && a.port != 0 &&
		(a.host == b.host || b.loopback() && (a.loopback() || a.everyHost()) || b.everyHost() && a.everyHost())
}
