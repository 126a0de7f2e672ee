package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

func TestHelp(t *testing.T) {
	for _, c := range commands() {
		text := succeed(t, c.Name, "-h")
		assert.Contains(t, text, "\n  embeddingquality "+c.Name+" ", "an example")
		assert.Contains(t, succeed(t, "-h"), "embeddingquality "+c.Name+" ")
		for _, line := range strings.Split(text, "\n") {
			assert.Less(t, len(line), 105, line)
		}
	}
	assert.Contains(t, succeed(t, "run", "-h"), "  -false-alarm-interval length\n")
}

func TestWrongCommandLine(t *testing.T) {
	inFolder(t)
	write(t, "v.jsonl", "[1, 2]\n")
	for line, want := range map[string]string{
		"":                                    "Usage:",
		"judge v.jsonl":                       `unknown command "judge"; want build, run, inspect, compare or convert`,
		"run":                                 "found nothing, want files of vectors: .npy, .npz, JSON lines or Parquet",
		"run -nosuch v.jsonl":                 "flag provided but not defined: -nosuch",
		"run v.jsonl -window x":               `invalid value "x" for flag -window: want a number of vectors, or a duration such as 10s or 720h`,
		"run v.jsonl -window -3":              `invalid value "-3" for flag -window`,
		"run v.jsonl -window 15":              "-window: 15 vectors are too few to compare; want at least 16",
		"run v.jsonl -min-vectors 3":          "-min-vectors: 3 is too few to compare; want at least 16",
		"run v.jsonl -vectors 63":             "-vectors: 63 is too few to learn from; want at least 64",
		"run v.jsonl -false-alarm-interval 9": "-false-alarm-interval: 9 is too short; want at least 100 windows",
		"run v.jsonl -false-alarm-interval 9m -window 10s": "-false-alarm-interval: 9m0s is too short; want at least 100 windows",
		"run v.jsonl -false-alarm-interval 9h": "-false-alarm-interval: 9h0m0s says nothing of windows of 100 vectors; " +
			"want a number of windows, or a duration for -window",
		"run v.jsonl -csv -json":     "found both -csv and -json, want one of them",
		"build -out r v.jsonl":       "-model: missing; want the model as events name it",
		"build -model m v.jsonl":     "-out: missing; want the file to write",
		"build -model m -out r":      "found nothing, want files of vectors",
		"inspect":                    "found nothing, want reference files",
		"compare a.reference":        "found a.reference, want two reference files",
		"convert a.reference b c":    "found a.reference b c, want a reference file and the file to write",
		"run -reference a b -window": "flag needs an argument: -window",
	} {
		status, stdout, stderr := call(strings.Fields(line)...)
		assert.Equal(t, 2, status, line)
		assert.Empty(t, stdout, line)
		assert.Contains(t, stderr, want, line)
	}
}

