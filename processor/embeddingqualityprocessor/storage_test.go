package embeddingqualityprocessor

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
	"github.com/otelcol-embedding/otelcol-embedding/internal/storages/storagestest"
)

var storageID = component.MustNewID("file_storage")

func stored(cfg *Config) {
	cfg.Storage = &storageID
	cfg.MinVectors = 16
}

// window passes n vectors through the harness and returns the reports of the window.
func (h *harness) window(s *source, n int) []embedding.WindowReport {
	h.consume(s.event(n))
	return h.reports()
}

// TestRestartChangesNoVerdict: a processor that is restarted again and again, one time in two without being told, reports the same
// windows as one that runs on.
func TestRestartChangesNoVerdict(t *testing.T) {
	folder := t.TempDir()
	host := storagestest.NewHost(t, folder, storageID)
	save := func(cfg *Config) { cfg.SaveInterval = time.Second } // with each window
	stay := newHarness(t)
	restart := newHarnessOn(t, host, stored, save)
	stay.cfg.MinVectors = 16
	one, two := newSource(testDimension, 7), newSource(testDimension, 7)
	verdicts := make(map[embedding.Verdict]int)
	for i := range drift.MinNull + 40 {
		switch i % 20 {
		case 3:
			restart.stop()
			restart = newHarnessOn(t, host, stored, save)
		case 11:
			// A copy of what is on the disk is what is left of a process that was killed.
			left := t.TempDir()
			require.NoError(t, os.CopyFS(left, os.DirFS(folder)))
			restart.stop()
			folder, host = left, storagestest.NewHost(t, left, storageID)
			restart = newHarnessOn(t, host, stored, save)
		}
		if i == drift.MinNull+15 {
			one.mean, two.mean = newSource(testDimension, 8).mean, newSource(testDimension, 8).mean
		}
		want, got := stay.window(one, 20), restart.window(two, 20)
		require.Len(t, got, 1)
		got[0].Start, got[0].End = want[0].Start, want[0].End
		require.Equal(t, want, got, "window %d", i)
		verdicts[got[0].Verdict]++
	}
	assert.ElementsMatch(t, []embedding.Verdict{embedding.VerdictLearning, embedding.VerdictHealthy, embedding.VerdictTrafficShift},
		slices.Collect(maps.Keys(verdicts)))
}

// TestRepeatsAfterRestart: the texts that came before are known, and by which replica.
func TestRepeatsAfterRestart(t *testing.T) {
	host := storagestest.NewHost(t, t.TempDir(), storageID)
	s := newSource(testDimension, 1)
	h := newHarnessOn(t, host, stored)
	ev := s.event(3)
	h.consume(ev)
	h.stop()
	h = newHarnessOn(t, host, stored)
	h.consume(ev)
	reports := h.reports()
	require.Len(t, reports, 1)
	require.NotNil(t, reports[0].Repeats)
	assert.EqualValues(t, 3, reports[0].Repeats.Count)
	assert.InDelta(t, 1, reports[0].Repeats.MinCosine, 1e-9)
}

// TestExpectationsAfterRestart: a server that changes its dimension while nobody looks is found at the first vector.
func TestExpectationsAfterRestart(t *testing.T) {
	host := storagestest.NewHost(t, t.TempDir(), storageID)
	h := newHarnessOn(t, host, stored)
	h.consume(newSource(testDimension, 1).event(minObserved))
	h.stop()
	h = newHarnessOn(t, host, stored)
	assert.EqualValues(t, 1, h.judge(newSource(testDimension/2, 1).event(1)).Counts.Dimension)
	s := newSource(testDimension, 1)
	assert.EqualValues(t, 1, h.judge(s.answer(scaled(s.vector(), 2))).Counts.Norm)
}

