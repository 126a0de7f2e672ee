package load

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Encodings of answers that may be asked for.
const (
	EncodingMix    = "mix"
	EncodingFloat  = "float"
	EncodingBase64 = "base64"
)

// Ways in which requests follow each other.
const (
	ArrivalsPoisson = "poisson" // independent clients: exponential times between requests
	ArrivalsFixed   = "fixed"   // equal times between requests
)

// Config is what a load sends, and where.
type Config struct {
	// Target is the base URL of the server, without /v1.
	Target string

	// Model is the model that is asked for.
	Model string

	// Rate is the number of requests a second. They are sent whether or not earlier ones were answered.
	Rate float64

	// Arrivals is ArrivalsPoisson or ArrivalsFixed.
	Arrivals string

	// Duration and Count end the load after so much time or so many requests sent; 0 for no end.
	Duration time.Duration
	Count    int64

	// Concurrency is how many requests may be open; what is due above it is dropped and counted.
	Concurrency int

	// Timeout bounds a request.
	Timeout time.Duration

	// TaskTypes is the mix of task types, named in the request field TaskField.
	TaskTypes []TaskShare
	TaskField string

	// Encoding is the encoding that answers are asked for: EncodingMix, EncodingFloat or EncodingBase64.
	Encoding string

	// MaxBatch is the most texts in a request, MaxTokens the most estimated tokens in a text.
	MaxBatch  int
	MaxTokens int

	// Seed chooses all requests and the times between them.
	Seed uint64
}

// DefaultConfig returns a load without an end on the tap.
func DefaultConfig() Config {
	return Config{
		Target:      "http://localhost:8080",
		Model:       "qwen3-embedding-4b",
		Rate:        20,
		Arrivals:    ArrivalsPoisson,
		Concurrency: 64,
		Timeout:     30 * time.Second,
		TaskTypes:   []TaskShare{{"query", 0.35}, {"document", 0.55}, {noTask, 0.1}},
		TaskField:   "prompt_name",
		Encoding:    EncodingMix,
		MaxBatch:    32,
		MaxTokens:   8192,
		Seed:        1,
	}
}

// Validate returns what is wrong with the configuration, by the names of the flags that set it.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	target, err := url.Parse(c.Target)
	check(err == nil && (target.Scheme == "http" || target.Scheme == "https") && target.Host != "",
		"target: %q is not a URL; want e.g. http://localhost:8080", c.Target)
	check(c.Rate > 0 && c.Rate <= math.MaxInt32, "rate: is %v; want requests a second, e.g. 20", c.Rate)
	check(c.Arrivals == ArrivalsPoisson || c.Arrivals == ArrivalsFixed, "arrivals: is %q; want %s or %s",
		c.Arrivals, ArrivalsPoisson, ArrivalsFixed)
	check(c.Duration >= 0, "duration: is %v; want 0 (no end) or more", c.Duration)
	check(c.Count >= 0, "count: is %d; want 0 (no end) or more", c.Count)
	check(c.Concurrency > 0, "concurrency: is %d; want 1 or more", c.Concurrency)
	check(c.Timeout > 0, "timeout: is %v; want e.g. 30s", c.Timeout)
	check(len(c.TaskTypes) > 0, "task-types: is empty; want e.g. query=0.4,document=0.6")
	check(c.TaskField != "", "task-field: is empty; want e.g. prompt_name")
	known := []string{EncodingMix, EncodingFloat, EncodingBase64}
	check(slices.Contains(known, c.Encoding), "encoding: is %q; want one of %s", c.Encoding, strings.Join(known, ", "))
	check(c.MaxBatch > 0, "max-batch: is %d; want 1 or more", c.MaxBatch)
	check(c.MaxTokens > 0, "max-tokens: is %d; want 1 or more", c.MaxTokens)
	return errors.Join(errs...)
}