func TestWrongFiles(t *testing.T) {
	inFolder(t)
	rows := newService(16, 1).testRows(200)
	for i := range rows {
		rows[i].Model, rows[i].TaskType = "bge-m3", "query"
	}
	writeJSONL(t, "rows.jsonl", rows)
	for i := range rows {
		rows[i].Timestamp = time.Time{}
	}
	writeJSONL(t, "timeless.jsonl", rows)
	write(t, "empty.jsonl", "")
	write(t, "blank.jsonl", "\n\n")
	write(t, "bad.jsonl", `{"text": "a"}`+"\n")
	write(t, "cut.npy", "\x93NUMPY\x01\x00")
	write(t, "notes.txt", "hello")
	write(t, "wide.jsonl", "[1, 2]\n")
	writeReference16(t, "m.reference", 16)
	writeReference16(t, "narrow.reference", 8)
	for line, want := range map[string]string{
		"run none.npy":    "none.npy: no such file or directory",
		"run empty.jsonl": "empty.jsonl: found no vector, want some",
		"run blank.jsonl": "blank.jsonl: found no vector, want some",
		"run bad.jsonl":   "no row can be read; the first: bad.jsonl: line 1: found members \"text\", want embedding, vector",
		"run cut.npy":     "cut.npy: header: found the end of the file, want a whole header",
		"run notes.txt":   `notes.txt: found a file that begins with "hello", want .npy, .npz, JSON lines or Parquet`,
		"run rows.jsonl -model m": "rows.jsonl: found rows of model bge-m3, want some of model m; " +
			"-model-field - and -task-type-field - take all rows, whatever they say",
		"run rows.jsonl -task-type document":                   "found rows of task type query, want some of model bge-m3, task type document",
		"run rows.jsonl -vector-field x":                       `"task_type", want x`,
		"run rows.jsonl -vector-field -":                       `rows.jsonl: found "-" for the vector field`,
		"run timeless.jsonl -window 10s -time-field -":         "timeless.jsonl: line 1: found no time, want one for windows of 10s; -time-field names it",
		"run wide.jsonl -reference m.reference":                "wide.jsonl: found vectors of 2 dimensions, want 16 as those of m.reference have",
		"run rows.jsonl -reference none":                       "open none: no such file or directory",
		"run rows.jsonl -reference notes.txt":                  "notes.txt: want a reference, in its binary form or in JSON, found neither",
		"run rows.jsonl -picture none/picture.png":             "none/picture.png: no such file or directory",
		"build rows.jsonl -model bge-m3 -out a":                "rows.jsonl: found 200 valid vectors, want 1000 to learn a reference from; -vectors takes as few as 64",
		"build rows.jsonl -model bge-m3 -out no/a -vectors 64": "no such file or directory",
		"inspect notes.txt":                                    "notes.txt: want a reference, in its binary form or in JSON, found neither",
		"compare m.reference none":                             "open none: no such file or directory",
		"compare m.reference narrow.reference":                 "narrow.reference: found 8 dimensions, want 16 as m.reference has",
		"convert notes.txt a.json":                             "notes.txt: want a reference",
		"convert m.reference none/a.json":                      "none/a.json",
	} {
		status, _, stderr := call(strings.Fields(line)...)
		assert.Equal(t, 1, status, line)
		assert.Contains(t, stderr, want, line)
	}
}

// writeReference16 writes a reference of few vectors.
func writeReference16(t *testing.T, path string, dimension int) {
	t.Helper()
	writeJSONL(t, "few.jsonl", newService(dimension, 1).testRows(64))
	status, _, stderr := call("build", "-model", "m", "-out", path, "-vectors", "64", "few.jsonl")
	require.Zero(t, status, stderr)
	assert.Contains(t, stderr, "warning: found 0 windows to learn from behind the first 64 vectors, want 200: "+
		"the collector goes on learning what is usual")
}

func TestWordsAreTheProcessors(t *testing.T) {
	var words []string
	for fault := range new(reasons).all() {
		words = append(words, fault.String())
	}
	var want []string
	for _, r := range embedding.Reasons() {
		want = append(want, string(r))
	}
	assert.Equal(t, want, words)
	for _, v := range verdicts() {
		assert.Contains(t, embedding.Verdicts(), embedding.Verdict(v))
		assert.Equal(t, embedding.Verdict(v).Alarming(), v.alarming())
	}
}

// TestHealthyFile judges a healthy file in each form, with a reference and without.
func TestHealthyFile(t *testing.T) {
	inFolder(t)
	const dimension = 32
	buildReference(t, "m.reference", dimension)
	rows := newService(dimension, 2).testRows(2000)
	writeJSONL(t, "v.jsonl", rows)
	writeParquet(t, "v.parquet", rows)
	newService(dimension, 2).writeNPY(t, "v.npy", 2000, nil)
	first := ""
	for _, file := range []string{"v.jsonl", "v.parquet", "v.npy"} {
		found, summary := windows(t, "-reference", "m.reference", file)
		assert.Equal(t, "healthy×20", verdictsOf(found), file)
		assert.Contains(t, summary, "\nno alarm\n")
		last := found[19]
		assert.Equal(t, file, last["file"])
		evidence, err := json.Marshal([]any{last["evidence.mean_shift"], last["p_value.covariance"], last["cosine.p50"]})
		require.NoError(t, err)
		if first == "" {
			first = string(evidence)
		}
		assert.Equal(t, first, string(evidence), "the same vectors, whatever the form")
	}
	status, _, _ := call("run", "-fail-on-alarm", "-reference", "m.reference", "v.npy")
	assert.Zero(t, status)

	newService(dimension, 3).writeNPY(t, "long.npy", 1000+230*100, nil)
	found, _ := windows(t, "long.npy")
	assert.Equal(t, "learning×209 healthy×31", verdictsOf(found), "10 windows of the reference, and 200 to learn what is usual")
}

