package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

func (s *Server) postEmbeddings(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	req, failure := s.readRequest(w, r)
	if failure == nil {
		failure = s.limitLength(req)
	}
	if failure != nil {
		s.writeError(w, failure)
		return
	}
	if !s.acquire(r.Context()) {
		return // the client went away while it waited
	}
	defer s.release()
	queued := time.Since(start)

	vectors, failure := s.embed(r.Context(), req)
	if failure != nil {
		s.writeError(w, failure)
		return
	}
	a := answer{id: requestID(r), created: s.config.Created, model: s.config.Model, vectors: vectors}
	if a.created == 0 {
		a.created = start.Unix()
	}
	for _, in := range req.inputs {
		a.tokens += in.tokens
	}
	body := a.append(nil, req.base64)
	s.metrics.finish(req.inputs, time.Since(start), queued)
	write(w, http.StatusOK, body)
}

// requestID returns the answer's id: the client's own X-Request-Id, else 32 random hexadecimal digits.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" {
		return "embd-" + id
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "embd-" + hex.EncodeToString(b[:])
}

// limitLength refuses inputs that are longer than the model takes, or cuts them where that fault is on.
func (s *Server) limitLength(req *request) *apiError {
	limit, truncated := s.faults.hitNumber(faultTruncation)
	for i := range req.inputs {
		in := &req.inputs[i]
		if truncated {
			in.truncate(int(limit))
		}
		if in.tokens > s.config.MaxModelLength {
			return badRequest("input", "This model's maximum context length is %d tokens. However, you requested %d tokens "+
				"in the input for embedding generation. Please reduce the length of the input.",
				s.config.MaxModelLength, in.tokens)
		}
	}
	return nil
}

// acquire waits for one of the places in which requests run; false if ctx ended first.
func (s *Server) acquire(ctx context.Context) bool {
	s.metrics.move(1, 0)
	select {
	case s.places <- struct{}{}:
		s.metrics.move(-1, 1)
		return true
	case <-ctx.Done():
		s.metrics.move(-1, 0)
		return false
	}
}

func (s *Server) release() {
	<-s.places
	s.metrics.move(0, -1)
}

// embed returns the vectors of the inputs, as faulty as asked for.
func (s *Server) embed(ctx context.Context, req *request) ([][]float32, *apiError) {
	if seconds, ok := s.faults.hitNumber(faultLatency); ok {
		sleep(ctx, time.Duration(seconds*float64(time.Second)))
	}
	if value, ok := s.faults.hit(faultErrors); ok {
		status, retryAfter := splitStatus(value)
		return nil, &apiError{
			status: status, message: "This error was asked for: " + http.StatusText(status), retryAfter: retryAfter,
		}
	}
	asked := keys(req.inputs)
	s.dropPrefixes(req.inputs)
	e, failure := s.effects(req, asked)
	if failure != nil {
		return nil, failure
	}
	return e.vectors(req.inputs), nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (s *Server) getModels(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID             string `json:"id"`
		Object         string `json:"object"`
		Created        int64  `json:"created"`
		OwnedBy        string `json:"owned_by"`
		Root           string `json:"root"`
		MaxModelLength int    `json:"max_model_len"`
	}
	s.writeJSON(w, http.StatusOK, struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{"list", []model{{
		ID: s.config.Model, Object: "model", Created: s.started.Unix(), OwnedBy: "embeddingdemo", Root: s.config.Model,
		MaxModelLength: s.config.MaxModelLength,
	}}})
}

func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(0))
	w.WriteHeader(http.StatusOK)
}
