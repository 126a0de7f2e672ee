package server

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const formType = "application/x-www-form-urlencoded"

// symptoms are what a client sees of the answers to two different texts, one of them long.
type symptoms struct {
	status     int
	dimension  int
	nan        bool
	norm       float64
	vectors    int
	equal      bool // both texts have the same vector
	sameModel  bool // the vector is the one of a server without faults
	tokens     int
	atLeastFor time.Duration
}

const longText = "Retrieval works best when passages are short and say one thing."

func observe(t *testing.T, s *Server, format string) symptoms {
	t.Helper()
	const short = "hello"
	healthy := one(t, newServer(t), fmt.Sprintf(`{"input": %q}`, short))
	start := time.Now()
	w := post(s, fmt.Sprintf(`{"input": [%q, %q], "encoding_format": %q}`, short, longText, format))
	out := symptoms{status: w.Code, atLeastFor: time.Since(start)}
	if w.Code != http.StatusOK {
		return out
	}
	e := decode(t, w)
	all := vectors(t, e)
	out.dimension = len(all[0])
	out.norm = norm(all[0])
	out.nan = math.IsNaN(out.norm)
	out.vectors = len(all)
	out.equal = fmt.Sprint(all[0]) == fmt.Sprint(all[len(all)-1]) && len(all) > 1
	out.sameModel = fmt.Sprint(all[0]) == fmt.Sprint(healthy)
	out.tokens = e.Usage.PromptTokens
	return out
}

