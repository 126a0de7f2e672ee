package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
)

// servers answers for the servers that the README speaks of, by their ports, without a network.
type servers struct{ headers http.Header }

// RoundTrip answers a request.
func (s *servers) RoundTrip(r *http.Request) (*http.Response, error) {
	s.headers = r.Header
	w := httptest.NewRecorder()
	switch r.URL.Port() {
	case "8000":
		serve(w, r, func(x []float64, _ string, _ int) []float64 { return x })
	case "8001": // weights of four bits
		serve(w, r, func(x []float64, text string, _ int) []float64 { return moved(x, text, 0.2) })
	case "8002": // depends on the batch
		serve(w, r, func(x []float64, text string, batch int) []float64 {
			if batch > 1 {
				return moved(x, text, 0.7)
			}
			return x
		})
	case "8003":
		http.Error(w, `{"error":{"message":"busy"}}`, http.StatusServiceUnavailable)
	default:
		return nil, errors.New("connection refused")
	}
	return w.Result(), nil
}

const dimension = 64

func serve(w http.ResponseWriter, r *http.Request, change func(x []float64, text string, batch int) []float64) {
	var request struct {
		Input      []string `json:"input"`
		Dimensions int      `json:"dimensions"`
		Encoding   string   `json:"encoding_format"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	tokens := 0
	var data []string
	for i, text := range request.Input {
		tokens += len(strings.Fields(text))
		x := change(embed(text), text, len(request.Input))
		if request.Dimensions > 0 {
			x = unit(x[:request.Dimensions])
		}
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, i, encode(x, request.Encoding)))
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"object":"list","model":"qwen3-embedding-4b","data":[%s],"usage":{"prompt_tokens":%d,"total_tokens":%[2]d}}`,
		strings.Join(data, ","), tokens)
}

func encode(x []float64, encoding string) string {
	values := make([]float32, len(x))
	for i, v := range x {
		values[i] = float32(v)
	}
	var v any = values
	if encoding == "base64" {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		v = base64.StdEncoding.EncodeToString(b)
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// embed is the sum of a vector for each word, of which numbers count less, and one of the whole text.
func embed(text string) []float64 {
	x := random("")
	words := strings.Fields(text)
	for _, w := range words {
		weight := 1 / math.Sqrt(float64(len(words)))
		if w[0] >= '0' && w[0] <= '9' {
			weight *= 0.3
		}
		for i, v := range random(w) {
			x[i] += weight * v
		}
	}
	return moved(x, "whole "+text, 0.15)
}

func random(word string) []float64 {
	h := fnv.New64a()
	h.Write([]byte(word))
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	x := make([]float64, dimension)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return unit(x)
}

// moved adds a vector that depends on the text, by times the length of x.
func moved(x []float64, text string, by float64) []float64 {
	x = unit(x)
	for i, v := range random("moved " + text) {
		x[i] += by * v
	}
	return unit(x)
}

func unit(x []float64) []float64 {
	square := 0.0
	for _, v := range x {
		square += v * v
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v / math.Sqrt(square)
	}
	return y
}
