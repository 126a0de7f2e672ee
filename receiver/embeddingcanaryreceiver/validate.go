package embeddingcanaryreceiver

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/probe"
)

const (
	wantEndpoint = "want the URL of the embedding call itself, e.g. http://localhost:8000/v1/embeddings"
	// minInterval keeps a slip of the unit from becoming a load test.
	minInterval = 100 * time.Millisecond
	maxRounds   = 1000
)

// Validate checks the configuration. Each error names the key, what was found and what would be right.
func (c *Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if len(c.Targets) == 0 {
		refuse("targets: is empty; want one or more, e.g. targets: [{endpoint: http://localhost:8000/v1/embeddings, model: qwen3-embedding-4b}]")
	}
	first := make(map[string]int, len(c.Targets))
	for i := range c.Targets {
		t := &c.Targets[i]
		before := len(errs)
		errs = append(errs, t.validate(fmt.Sprintf("targets::%d", i))...)
		if len(errs) > before {
			continue
		}
		name := t.name()
		if j, ok := first[name]; ok {
			refuse("targets::%d::name: %q is the name of targets::%d already; want a name of its own, e.g. %s", i, name, j, name+"-2")
			continue
		}
		first[name] = i
	}
	if c.Interval < minInterval {
		refuse("interval: is %s; want %s or more, e.g. %s", c.Interval, minInterval, defaultInterval)
	}
	// Written so that NaN is refused as well.
	if !(c.Jitter >= 0 && c.Jitter <= 0.5) {
		refuse("jitter: is %v; want a share of the interval from 0 to 0.5, e.g. %v", c.Jitter, defaultJitter)
	}
	if c.Budget.Tokens < 1 {
		refuse("budget::tokens: is %d; want a number of tokens for each round, e.g. %d", c.Budget.Tokens, defaultBudgetTokens)
	}
	if !(c.Budget.ServerTime > 0 && c.Budget.ServerTime <= 1) {
		refuse("budget::server_time: is %v; want a share of time above 0 and at most 1, e.g. %v", c.Budget.ServerTime, defaultServerTime)
	}
	if c.Backoff.Initial <= 0 {
		refuse("backoff::initial: is %s; want a pause, e.g. %s", c.Backoff.Initial, defaultBackoffInitial)
	}
	if c.Backoff.Max < c.Backoff.Initial {
		refuse("backoff::max: is %s; want at least backoff::initial, %s, e.g. %s", c.Backoff.Max, c.Backoff.Initial,
			max(defaultBackoffMax, c.Backoff.Initial))
	}
	if c.Learning.Rounds < 1 || c.Learning.Rounds > maxRounds {
		refuse("learning::rounds: is %d; want 1 to %d, e.g. %d", c.Learning.Rounds, maxRounds, defaultLearningRounds)
	}
	if !c.Suite.BuiltIn && len(c.Suite.Files) == 0 {
		refuse("suite::files: is empty and suite::built_in is false; want texts to send, e.g. suite: {built_in: true}")
	}
	for i, path := range c.Suite.Files {
		if path == "" {
			refuse("suite::files::%d: is empty; want the path of a file of texts, e.g. /etc/otelcol-embedding/texts.yaml", i)
		}
	}
	if c.Generation < 0 {
		refuse("generation: is %d; want 0 or more, one more than before to learn all pins anew", c.Generation)
	}
	return errors.Join(errs...)
}

func (t *TargetConfig) validate(key string) []error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(key+"::"+format, args...)) }

	p := &t.Probe
	if t.ClientConfig.Timeout <= 0 {
		refuse("timeout: is %s; want the time after which a call counts as hanging, e.g. %s", t.ClientConfig.Timeout, defaultTimeout)
	}
	for _, d := range p.Dimensions {
		if d < 1 {
			refuse("dimensions: has %d; want lengths of vectors, e.g. [256, 1024]", d)
		}
	}
	if p.MaxTokens < 0 {
		refuse("max_tokens: is %d; want the tokens that the server reads of an input, e.g. 32768, or 0 to find out", p.MaxTokens)
	}
	for _, e := range p.Encodings {
		if e != dialect.EncodingFloat && e != dialect.EncodingBase64 {
			refuse("encodings: has %q; want %s or %s", e, dialect.EncodingFloat, dialect.EncodingBase64)
		}
	}
	if p.Encodings != nil && len(p.Encodings) == 0 {
		refuse("encodings: is empty; want e.g. [%s], or leave it out", dialect.EncodingFloat)
	}
	for _, repeated := range repeats(p.Encodings) {
		refuse("encodings: has %s twice; want each once", repeated)
	}
	for _, repeated := range repeats(p.Dimensions) {
		refuse("dimensions: has %d twice; want each once", repeated)
	}
	u, err := endpointURL(t.ClientConfig.Endpoint)
	if err != nil {
		refuse("endpoint: %w", err)
		return errs
	}
	d, err := t.dialect(u)
	if err != nil {
		return append(errs, fmt.Errorf("%s::%w", key, err))
	}
	if p.Model == "" && needsModel(d) {
		refuse("model: is missing; want the model to ask for, e.g. qwen3-embedding-4b")
	}
	return append(errs, p.validateFeatures(key, d)...)
}

