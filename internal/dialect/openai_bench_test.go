package dialect

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// benchDimension is that of Qwen3-Embedding-4B.
const benchDimension = 2560

// answer is an embeddings answer as the official clients declare it.
type answer[E any] struct {
	ID    string    `json:"id"`
	Model string    `json:"model"`
	Data  []item[E] `json:"data"`
	Usage struct {
		PromptTokens int64 `json:"prompt_tokens"`
		TotalTokens  int64 `json:"total_tokens"`
	} `json:"usage"`
}

type item[E any] struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding E      `json:"embedding"`
}

// floatAnswer returns an answer of n random vectors, printed as Python prints float32 values.
func floatAnswer(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	return marshalAnswer(n, func() []float64 {
		x := make([]float64, benchDimension)
		for i := range x {
			x[i] = float64(float32(random.NormFloat64() / 50.6)) // √2560: of about unit norm
		}
		return x
	})
}

func base64Answer(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	return marshalAnswer(n, func() string {
		x := make([]float32, benchDimension)
		for i := range x {
			x[i] = float32(random.NormFloat64() / 50.6)
		}
		return base64.StdEncoding.EncodeToString(vector.AppendFloat32s(nil, x))
	})
}

func marshalAnswer[E any](n int, next func() E) []byte {
	a := answer[E]{ID: "embd-0123456789abcdef", Model: "qwen3-embedding-4b"}
	for i := range n {
		a.Data = append(a.Data, item[E]{Object: "embedding", Index: i, Embedding: next()})
	}
	a.Usage.PromptTokens = int64(n) * 17
	body, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	return body
}

// decodeBase64 is what a client does with the strings of an answer.
func decodeBase64(a *answer[string]) error {
	for i := range a.Data {
		raw, err := base64.StdEncoding.DecodeString(a.Data[i].Embedding)
		if err != nil {
			return err
		}
		vector.AppendBytes(make([]float32, 0, len(raw)/vector.ElementSize), raw)
	}
	return nil
}

func BenchmarkOpenAIReadResponse(b *testing.B) {
	for _, c := range []struct {
		name    string
		body    []byte
		vectors int
		base64  bool
	}{
		{"float/1", floatAnswer(1), 1, false},
		{"float/32", floatAnswer(32), 32, false},
		{"base64/32", base64Answer(32), 32, true},
	} {
		run := func(name string, read func() error) {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(c.body)))
				b.ReportAllocs()
				for b.Loop() {
					if err := read(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*c.vectors)/b.Elapsed().Seconds(), "vectors/s")
			})
		}
		ev := embedding.Event{StatusCode: http.StatusOK, InputCount: c.vectors}
		run("ReadResponse", func() error { return OpenAI{}.ReadResponse(nil, c.body, &ev) })
		run("encoding_json", func() error {
			if c.base64 {
				var a answer[string]
				if err := json.Unmarshal(c.body, &a); err != nil {
					return err
				}
				return decodeBase64(&a)
			}
			var a answer[[]float32]
			return json.Unmarshal(c.body, &a)
		})
	}
}