// TestLikeTheSimulation compares with the same calls of internal/drift as the simulation makes them.
func TestLikeTheSimulation(t *testing.T) {
	inFolder(t)
	const dimension, n = 32, 1000 + 210*100
	newService(dimension, 1).writeNPY(t, "v.npy", n, nil)
	found, _ := windows(t, "-false-alarm-interval", "5000", "v.npy")

	s, x := newService(dimension, 1), make([]float32, dimension)
	learner := drift.NewLearner(dimension, 1000)
	var monitor *drift.Monitor
	window := drift.NewWindow(dimension)
	for i := range n {
		s.next(x)
		norm, dot := 0.0, 0.0
		for j, v := range x {
			norm += float64(v) * float64(v)
			if monitor != nil {
				dot += float64(v) * float64(monitor.Reference().Centroid[j])
			}
		}
		norm = math.Sqrt(norm)
		if monitor == nil {
			if r := learner.Add(x, norm); r != nil {
				monitor = drift.NewMonitor(r)
			}
			continue
		}
		window.Add(x, norm, drift.Cosine(dot, norm), monitor.Reference())
		if (i+1)%100 != 0 {
			continue
		}
		want := monitor.Add(window, 5000)
		window.Reset()
		got := found[i/100]
		assert.InDelta(t, want.Shift.Z, got["mean_shift.z"], 1e-6)
		assert.InDelta(t, want.VarianceShift, got["variance_shift"], 1e-6)
		if want.Windows == drift.MinNull && i/100 > 210 {
			assert.InDelta(t, want.Weights[0].Evidence, got["evidence.mean_shift"], 1e-6)
			assert.InDelta(t, want.Weights[2].P, got["p_value.cosine_tails"], 1e-6)
		}
	}
}

// TestFaults plants each fault in a window and looks for it there, and nowhere else.
func TestFaults(t *testing.T) {
	inFolder(t)
	const dimension = 32
	buildReference(t, "m.reference", dimension)
	for name, test := range map[string]struct {
		plant func(r *testRow)
		want  string
	}{
		"non_finite": {func(r *testRow) { r.Embedding[3] = float32(math.Inf(1)) }, "invalid_output"},
		"zero":       {func(r *testRow) { clear(r.Embedding) }, "invalid_output"},
		"dimension":  {func(r *testRow) { r.Embedding = r.Embedding[:31] }, "invalid_output"},
		"norm":       {func(r *testRow) { stream.Scale(1.02)(r.Embedding) }, "invalid_output"},
		"duplicate":  {func(r *testRow) { r.Text = "another text" }, "invalid_output"},
		"outlier":    {func(r *testRow) { stream.Scale(-1)(r.Embedding) }, "healthy"},
	} {
		rows := newService(dimension, 2).testRows(2000)
		rows[1233].Text = "a text"
		copy(rows[1234].Embedding, rows[1233].Embedding)
		rows[1234].Text = "a text"
		test.plant(&rows[1234])
		writeParquet(t, "v.parquet", rows)
		found, summary := windows(t, "-reference", "m.reference", "v.parquet")
		for i, w := range found {
			for _, r := range []string{"non_finite", "zero", "dimension", "norm", "duplicate", "outlier"} {
				n := 0.0
				if i == 12 && r == name {
					n = 1
				}
				assert.Equal(t, n, w["flagged."+r], "%s: window %d: %s", name, i+1, r)
			}
		}
		assert.Equal(t, test.want, found[12]["verdict"], name)
		assert.Contains(t, summary, name+": 1 vector; the first in v.parquet: row 1234, counted from 0\n")
		status, _, _ := call("run", "-fail-on-alarm", "-reference", "m.reference", "v.parquet")
		assert.Equal(t, map[string]int{"healthy": 0, "invalid_output": 3}[test.want], status, name)
	}

	model := stream.NewModel(stream.Clustered(dimension, 20), 1)
	for name, effect := range map[string]stream.Effect{
		"noise":      stream.Noise(dimension, 0.6, 1),
		"wrong mean": model.TurnMean(0.6, 1).Source(stream.NewMix(stream.Even(20)), 1).Next,
	} {
		newService(dimension, 2).writeNPY(t, "v.npy", 4000, func(i int, x []float32) {
			if i >= 2000 {
				effect(x)
			}
		})
		status, stdout, _ := call("run", "-fail-on-alarm", "-reference", "m.reference", "v.npy")
		assert.Equal(t, 3, status, name)
		assert.Contains(t, stdout, "verdicts: healthy 20, traffic_shift 20\n"+
			"first alarm: window 21 (v.npy: row 2000, counted from 0) by ", name)
	}
}