func TestEachFaultShowsAndNothingElse(t *testing.T) {
	healthy := observe(t, newServer(t), "float")
	require.Equal(t, http.StatusOK, healthy.status)
	require.True(t, healthy.sameModel)
	require.False(t, healthy.equal)
	require.False(t, healthy.nan)

	type faultTest struct {
		name, value, format string
		check               func(t *testing.T, got symptoms)
	}
	tests := []faultTest{
		{faultLatency, "0.05", "float", func(t *testing.T, got symptoms) {
			assert.GreaterOrEqual(t, got.atLeastFor, 50*time.Millisecond)
			assert.True(t, got.sameModel)
		}},
		{faultErrors, "", "float", func(t *testing.T, got symptoms) { assert.Equal(t, 500, got.status) }},
		{faultErrors, "503", "float", func(t *testing.T, got symptoms) { assert.Equal(t, 503, got.status) }},
		{faultErrors, "429", "base64", func(t *testing.T, got symptoms) { assert.Equal(t, 429, got.status) }},
		{faultNaN, "", "base64", func(t *testing.T, got symptoms) {
			assert.Equal(t, 200, got.status)
			assert.True(t, got.nan)
			assert.Equal(t, healthy.dimension, got.dimension)
		}},
		{faultNaN, "", "float", func(t *testing.T, got symptoms) { assert.Equal(t, 500, got.status) }},
		{faultNaN, "null", "float", func(t *testing.T, got symptoms) {
			assert.Equal(t, 200, got.status)
			assert.True(t, got.nan)
			assert.Equal(t, healthy.dimension, got.dimension)
		}},
		{faultZero, "", "float", func(t *testing.T, got symptoms) {
			assert.Zero(t, got.norm)
			assert.Equal(t, healthy.dimension, got.dimension)
		}},
		{faultDimension, "", "float", func(t *testing.T, got symptoms) {
			assert.Equal(t, 2048, got.dimension)
			assert.InDelta(t, 1, got.norm, 1e-5)
		}},
		{faultDimension, "4096", "base64", func(t *testing.T, got symptoms) {
			assert.Equal(t, 4096, got.dimension)
			assert.InDelta(t, 1, got.norm, 1e-5)
		}},
		{faultUnnormalised, "", "float", func(t *testing.T, got symptoms) { assert.InDelta(t, 3, got.norm, 1e-4) }},
		{faultUnnormalised, "0.5", "base64", func(t *testing.T, got symptoms) { assert.InDelta(t, 0.5, got.norm, 1e-4) }},
		{faultConstant, "", "float", func(t *testing.T, got symptoms) {
			assert.True(t, got.equal)
			assert.InDelta(t, 1, got.norm, 1e-5)
		}},
		{faultModelSwap, "", "base64", func(t *testing.T, got symptoms) {
			assert.False(t, got.sameModel)
			assert.False(t, got.equal)
			assert.Equal(t, healthy.dimension, got.dimension)
			assert.InDelta(t, 1, got.norm, 1e-5)
		}},
		{faultTruncation, "4", "float", func(t *testing.T, got symptoms) {
			assert.True(t, got.sameModel, "a text below the limit stays as it is")
			assert.Equal(t, 3+4, got.tokens)
		}},
	}
	// moved is what faults look like that move vectors and leave everything else.
	moved := func(t *testing.T, got symptoms) {
		assert.False(t, got.sameModel)
		got.sameModel = true
		assert.InDelta(t, 1, got.norm, 1e-5)
		got.norm, got.atLeastFor = healthy.norm, healthy.atLeastFor
		assert.Equal(t, healthy, got)
	}
	// unconcerned is what faults look like that do not concern the first request, or not its inputs.
	unconcerned := func(t *testing.T, got symptoms) {
		got.atLeastFor = healthy.atLeastFor
		assert.Equal(t, healthy, got)
	}
	for name, check := range map[string]func(*testing.T, symptoms){
		faultPooling: moved, faultEOS: moved, faultRounding: moved, faultStale: moved, faultOrder: moved,
		faultBatch: unconcerned, faultCache: unconcerned, faultAlternating: unconcerned, faultPrefix: unconcerned,
		faultMatryoshka: unconcerned,
	} {
		tests = append(tests, faultTest{name, "", "float", check})
	}
	tests = append(tests, faultTest{faultEncoding, "", "base64", moved}, faultTest{faultEncoding, "", "float", unconcerned})
	tests = append(tests, faultTest{faultMissing, "", "float", func(t *testing.T, got symptoms) {
		assert.Equal(t, 1, got.vectors)
		got.vectors, got.atLeastFor = healthy.vectors, healthy.atLeastFor
		assert.Equal(t, healthy, got)
	}})
	tried := map[string]bool{}
	for _, tt := range tests {
		tried[tt.name] = true
		t.Run(tt.name+tt.value+tt.format, func(t *testing.T) {
			s := newServer(t)
			require.NoError(t, s.Faults().Set(tt.name, Setting{Share: 1, Value: tt.value}))
			tt.check(t, observe(t, s, tt.format))

			require.NoError(t, s.Faults().Clear(tt.name))
			got := observe(t, s, tt.format)
			got.atLeastFor = healthy.atLeastFor
			assert.Equal(t, healthy, got, "gone after it was cleared")
		})
	}
	for _, name := range FaultNames() {
		assert.True(t, tried[name], "%s is not tested", name)
	}
}

func TestTruncatedTextsWithOneHeadAreEqual(t *testing.T) {
	s := newServer(t)
	head := strings.Repeat("word ", 20)
	body := fmt.Sprintf(`{"input": [%q, %q]}`, head+"one tail", head+"another tail")
	all := vectors(t, decode(t, post(s, body)))
	assert.NotEqual(t, all[0], all[1])

	require.NoError(t, s.Faults().Set(faultTruncation, Setting{Share: 1, Value: "10"}))
	e := decode(t, post(s, body))
	all = vectors(t, e)
	assert.Equal(t, all[0], all[1])
	assert.Equal(t, 20, e.Usage.PromptTokens)

	e = decode(t, post(s, `{"input": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}`))
	assert.Equal(t, 10, e.Usage.PromptTokens)

	w := post(s, `{"input": "`+strings.Repeat("x ", 40000)+`"}`)
	assert.Equal(t, http.StatusOK, w.Code, "texts beyond the model's length are cut as well")
}

