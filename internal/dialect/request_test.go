package dialect

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// TestRequestIsReadBack: what is written is read back by the same dialect, or refused.
func TestRequestIsReadBack(t *testing.T) {
	t.Parallel()
	for _, d := range registry {
		t.Run(d.Name(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				r := &Request{
					Model:      rapid.SampledFrom([]string{"", "m", "Qwen/Qwen3-Embedding-4B"}).Draw(rt, "model"),
					Texts:      rapid.SliceOfN(rapid.String(), 1, 8).Draw(rt, "texts"),
					Dimensions: rapid.SampledFrom([]int{0, 1, 256}).Draw(rt, "dimensions"),
					Encoding:   rapid.SampledFrom([]string{"", EncodingFloat, EncodingBase64}).Draw(rt, "encoding"),
					User:       rapid.SampledFrom([]string{"", embedding.CanaryAgent}).Draw(rt, "user"),
				}
				body, err := d.WriteRequest(r)
				if err != nil {
					require.NotContains(rt, []string{"openai", "vllm_pooling", "cohere"}, d.Name())
					require.True(rt, r.Encoding == EncodingBase64 || r.Dimensions > 0, "%v", err)
					return
				}
				texts, want := newTexts(), newTexts()
				var ev, listed embedding.Event
				require.NoError(rt, d.ReadRequest(body, texts, &ev))
				want.Begin(&listed)
				for _, text := range r.Texts {
					want.Text(&listed, []byte(text))
				}
				require.Equal(rt, listed.InputFingerprints, ev.InputFingerprints)
				require.Equal(rt, len(r.Texts), ev.InputCount)
				require.Equal(rt, r.Dimensions, ev.RequestedDimension)
				require.Empty(rt, ev.ElementType)
				if d.Name() != "tei" {
					require.Equal(rt, r.Model, ev.RequestModel)
				}
				switch d.Name() {
				case "openai", "vllm_pooling":
					require.Equal(rt, r.Encoding, ev.EncodingFormat)
					require.Equal(rt, r.User != "", ev.Canary)
				case "cohere":
					require.Equal(rt, r.Encoding == EncodingBase64, ev.EncodingFormat == EncodingBase64)
				}
			})
		})
	}
}

func TestRequestRefused(t *testing.T) {
	t.Parallel()
	for want, write := range map[string]func() ([]byte, error){
		"no texts; want one or more": func() ([]byte, error) { return OpenAI{}.WriteRequest(&Request{}) },
		"-1 dimensions; want 1 or more, or 0 for the model's own": func() ([]byte, error) {
			return Cohere{}.WriteRequest(&Request{Texts: []string{"a"}, Dimensions: -1})
		},
		`encoding "hex"; want float or base64`: func() ([]byte, error) {
			return Pooling{}.WriteRequest(&Request{Texts: []string{"a"}, Encoding: "hex"})
		},
		"TEI's own API has no encoding base64": func() ([]byte, error) {
			return TEI{}.WriteRequest(&Request{Texts: []string{"a"}, Encoding: EncodingBase64})
		},
		"llama.cpp's own API has no dimensions": func() ([]byte, error) {
			return LlamaCPP{}.WriteRequest(&Request{Texts: []string{"a"}, Dimensions: 64})
		},
	} {
		_, err := write()
		assert.EqualError(t, err, want)
	}
}