// TestCutFile has what could be read judged before the error.
func TestCutFile(t *testing.T) {
	inFolder(t)
	newService(32, 1).writeNPY(t, "v.npy", 500, nil)
	v, err := os.ReadFile("v.npy")
	require.NoError(t, err)
	r, w, err := os.Pipe() // whose length nothing says ahead
	require.NoError(t, err)
	defer r.Close()
	path := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skip("pipes have no names here")
	}
	go func() {
		defer w.Close()
		_, _ = w.Write(v[:128+4*32*450])
	}()
	status, stdout, stderr := call("run", "-all", path)
	assert.Equal(t, 1, status)
	assert.Contains(t, stdout, "\n      4  row 300 ")
	assert.Contains(t, stderr, "row 450, counted from 0: ")
}

// TestWindowsOfTime has rows in the order of time, with a gap, and one that is late.
func TestWindowsOfTime(t *testing.T) {
	inFolder(t)
	const dimension = 32
	buildReference(t, "m.reference", dimension)
	rows := newService(dimension, 2).testRows(300) // five a second
	for i := 150; i < len(rows); i++ {
		rows[i].Timestamp = rows[i].Timestamp.Add(time.Hour)
	}
	rows[210].Timestamp = rows[0].Timestamp
	writeJSONL(t, "v.jsonl", rows)
	found, summary := windows(t, "-window", "10s", "-reference", "m.reference", "v.jsonl")
	var begins []any
	var compared []bool
	for _, w := range found {
		begins = append(begins, w["time"])
		compared = append(compared, w["cosine.ks"] != nil)
		assert.Equal(t, 50.0, w["vectors"])
	}
	assert.Equal(t, []any{"2026-11-01T00:00:00Z", "2026-11-01T00:00:10Z", "2026-11-01T00:00:20Z",
		"2026-11-01T01:00:30Z", "2026-11-01T01:00:40Z", "2026-11-01T01:00:50Z"}, begins)
	assert.Equal(t, []bool{false, true, false, true, false, true}, compared, "windows of 50 vectors are put together")
	assert.Contains(t, summary, "300 vectors in 6 windows of 10s\n")
	assert.Contains(t, summary, "not in the order of time: 1 row, counted in the windows that they came in; "+
		"the first in v.jsonl: line 211\n")

	found, _ = windows(t, "-window", "10s", "-min-vectors", "50", "-false-alarm-interval", "24h",
		"-reference", "m.reference", "v.jsonl")
	for _, w := range found {
		assert.NotNil(t, w["cosine.ks"])
	}
	table := succeed(t, "run", "-all", "-window", "10s", "-reference", "m.reference", "v.jsonl")
	assert.Contains(t, table, "\n"+
		"      1  2026-11-01T00:00:00Z       50      1           -       -      -      -             -      -             -  learning\n")
}

// TestRowsLeftOut has rows of other models and tasks, and some that cannot be read.
func TestRowsLeftOut(t *testing.T) {
	inFolder(t)
	rows := newService(32, 1).testRows(400)
	for i := range rows {
		rows[i].Model = []string{"a", "b"}[i%2]
		rows[i].TaskType = []string{"query", "document"}[i/2%2]
	}
	writeJSONL(t, "v.jsonl", rows)
	v, err := os.ReadFile("v.jsonl")
	require.NoError(t, err)
	write(t, "bad.jsonl", "{\"embedding\": 1}\n"+string(v)+"{}\n")
	for line, want := range map[string]string{
		"v.jsonl":                               "200 vectors in 2 windows of 100 vectors",
		"v.jsonl v.jsonl":                       "passed over: 400 rows of model b",
		"v.jsonl -model b -task-type query":     "100 vectors in 1 window of 100 vectors",
		"v.jsonl -task-type query":              "passed over: 200 rows of model b\npassed over: 100 rows of task type document\n",
		"v.jsonl -model-field -":                "400 vectors in 4 windows of 100 vectors",
		"bad.jsonl -model b":                    "unreadable: 2 rows; the first: bad.jsonl: line 1: embedding: found ",
		"-vectors 400 -model-field - bad.jsonl": "reference: 400 vectors, 0 windows learned from",
		"-vectors 401 -model-field - bad.jsonl": "reference: not learned, because only 400 of 401 valid vectors were found",
	} {
		assert.Contains(t, succeed(t, append([]string{"run"}, strings.Fields(line)...)...), want, line)
	}
}

