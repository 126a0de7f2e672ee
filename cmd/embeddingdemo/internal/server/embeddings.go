package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/hashing"
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
	s.metrics.finish(req.inputs, time.Since(start))
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
	if status, ok := s.faults.hitNumber(faultErrors); ok {
		return nil, &apiError{status: int(status), message: "This error was asked for: " + http.StatusText(int(status))}
	}
	model := s.model
	if _, ok := s.faults.hit(faultModelSwap); ok {
		model = s.swapped
	}
	_, constant := s.faults.hit(faultConstant)
	dimension, anotherDimension := s.faults.hitNumber(faultDimension)
	factor, unnormalised := s.faults.hitNumber(faultUnnormalised)
	_, zero := s.faults.hit(faultZero)
	nan, isNaN := s.faults.hit(faultNaN)
	if isNaN && nan == nanError && !req.base64 {
		// What Starlette's JSON response raises, and vLLM's catch-all turns into an answer.
		return nil, &apiError{
			status:  http.StatusInternalServerError,
			message: "Out of range float values are not JSON compliant",
		}
	}

	vectors := make([][]float32, len(req.inputs))
	for i, in := range req.inputs {
		var x []float32
		switch {
		case constant:
			x = model.Text("")
		case in.isIDs:
			x = model.Tokens(in.ids)
		default:
			x = model.Text(in.text)
		}
		want := req.dimensions
		if anotherDimension {
			want = int(dimension)
		}
		x = resize(x, want)
		switch {
		case isNaN:
			fill(x, float32(math.NaN()))
		case zero:
			fill(x, 0)
		case unnormalised:
			multiply(x, float32(factor))
		}
		vectors[i] = x
	}
	return vectors, nil
}

// resize returns the first n elements of x, or x again and again for a longer vector, scaled to length 1.
func resize(x []float32, n int) []float32 {
	if n == len(x) {
		return x
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = x[i%len(x)]
	}
	hashing.Normalize(out)
	return out
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

func multiply(x []float32, factor float32) {
	for i := range x {
		x[i] *= factor
	}
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
