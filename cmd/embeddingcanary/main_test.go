package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	good      = "http://localhost:8000/v1/embeddings"
	fourBits  = "http://localhost:8001/v1/embeddings"
	byBatch   = "http://localhost:8002/v1/embeddings"
	busy      = "http://localhost:8003/v1/embeddings"
	nowhere   = "http://localhost:8004/v1/embeddings"
	testModel = "qwen3-embedding-4b"
)

func TestCommandLines(t *testing.T) {
	t.Chdir(t.TempDir())
	status, _, stderr := call("pin", "-endpoint", good, "-model", testModel, "-out", "good.pins")
	require.Equal(t, exitSame, status, stderr)
	require.NoError(t, os.WriteFile("bad.pins", []byte("{}"), 0o600))
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"", exitUsage, "Usage:"},
		{"help", exitSame, "Usage:"},
		{"look", exitUsage, `unknown command "look"; want pin, verify, diff or suite`},
		{"pin -h", exitSame, "-query-instruction"},
		{"verify -h", exitSame, "-pins"},
		{"pin -out x", exitUsage, "-endpoint: missing"},
		{"pin -endpoint " + good, exitUsage, "-out: missing"},
		{"pin -endpoint " + good + " -out x -rounds 1", exitUsage, "-rounds: found 1; want at least 2"},
		{"pin -endpoint localhost -out x", exitUsage, `-endpoint: found "localhost"; want a URL`},
		{"pin -endpoint http://localhost:8000/elsewhere -out x", exitUsage, `found no embedding call at "/elsewhere"`},
		{"pin -dialect none -endpoint " + good + " -out x", exitUsage, `-dialect: found "none"; want one of openai`},
		{"pin -dimensions 8,x -endpoint " + good + " -out x", exitUsage, `-dimensions: found "x"`},
		{"pin -encodings int8 -endpoint " + good + " -out x", exitUsage, `-encodings: found "int8"`},
		{"pin -header X -endpoint " + good + " -out x", exitUsage, `-header: found "X"`},
		{"pin -bearer NO_SUCH_KEY -endpoint " + good + " -out x", exitUsage, "environment variable NO_SUCH_KEY"},
		{"pin -budget 10 -endpoint " + good + " -out x", exitFailed, "budget: found 10 tokens; want at least"},
		{"pin -suite missing.yaml -endpoint " + good + " -out x", exitFailed, "missing.yaml"},
		{"pin -endpoint " + busy + " -model m -out x", exitFailed, "localhost:8003: the call probe: overloaded"},
		{"pin -endpoint " + nowhere + " -model m -out x", exitFailed, "localhost:8004: the call probe: unreachable"},
		{"pin -endpoint " + byBatch + " -model m -out x", exitDiffers, "nothing was pinned"},
		{"pin extra", exitUsage, "found extra, want flags alone"},
		{"verify -endpoint " + good, exitUsage, "-pins: missing"},
		{"verify -pins missing.pins -endpoint " + good, exitFailed, "missing.pins"},
		{"verify -pins bad.pins -endpoint " + good, exitFailed, "bad.pins: pins: format"},
		{"verify -pins good.pins -endpoint " + good, exitSame, "verdict  same"},
		{"verify -pins good.pins -endpoint " + good + " -dimensions 16,32", exitSame, "matryoshka_overlap_16"},
		{"verify -pins good.pins -endpoint " + good + " -query-instruction x:", exitSame, "verdict  same"},
		{"verify -pins good.pins -endpoint " + fourBits, exitDiffers, "verdict  quantisation_sized: pinned_cosine_median"},
		{"verify -pins good.pins -endpoint " + byBatch, exitDiffers, "verdict  unstable: alone_cosine_min"},
		{"verify -pins good.pins -endpoint " + busy, exitFailed, "overloaded"},
		{"diff good.pins", exitUsage, "want two files of pins"},
		{"diff good.pins good.pins", exitSame, "same"},
		{"diff good.pins bad.pins", exitFailed, "bad.pins"},
		{"suite missing.yaml", exitFailed, "missing.yaml"},
		{"suite -list", exitSame, "The ferry leaves the harbour"},
	} {
		status, stdout, stderr := call(strings.Fields(c.args)...)
		assert.Equal(t, c.status, status, "%s: %s", c.args, stderr)
		assert.Contains(t, stdout+stderr, c.want, c.args)
	}
	_, err := os.Stat("x")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	status, _, stderr := call("pin", "-endpoint", good, "-model", testModel, "-out", "good.pins", "-rounds", "2")
	require.Equal(t, exitSame, status, stderr)
	status, stdout, _ := call("verify", "-json", "-pins", "good.pins", "-endpoint", fourBits)
	assert.Equal(t, exitDiffers, status)
	var object struct {
		Verdict string
		Reasons []string
		Worst   []struct {
			ID     string
			Cosine float64
		}
		Checks map[string]float64
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &object))
	assert.Equal(t, "quantisation_sized", object.Verdict)
	assert.Equal(t, []string{"pinned_cosine_median"}, object.Reasons)
	assert.Len(t, object.Worst, 5)
	assert.InDelta(t, 0.98, object.Checks["pinned_cosine_median"], 0.01)
}

func TestHeaders(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("EMBEDDING_KEY", "secret")
	var out, errs bytes.Buffer
	s := &servers{}
	status := run([]string{
		"pin", "-endpoint", good, "-model", testModel, "-out", "good.pins", "-rounds", "2", "-bearer", "EMBEDDING_KEY", "-header", "X-Team: search",
	}, &out, &errs, s)
	require.Equal(t, exitSame, status, errs.String())
	assert.Equal(t, "Bearer secret", s.headers.Get("Authorization"))
	assert.Equal(t, "search", s.headers.Get("X-Team"))
	assert.NotContains(t, out.String()+errs.String(), "secret")
}