// TestGeneration: what was learned under another name is learned anew.
func TestGeneration(t *testing.T) {
	host := storagestest.NewHost(t, t.TempDir(), storageID)
	s := newSource(testDimension, 1)
	h := newHarnessOn(t, host, stored)
	h.consume(s.event(100))
	require.NotNil(t, h.window(s, 20)[0].Drift)
	h.stop()
	next := func(cfg *Config) { cfg.Reference.Generation = "after the upgrade" }
	h = newHarnessOn(t, host, stored, next)
	assert.Nil(t, h.window(s, 20)[0].Drift)
	assert.Len(t, h.logs.FilterMessage("Discarded what was saved under another generation").All(), 1)
	h.consume(s.event(100))
	h.stop()
	h = newHarnessOn(t, host, stored, next)
	assert.NotNil(t, h.window(s, 20)[0].Drift)
}

// TestForgottenKeysLeaveTheStorage: what is not kept in memory is not kept on disk.
func TestForgottenKeysLeaveTheStorage(t *testing.T) {
	host := storagestest.NewHost(t, t.TempDir(), storageID)
	few := func(cfg *Config) { cfg.MaxKeys = 2 }
	h := newHarnessOn(t, host, stored, few)
	s := newSource(testDimension, 1)
	for _, model := range []string{"a", "b", "c"} {
		ev := s.event(100)
		ev.RequestModel = model
		h.consume(ev)
		h.clock.tick()
		h.clock.advance(time.Hour)
	}
	h.stop()
	h = newHarnessOn(t, host, stored, few)
	restored := h.logs.FilterMessage("Restored what was learned").All()
	var models []string
	for _, entry := range restored {
		models = append(models, entry.ContextMap()["model"].(string))
	}
	assert.Equal(t, []string{"b", "c"}, models)
}

// TestDamagedStorage: what cannot be read is learned anew, and said so.
func TestDamagedStorage(t *testing.T) {
	host := storagestest.NewHost(t, t.TempDir(), storageID)
	h := newHarnessOn(t, host, stored)
	s := newSource(testDimension, 1)
	h.consume(s.event(100))
	h.stop()

	key := groupKey{testModel, "general", testDimension}
	st, err := openStore(t.Context(), host, h.cfg, h.id, "logs")
	require.NoError(t, err)
	state, err := st.client.Get(t.Context(), stateKey(key))
	require.NoError(t, err)
	require.NotEmpty(t, state)
	require.NoError(t, st.client.Set(t.Context(), stateKey(key), state[:len(state)/2]))
	require.NoError(t, st.client.Close(t.Context()))

	h = newHarnessOn(t, host, stored)
	assert.Len(t, h.logs.FilterMessage("Cannot use what was saved; it is learned anew").All(), 1)
	assert.Nil(t, h.window(s, 20)[0].Drift)
}

func TestStorageRefused(t *testing.T) {
	other := component.MustNewID("other")
	host := storagestest.Host{Host: componenttest.NewNopHost(), Extensions: map[component.ID]component.Component{other: nil}}
	for want, id := range map[string]component.ID{
		`storage: no extension "file_storage"; want one that is listed under service::extensions, e.g. file_storage`: storageID,
		`storage: extension "other" stores nothing; want a storage extension, e.g. file_storage`:                     other,
	} {
		h := prepareHarness(t, func(cfg *Config) { cfg.Storage = &id })
		assert.EqualError(t, h.processor.Start(t.Context(), host), want)
		require.NoError(t, h.processor.Shutdown(t.Context()))
	}
}

// learned returns a reference file of a source, and its path.
func learned(t *testing.T, s *source, header reference.Header) (string, *reference.File) {
	l := drift.NewLearner(testDimension, 200)
	for {
		if r := l.Add(s.vector(), 1); r != nil {
			f := &reference.File{Header: header, Monitor: drift.NewMonitor(r)}
			path := filepath.Join(t.TempDir(), "a.reference")
			require.NoError(t, f.Write(path))
			return path, f
		}
	}
}

// TestPinnedReference: vectors are compared with the file from the first window on, for the model and task that it is for.
func TestPinnedReference(t *testing.T) {
	s := newSource(testDimension, 1)
	path, _ := learned(t, s, reference.Header{Model: testModel})
	h := newHarness(t, func(cfg *Config) { cfg.Reference.Files = []string{path} })
	report := h.window(s, 20)[0]
	require.NotNil(t, report.Drift)
	assert.EqualValues(t, 200, report.Drift.ReferenceVectors)
	ev := s.event(20)
	ev.RequestModel = "another"
	h.consume(ev)
	assert.Nil(t, h.reports()[0].Drift)
}