// TestFirstVectorsOfAnotherDimension has a fault where the dimension is learned.
func TestFirstVectorsOfAnotherDimension(t *testing.T) {
	inFolder(t)
	rows := newService(32, 1).testRows(200)
	for i := range 10 {
		rows[i].Embedding = rows[i].Embedding[:31]
	}
	writeJSONL(t, "v.jsonl", rows)
	_, summary := windows(t, "v.jsonl")
	assert.Contains(t, summary, "dimension: 10 vectors; the first in v.jsonl: line 1\n")
}

func TestBuild(t *testing.T) {
	inFolder(t)
	const dimension = 32
	rows := newService(dimension, 1).testRows(1000 + 210*50)
	clear(rows[17].Embedding)
	for i := range rows {
		rows[i].TaskType = "query"
	}
	writeParquet(t, "v.parquet", rows)
	text := succeed(t, "build", "-model", "m", "-task-type", "query", "-window", "10s", "-min-vectors", "50",
		"-out", "m.json", "v.parquet")
	assert.Contains(t, text, "windows learned from 209\n")
	assert.Contains(t, text, "windows compared     209 of 10s\n")
	assert.Contains(t, text, "zero: 1 vector; the first in v.parquet: row 17, counted from 0\n")
	assert.Contains(t, text, "wrote m.json\n")
	f, err := reference.Open("m.json")
	require.NoError(t, err)
	assert.Equal(t, "m", f.Model)
	assert.Equal(t, "query", f.TaskType)
	assert.Equal(t, "v.parquet", f.Source)
	assert.WithinDuration(t, time.Now(), f.Created, time.Hour)
	assert.Equal(t, 1000, f.Monitor.Reference().N)
	assert.Equal(t, 209, f.Monitor.Windows())
}

// TestBuildOfChangingVectors warns of what is no time when all was well.
func TestBuildOfChangingVectors(t *testing.T) {
	inFolder(t)
	const dimension = 256
	other := otherService(dimension, 2)
	newService(dimension, 1).writeNPY(t, "v.npy", 1000+220*100, func(i int, x []float32) {
		if i >= 1000+210*100 {
			other.next(x)
		}
	})
	status, stdout, stderr := call("build", "-model", "m", "-out", "m.reference", "v.npy", "v.npy")
	assert.Zero(t, status)
	assert.Contains(t, stdout, "source               v.npy and 1 file more\n")
	assert.Contains(t, stderr, "warning: these vectors are not all alike: "+
		"the first alarm is in window 221 (v.npy: row 22000, counted from 0) by ")
	assert.Contains(t, stderr, "of 46000 vectors are outliers to the first 1000; want the vectors of one time when all was well\n")
}

func TestInspectAndConvert(t *testing.T) {
	inFolder(t)
	buildReference(t, "m.reference", 32)
	var d description
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "inspect", "-json", "m.reference")), &d))
	assert.Equal(t, "m", d.Model)
	assert.Equal(t, 32, d.Dimension)
	assert.Equal(t, 1000, d.Vectors)
	assert.Equal(t, 210, d.Windows)
	assert.InDelta(t, 1, d.Norm.Mean, 1e-6)
	assert.InDelta(t, 1, d.CentroidLength*d.CentroidLength+d.CovarianceTrace, 0.01, "vectors have length 1")
	assert.Less(t, d.Cosine.P05, d.Cosine.P95)
	assert.Len(t, d.Digest, 32)

	assert.Equal(t, "wrote m.json\n", succeed(t, "convert", "m.reference", "m.json"))
	assert.Equal(t, "wrote again.reference\n", succeed(t, "convert", "m.json", "again.reference"))
	before, err := os.ReadFile("m.reference")
	require.NoError(t, err)
	after, err := os.ReadFile("again.reference")
	require.NoError(t, err)
	assert.Equal(t, before, after)
	both := succeed(t, "inspect", "m.reference", "m.json")
	assert.True(t, strings.HasPrefix(both, "m.reference\nmodel "), both)
	assert.Contains(t, both, "\n\nm.json\nmodel ")
}