// validateFeatures asks the API whether it has what is to be asked for.
func (p *ProbeConfig) validateFeatures(key string, d dialect.Dialect) []error {
	var errs []error
	request := dialect.Request{Texts: []string{"a"}}
	for _, encoding := range p.Encodings {
		request.Encoding = encoding
		if _, err := d.WriteRequest(&request); err != nil {
			errs = append(errs, fmt.Errorf("%s::encodings: %w; want [%s], or leave it out", key, err, dialect.EncodingFloat))
			break
		}
	}
	request.Encoding = ""
	if len(p.Dimensions) > 0 {
		request.Dimensions = 1
		if _, err := d.WriteRequest(&request); err != nil {
			errs = append(errs, fmt.Errorf("%s::dimensions: %w; leave it out", key, err))
		}
	}
	return errs
}

// endpointURL parses an endpoint. Its errors do not quote what may hold a password.
func endpointURL(endpoint string) (*url.URL, error) {
	if endpoint == "" {
		return nil, errors.New("is missing; " + wantEndpoint)
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL; " + wantEndpoint)
	case u.User != nil:
		return nil, errors.New("holds a user name or password; want them under auth or headers")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q is not a URL of http or https; %s", endpoint, wantEndpoint)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q names no host; %s", endpoint, wantEndpoint)
	case strings.Trim(u.Path, "/") == "":
		return nil, fmt.Errorf("%q has no path; want that of the embedding call too, e.g. %s/v1/embeddings", endpoint, strings.TrimRight(endpoint, "/"))
	case u.Fragment != "":
		return nil, fmt.Errorf("%q has a fragment; %s", endpoint, wantEndpoint)
	}
	// As where a base URL that ends in a slash is put before a path.
	for u.RawPath == "" && strings.HasPrefix(u.Path, "//") {
		u.Path = u.Path[1:]
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("%q has a wrong port; want 1 to 65535", endpoint)
		}
	}
	return u, nil
}

// dialect returns the API of the target.
func (t *TargetConfig) dialect(u *url.URL) (dialect.Dialect, error) {
	if name := t.Probe.Dialect; name != "" {
		d, ok := dialect.Named(name)
		if !ok {
			return nil, fmt.Errorf("dialect: is %q; want one of %s", name, strings.Join(dialect.Names(), ", "))
		}
		return d, nil
	}
	d, ok := dialect.For(http.MethodPost, u.Path)
	switch {
	case !ok:
		return nil, fmt.Errorf("endpoint: the path %q is none of an API that is known; want e.g. /v1/embeddings, or the API as dialect: one of %s",
			u.Path, strings.Join(dialect.Names(), ", "))
	case strings.HasSuffix(u.Path, "/api/embeddings"):
		return nil, fmt.Errorf("endpoint: the path %q takes one text for each call; want /api/embed, which replaces it", u.Path)
	case strings.HasSuffix(u.Path, "/embed_all"):
		return nil, fmt.Errorf("endpoint: the path %q gives a vector for each token; want /embed", u.Path)
	}
	return d, nil
}

// needsModel is whether an API's servers serve several models.
func needsModel(d dialect.Dialect) bool {
	switch d.(type) {
	case dialect.TEI, dialect.LlamaCPP:
		return false
	}
	return true
}

// name is what the target is called.
func (t *TargetConfig) name() string {
	if t.Probe.Name != "" {
		return t.Probe.Name
	}
	u, err := url.Parse(t.ClientConfig.Endpoint)
	if err != nil {
		return "" // Validate refuses it
	}
	return probe.HostPort(u)
}

// repeats returns the values that a list has more than once.
func repeats[T comparable](list []T) []T {
	var found []T
	for i, v := range list {
		if slices.Index(list, v) < i && !slices.Contains(found, v) {
			found = append(found, v)
		}
	}
	return found
}
