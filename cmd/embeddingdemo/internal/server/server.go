// Package server is an embedding server that needs no model: the OpenAI API as vLLM speaks it, deterministic
// vectors, and faults that are switched on and off while it runs.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/hashing"
)

// Config is how a server starts.
type Config struct {
	// Endpoint is the host and port to listen on.
	Endpoint string

	// Model is the name under which the model is served.
	Model string

	// Dimension is the length of the model's vectors, from 32 to 32768.
	Dimension int

	// MaxModelLength is the most tokens an input may have.
	MaxModelLength int

	// MaxRequests is how many requests run at the same time; others wait.
	MaxRequests int

	// ErrorShape is how error answers look.
	ErrorShape ErrorShape

	// Created is the creation time of all answers in seconds since 1970, for answers that can be compared byte for
	// byte; 0 for the time of the request.
	Created int64

	// Seed chooses the model's vectors and the requests that faults hit.
	Seed uint64
}

// DefaultConfig returns a server like Qwen3-Embedding-4B on vLLM.
func DefaultConfig() Config {
	return Config{
		Endpoint:       "localhost:8000",
		Model:          "qwen3-embedding-4b",
		Dimension:      2560,
		MaxModelLength: 32768,
		MaxRequests:    256,
		ErrorShape:     ErrorNested,
		Seed:           1,
	}
}

// Validate returns what is wrong with the configuration, by the names of the flags that set it.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Endpoint); err != nil {
		errs = append(errs, fmt.Errorf("endpoint: %q is no host and port; want e.g. localhost:8000", c.Endpoint))
	}
	if c.Model == "" {
		errs = append(errs, errors.New("model: is empty; want a name such as qwen3-embedding-4b"))
	}
	if c.Dimension < minDimensions || c.Dimension > maxDimension {
		errs = append(errs, fmt.Errorf("dimension: is %d; want %d to %d", c.Dimension, minDimensions, maxDimension))
	}
	if c.MaxModelLength < 1 {
		errs = append(errs, fmt.Errorf("max-model-len: is %d; want 1 or more", c.MaxModelLength))
	}
	if c.MaxRequests < 1 {
		errs = append(errs, fmt.Errorf("max-num-seqs: is %d; want 1 or more", c.MaxRequests))
	}
	if c.ErrorShape != ErrorNested && c.ErrorShape != ErrorFlat {
		errs = append(errs, fmt.Errorf("error-shape: is %q; want %s or %s", c.ErrorShape, ErrorNested, ErrorFlat))
	}
	return errors.Join(errs...)
}

// A Server answers embedding requests between Start and Shutdown.
type Server struct {
	config  Config
	faults  *Faults
	metrics *metrics
	model   *hashing.Embedder
	swapped *hashing.Embedder // what the faults of another model answer with
	pooled  *hashing.Embedder // towards whose vectors the fault pooling moves
	endless *hashing.Embedder // and the fault eos
	asked   *memory           // the texts that were answered while the fault stale was off
	places  chan struct{}     // one element for every running request
	started time.Time

	http     *http.Server
	listener net.Listener
	failed   chan error // closed when the server ends, after its error if it did not end by Shutdown
}

// New returns a server that does not listen yet.
func New(config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Server{
		config:  config,
		faults:  NewFaults(config.Seed),
		metrics: newMetrics(config.Model, config.MaxModelLength, config.MaxRequests),
		model:   hashing.NewEmbedder(config.Seed, config.Dimension),
		swapped: hashing.NewEmbedder(config.Seed+1, config.Dimension),
		pooled:  hashing.NewEmbedder(config.Seed+2, config.Dimension),
		endless: hashing.NewEmbedder(config.Seed+3, config.Dimension),
		asked:   newMemory(),
		places:  make(chan struct{}, config.MaxRequests),
		started: time.Now(),
		failed:  make(chan error, 1),
	}, nil
}

// Faults returns the server's faults.
func (s *Server) Faults() *Faults { return s.faults }

// Handler returns the server's HTTP API.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/embeddings", s.postEmbeddings)
	mux.HandleFunc("GET /v1/models", s.getModels)
	mux.HandleFunc("GET /health", s.getHealth)
	mux.Handle("GET /metrics", s.metrics)
	mux.HandleFunc("GET /faults", s.getFaults)
	mux.HandleFunc("DELETE /faults", s.deleteFaults)
	mux.HandleFunc("PUT /faults/{name}", s.putFault)
	mux.HandleFunc("DELETE /faults/{name}", s.deleteFault)
	return mux
}

// Start listens and answers in the background.
func (s *Server) Start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.config.Endpoint)
	if err != nil {
		return fmt.Errorf("endpoint: %w", err)
	}
	s.listener = listener
	s.http = &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	go func() {
		defer close(s.failed)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return nil
}

// Failed returns a channel that yields an error if the server ends before Shutdown. It is closed in the end.
func (s *Server) Failed() <-chan error { return s.failed }

// URL returns the server's base URL as a client on this host sees it. It is empty before Start.
func (s *Server) URL() string {
	if s.listener == nil {
		return ""
	}
	host, _, _ := net.SplitHostPort(s.config.Endpoint) // Validate saw to it
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	return "http://" + net.JoinHostPort(host, port)
}

// Shutdown stops listening, waits for running requests until ctx ends, then cuts them off. It does nothing on a
// server that was not started.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.http == nil {
		return nil
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	for range s.failed { // until Serve has returned
	}
	return err
}