func TestCompare(t *testing.T) {
	inFolder(t)
	learn := func(path string, dimension int, next func(x []float32)) {
		s := newService(dimension, 1)
		s.writeNPY(t, "v.npy", 2000, func(_ int, x []float32) { next(x) })
		status, _, stderr := call("build", "-model", "m", "-vectors", "2000", "-out", path, "v.npy")
		require.Zero(t, status, stderr)
	}
	for _, dimension := range []int{128, 512} {
		model := stream.NewModel(stream.PowerLaw(dimension), 1)
		mix := stream.NewMix(stream.Even(1))
		learn("a", dimension, model.Source(mix, 1).Next)
		learn("alike", dimension, model.Source(mix, 2).Next)
		learn("moved", dimension, model.TurnMean(0.9, 1).Source(mix, 3).Next)
		learn("turned", dimension, model.Rotate(7).Source(mix, 4).Next)
		learn("other", dimension, stream.NewModel(stream.PowerLaw(dimension), 5).Source(mix, 5).Next)
		for path, want := range map[string]string{
			"a":      "The references are alike",
			"alike":  "The references are alike",
			"moved":  "The same directions vary, but the mean has moved",
			"turned": "These are hardly references of the same model",
			"other":  "These are references of different models",
		} {
			assert.Contains(t, succeed(t, "compare", "a", path), "\n"+want, "%s, %d dimensions", path, dimension)
		}
	}
	model := stream.NewModel(stream.PowerLaw(16), 1)
	mix := stream.NewMix(stream.Even(1))
	learn("few", 16, model.Source(mix, 1).Next)
	learn("moved", 16, model.TurnMean(0.5, 1).Source(mix, 3).Next)
	learn("constant", 16, stream.Constant(append([]float32{1}, make([]float32, 15)...)))
	assert.Contains(t, succeed(t, "compare", "few", "moved"), "In so few dimensions, directions do not tell one model from another.")
	assert.Contains(t, succeed(t, "compare", "constant", "few"), "The vectors of one of them do not vary")
}

func TestCSV(t *testing.T) {
	inFolder(t)
	buildReference(t, "m.reference", 32)
	newService(32, 2).writeNPY(t, "v.npy", 1000, nil)
	status, stdout, stderr := call("run", "-csv", "-reference", "m.reference", "v.npy")
	require.Zero(t, status, stderr)
	assert.Contains(t, stderr, "1000 vectors in 10 windows of 100 vectors\n")
	records, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	require.NoError(t, err)
	assert.Len(t, records, 11)
	found, _ := windows(t, "-reference", "m.reference", "v.npy")
	for i, name := range records[0] {
		if value, ok := found[3][name]; ok {
			text, err := json.Marshal(value)
			require.NoError(t, err)
			assert.Equal(t, strings.Trim(string(text), `"`), strings.ReplaceAll(records[4][i], "e-0", "e-"), name)
		} else {
			assert.Empty(t, records[4][i], name)
		}
	}
}

// TestPicture draws windows with and without times, faults and comparisons, and looks at whether anything is drawn.
func TestPicture(t *testing.T) {
	inFolder(t)
	const dimension = 32
	buildReference(t, "m.reference", dimension)
	noise := stream.Noise(dimension, 0.8, 1)
	rows := newService(dimension, 2).testRows(2000)
	for i := 1000; i < len(rows); i++ {
		noise(rows[i].Embedding)
	}
	clear(rows[1500].Embedding)
	writeParquet(t, "faulty.parquet", rows)
	newService(dimension, 3).writeNPY(t, "short.npy", 20, nil)
	for line, height := range map[string]int{
		"-reference m.reference faulty.parquet":               3 * 400,
		"-reference m.reference faulty.parquet -time-field -": 3 * 400,
		"-reference m.reference short.npy -window 16":         2 * 400,
		"short.npy": 2 * 400,
	} {
		succeed(t, append([]string{"run", "-picture", "p.png"}, strings.Fields(line)...)...)
		f, err := os.Open("p.png")
		require.NoError(t, err)
		picture, err := png.Decode(f)
		require.NoError(t, err, line)
		require.NoError(t, f.Close())
		assert.Equal(t, image.Pt(1600, height), picture.Bounds().Size(), line)
		assert.Greater(t, colours(picture), 10, line)
	}
}

func colours(picture image.Image) int {
	seen := make(map[[3]uint32]bool)
	for y := 0; y < picture.Bounds().Dy(); y += 4 {
		for x := 0; x < picture.Bounds().Dx(); x += 4 {
			r, g, b, _ := picture.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
		}
	}
	return len(seen)
}