// TestPinnedReferenceAndStorage: what is usual is remembered as long as the file is the same.
func TestPinnedReferenceAndStorage(t *testing.T) {
	host := storagestest.NewHost(t, t.TempDir(), storageID)
	s := newSource(testDimension, 1)
	path, f := learned(t, s, reference.Header{Model: testModel, TaskType: "general"})
	pinned := func(cfg *Config) { cfg.Reference.Files = []string{path} }
	windows := func() int64 {
		h := newHarnessOn(t, host, stored, pinned)
		defer h.stop()
		return h.window(s, 20)[0].Drift.ReferenceWindows
	}
	assert.EqualValues(t, 1, windows())
	assert.EqualValues(t, 2, windows())
	_, other := learned(t, s, f.Header)
	require.NoError(t, other.Write(path))
	assert.EqualValues(t, 1, windows())
	pinned = func(*Config) {}
	h := newHarnessOn(t, host, stored)
	assert.Nil(t, h.window(s, 20)[0].Drift, "without the file, it is learned")
}

func TestPinnedReferenceRefused(t *testing.T) {
	s := newSource(testDimension, 1)
	path, f := learned(t, s, reference.Header{Model: testModel})
	again := filepath.Join(t.TempDir(), "again.json")
	require.NoError(t, f.Write(again))
	missing := filepath.Join(t.TempDir(), "missing")
	for want, files := range map[string][]string{
		"reference::files::0: open " + missing + ": no such file or directory": {missing},
		"reference::files::1: " + again + " is for the same model (" + testModel +
			"), task and dimension (32) as reference::files::0; want each once": {path, again},
	} {
		h := prepareHarness(t, func(cfg *Config) { cfg.Reference.Files = files })
		assert.EqualError(t, h.processor.Start(t.Context(), componenttest.NewNopHost()), want)
		require.NoError(t, h.processor.Shutdown(t.Context()))
	}
}

// TestRenewal: when it is due, the reference is followed by one of later vectors, without a window in which nothing is known, and
// the verdict stays.
func TestRenewal(t *testing.T) {
	h := newHarness(t, func(cfg *Config) {
		cfg.MinVectors = 16
		cfg.Reference.RenewInterval = 300 * cfg.Window
	})
	s := newSource(testDimension, 2)
	h.consume(s.event(64))
	renewed := func() bool { return h.logs.FilterMessage("Renewed the reference").Len() > 0 }
	for i := 0; !renewed(); i++ {
		require.Less(t, i, 300+2*renewalWindows+10)
		report := h.window(s, 20)[0]
		if i > drift.MinNull {
			require.Equal(t, embedding.VerdictHealthy, report.Verdict, "window %d", i)
		}
	}
	for range 5 {
		report := h.window(s, 20)[0]
		assert.Equal(t, embedding.VerdictHealthy, report.Verdict)
		assert.True(t, slices.ContainsFunc(report.Evidence, func(e embedding.Evidence) bool {
			return e.Statistic == embedding.StatisticAnchor
		}))
	}
}

// TestNoRenewalUnderSuspicion: what is in question does not become the reference.
func TestNoRenewalUnderSuspicion(t *testing.T) {
	h := newHarness(t, func(cfg *Config) {
		cfg.MinVectors = 16
		cfg.Reference.RenewInterval = 210 * cfg.Window
	})
	s := newSource(testDimension, 3)
	h.consume(s.event(64))
	for range 205 {
		h.window(s, 20)
	}
	s.mean = newSource(testDimension, 4).mean
	for range 500 {
		h.window(s, 20)
	}
	assert.Equal(t, embedding.VerdictTrafficShift, h.window(s, 20)[0].Verdict)
	assert.Zero(t, h.logs.FilterMessage("Renewed the reference").Len())
}

func observed() (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zap.InfoLevel)
	return zap.New(core), logs
}