func TestCountPlantsExactly(t *testing.T) {
	s := newServer(t)
	require.NoError(t, s.Faults().Set(faultErrors, Setting{Share: 1, Value: "503", Count: 50}))
	failed := 0
	for i := range 200 {
		if post(s, `{"input": "a", "dimensions": 32}`).Code == 503 {
			failed++
			assert.Less(t, i, 50, "the next requests are hit, not later ones")
		}
	}
	assert.Equal(t, 50, failed)
}

func TestCountWithShareSpreadsTheHits(t *testing.T) {
	s := newServer(t)
	require.NoError(t, s.Faults().Set(faultErrors, Setting{Share: 0.1, Count: 20}))
	failed, last := 0, 0
	for i := range 1000 {
		if post(s, `{"input": "a", "dimensions": 32}`).Code == 500 {
			failed, last = failed+1, i
		}
	}
	assert.Equal(t, 20, failed)
	assert.Greater(t, last, 50)
}

func TestErrorsCarryRetryAfter(t *testing.T) {
	s := newServer(t)
	for value, want := range map[string]string{"429": "", "429:1": "1", "503:0": "0"} {
		require.NoError(t, s.Faults().Set(faultErrors, Setting{Share: 1, Value: value}))
		w := post(s, `{"input": "a"}`)
		assert.Equal(t, value[:3], fmt.Sprint(w.Code))
		assert.Equal(t, want, w.Header().Get("Retry-After"), value)
	}
}

func TestRefusedRequestsAreNotCounted(t *testing.T) {
	s := newServer(t)
	require.NoError(t, s.Faults().Set(faultErrors, Setting{Share: 1, Count: 1}))
	assert.Equal(t, http.StatusBadRequest, post(s, `{}`).Code)
	assert.Equal(t, http.StatusInternalServerError, post(s, `{"input": "a"}`).Code)
	assert.Equal(t, http.StatusOK, post(s, `{"input": "a"}`).Code)
}

func TestShareIsKeptAndFollowsTheSeed(t *testing.T) {
	const n = 20_000
	hits := func(seed uint64) []int {
		f := NewFaults(seed)
		require.NoError(t, f.Set(faultZero, Setting{Share: 0.1}))
		var out []int
		for i := range n {
			if _, ok := f.hit(faultZero); ok {
				out = append(out, i)
			}
		}
		return out
	}
	a := hits(1)
	assert.InDelta(t, 0.1, float64(len(a))/n, 0.01)
	assert.Equal(t, a, hits(1))
	assert.NotEqual(t, a, hits(2))
}

func TestFaultsAPI(t *testing.T) {
	s := newServer(t)
	list := func() map[string]faultJSON {
		w := do(s, http.MethodGet, "/faults", "", "")
		require.Equal(t, http.StatusOK, w.Code)
		var body struct{ Faults []faultJSON }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		byName := map[string]faultJSON{}
		for _, f := range body.Faults {
			assert.NotEmpty(t, f.Description)
			byName[f.Name] = f
		}
		return byName
	}
	off := list()
	assert.Len(t, off, len(FaultNames()))
	for name, f := range off {
		assert.False(t, f.Active, name)
	}

	w := do(s, http.MethodPut, "/faults/latency", "application/json", `{"share": 0.25, "value": 2.5, "count": 7}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	f := list()["latency"]
	assert.True(t, f.Active)
	assert.InDelta(t, 0.25, f.Share, 0)
	assert.Equal(t, "2.5", string(f.Value))
	assert.EqualValues(t, 7, f.Count)

	for _, body := range []string{"share=0.5&value=null", `{"share":0.5,"value":"null"}`} {
		w = do(s, http.MethodPut, "/faults/nan", formType, body)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		assert.Equal(t, `"null"`, string(list()["nan"].Value))
		assert.InDelta(t, 0.5, list()["nan"].Share, 0)
	}

	w = do(s, http.MethodPut, "/faults/errors", "", "")
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	assert.InDelta(t, 1, list()["errors"].Share, 0, "all requests unless said otherwise")
	assert.Equal(t, "500", string(list()["errors"].Value))

	assert.Equal(t, http.StatusOK, do(s, http.MethodDelete, "/faults/errors", "", "").Code)
	assert.False(t, list()["errors"].Active)
	assert.True(t, list()["latency"].Active)
	assert.Equal(t, http.StatusOK, do(s, http.MethodDelete, "/faults", "", "").Code)
	assert.Equal(t, off, list())
}

func TestFaultsAPIRefuses(t *testing.T) {
	s := newServer(t)
	tests := []struct {
		name, contentType, body string
		status                  int
		message                 string
	}{
		{"nowhere", "application/json", `{}`, 404, `unknown fault \"nowhere\"; want one of alternating, batch`},
		{"latency", "application/json", `{"share": 0}`, 400, "share is 0"},
		{"latency", "application/json", `{"share": 1.5}`, 400, "share is 1.5"},
		{"latency", "application/json", `{"value": -1}`, 400, "want a number from 0"},
		{"latency", "application/json", `{"value": "NaN"}`, 400, "want a number from 0"},
		{"latency", "application/json", `{"count": -1}`, 400, "count is -1"},
		{"latency", "application/json", `{"shares": 1}`, 400, "shares"},
		{"latency", "application/json", `{"share": `, 400, "want e.g."},
		{"latency", formType, `share=x`, 400, `share is \"x\"`},
		{"latency", formType, `count=x`, 400, `count is \"x\"`},
		{"latency", formType, `times=1`, 400, "times"},
		{"errors", "application/json", `{"value": 200}`, 400, "want a whole number from 400 to 599"},
		{"errors", formType, `value=503:x`, 400, "want behind the colon a whole number from 0 to 3600"},
		{"rounding", formType, `value=q5`, 400, "want fp16, bf16, q8, fp8 or q4"},
		{"alternating", formType, `value=replica`, 400, "want rounding or model"},
		{"nan", "application/json", `{"value": "inf"}`, 400, "want error or null"},
		{"zero", "application/json", `{"value": 3}`, 400, "takes none"},
		{"dimension", "application/json", `{"value": 0}`, 400, "want a whole number from 1"},
		{"latency", "application/json", strings.Repeat(" ", maxSettingSize+1), 400, "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name+tt.message, func(t *testing.T) {
			w := do(s, http.MethodPut, "/faults/"+tt.name, tt.contentType, tt.body)
			assert.Equal(t, tt.status, w.Code)
			assert.Contains(t, w.Body.String(), tt.message)
		})
	}
	assert.Equal(t, http.StatusNotFound, do(s, http.MethodDelete, "/faults/nowhere", "", "").Code)
}

func TestParse(t *testing.T) {
	f := NewFaults(1)
	require.NoError(t, f.Parse("latency=0.1,2.5"))
	require.NoError(t, f.Parse("errors=1,503,50"))
	require.NoError(t, f.Parse("zero=0.5"))
	assert.Equal(t, Setting{Share: 0.1, Value: "2.5"}, f.find("latency").Setting)
	assert.Equal(t, Setting{Share: 1, Value: "503", Count: 50}, f.find("errors").Setting)
	assert.Equal(t, Setting{Share: 0.5}, f.find("zero").Setting)
	for arg, message := range map[string]string{
		"latency":           "want name=share",
		"latency=x":         `share is "x"`,
		"latency=1,2,3,4":   "want name=share",
		"latency=1,2,x":     `count is "x"`,
		"nowhere=1":         "unknown fault",
		"latency=2":         "share is 2",
		"errors=1,teapot":   "want a whole number",
		"unnormalised=1,-1": "want a number",
	} {
		assert.ErrorContains(t, f.Parse(arg), message, arg)
	}
}
