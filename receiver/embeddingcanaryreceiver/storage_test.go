package embeddingcanaryreceiver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/storages/storagestest"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver/internal/metadata"
)

var storageID = component.MustNewID("file_storage")

func stored(cfg *Config) { cfg.Storage = &storageID }

// startStored starts a receiver on a storage.
func startStored(t *testing.T, host component.Host, s *server, configure ...func(*Config)) *rig {
	return startWith(t, host, nil, s.endpoint(), append(configure, stored)...)
}

var whose = pinsOf{"target", testModel}

// tamper changes what is stored.
func tamper(t *testing.T, host component.Host, change func(storage.Client)) {
	t.Helper()
	st, err := openStore(t.Context(), host, &Config{Storage: &storageID}, component.NewID(metadata.Type))
	require.NoError(t, err)
	change(st.client)
	require.NoError(t, st.client.Close(t.Context()))
}

const notUsable = "The storage had pins that cannot be used; they are learned anew, and what has changed since they were made goes unnoticed"

// TestPinsSurviveARestart: a model that was changed while nobody looked is found in the first round.
func TestPinsSurviveARestart(t *testing.T) {
	s, host := newServer(t), storagestest.NewHost(t, t.TempDir(), storageID)
	r := startStored(t, host, s)
	pins := r.learned().Pins
	assert.Len(t, r.said.FilterMessage("Nothing was found in the storage; pins are learned from scratch").All(), 1)
	assert.Zero(t, r.said.FilterMessageSnippet("Without storage").Len())
	r.stop()

	s.set(func(s *server) { s.seed = 1 })
	r = startStored(t, host, s)
	first := r.waitFrom(0, "the first round", func(*embedding.CanaryResult) bool { return true })
	assert.Equal(t, embedding.CanaryOtherModel, first.Verdict)
	assert.Equal(t, pins, first.Pins)
	assert.Len(t, r.said.FilterMessage("Pins are restored").All(), 1)
}

// TestPinsSurviveAKill: what is on the disk when the pins have been learned is enough.
func TestPinsSurviveAKill(t *testing.T) {
	folder, left := t.TempDir(), t.TempDir()
	s := newServer(t)
	r := startStored(t, storagestest.NewHost(t, folder, storageID), s)
	r.learned()
	require.NoError(t, os.CopyFS(left, os.DirFS(folder)))
	r.stop()
	r = startStored(t, storagestest.NewHost(t, left, storageID), s)
	first := r.waitFrom(0, "the first round", func(*embedding.CanaryResult) bool { return true })
	assert.Equal(t, embedding.CanarySame, first.Verdict)
}

// TestLostPins: pins that are gone or damaged are missed loudly, and learned anew.
func TestLostPins(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*testing.T, storage.Client)
		found  finding
	}{
		"gone": {func(t *testing.T, c storage.Client) { require.NoError(t, c.Delete(t.Context(), whose.pinsKey())) }, foundLost},
		"cut off": {func(t *testing.T, c storage.Client) {
			data, err := c.Get(t.Context(), whose.pinsKey())
			require.NoError(t, err)
			require.NoError(t, c.Set(t.Context(), whose.pinsKey(), data[:len(data)/2]))
		}, foundDamaged},
		"other bits": {func(t *testing.T, c storage.Client) {
			data, err := c.Get(t.Context(), whose.pinsKey())
			require.NoError(t, err)
			var saved savedPins
			require.NoError(t, json.Unmarshal(data, &saved))
			saved.Data[len(saved.Data)/2] ^= 1
			data, err = json.Marshal(saved)
			require.NoError(t, err)
			require.NoError(t, c.Set(t.Context(), whose.pinsKey(), data))
		}, foundDamaged},
		"no pins at all": {func(t *testing.T, c storage.Client) {
			require.NoError(t, (&store{client: c}).save(t.Context(), whose, pinRecord{Suite: "s"}, []byte("{}")))
		}, foundOtherTexts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, host := newServer(t), storagestest.NewHost(t, t.TempDir(), storageID)
			r := startStored(t, host, s)
			r.learned()
			r.stop()
			tamper(t, host, func(c storage.Client) { tt.change(t, c) })

			r = startStored(t, host, s)
			said := r.said.FilterMessage(notUsable).All()
			require.Len(t, said, 1)
			assert.Equal(t, string(tt.found), said[0].ContextMap()["found"])
			again := r.learned()
			assert.Equal(t, embedding.CanaryLearning, r.results()[0].Verdict)
			assert.EqualValues(t, 1, r.latest()["embedding.canary.pins.lost"].Sum().DataPoints().At(0).IntValue())
			r.stop()

			r = startStored(t, host, s)
			assert.Zero(t, r.said.FilterMessage(notUsable).Len(), "said once")
			assert.Equal(t, again.Pins, r.learned().Pins)
		})
	}
}

// TestGeneration: raised, pins are learned anew, which is what was asked for; lowered, nobody can have meant it.
func TestGeneration(t *testing.T) {
	s, host := newServer(t), storagestest.NewHost(t, t.TempDir(), storageID)
	r := startStored(t, host, s)
	r.learned()
	r.stop()
	s.set(func(s *server) { s.seed = 1 })
	raised := func(cfg *Config) { cfg.Generation = 1 }
	r = startStored(t, host, s, raised)
	assert.Len(t, r.said.FilterMessage("The generation was raised; pins are learned anew").All(), 1)
	r.learned()
	assert.Equal(t, embedding.CanaryLearning, r.results()[0].Verdict)
	assert.Zero(t, r.latest()["embedding.canary.pins.lost"].Sum().DataPoints().At(0).IntValue())
	r.stop()
	r = startStored(t, host, s, raised)
	assert.Len(t, r.said.FilterMessage("Pins are restored").All(), 1)
	r.stop()
	r = startStored(t, host, s)
	said := r.said.FilterMessage(notUsable).All()
	require.Len(t, said, 1)
	assert.Equal(t, "lowered", said[0].ContextMap()["found"])
}

// TestAnotherSuite: pins serve as long as they have most of the texts, and the log says that they are of others.
func TestAnotherSuite(t *testing.T) {
	s, host := newServer(t), storagestest.NewHost(t, t.TempDir(), storageID)
	r := startStored(t, host, s)
	pins := r.learned().Pins
	r.stop()
	more := filepath.Join(t.TempDir(), "more.yaml")
	require.NoError(t, os.WriteFile(more, []byte("texts:\n  - {id: sand, text: Sand blows over the road to the airfield.}\n"), 0o600))
	added := func(cfg *Config) { cfg.Suite.Files = append(cfg.Suite.Files, more) }
	r = startStored(t, host, s, added)
	assert.Equal(t, pins, r.learned().Pins)
	assert.Len(t, r.said.FilterMessageSnippet("another suite").All(), 1)
}

func TestStorageRefused(t *testing.T) {
	other := component.MustNewID("other")
	host := storagestest.Host{Host: componenttest.NewNopHost(), Extensions: map[component.ID]component.Component{other: nil}}
	for want, id := range map[string]component.ID{
		`storage: no extension "file_storage"; want one that is listed under service::extensions, e.g. file_storage`: storageID,
		`storage: extension "other" stores nothing; want a storage extension, e.g. file_storage`:                     other,
	} {
		r, err := prepare(t, nil, "http://localhost:1/v1/embeddings", func(cfg *Config) { cfg.Storage = &id })
		require.NoError(t, err)
		assert.ErrorContains(t, r.startOn(host), want)
	}
}

// TestPinsOfAFile: nothing is learned, and a file that does not serve is refused.
func TestPinsOfAFile(t *testing.T) {
	s, host := newServer(t), storagestest.NewHost(t, t.TempDir(), storageID)
	r := startStored(t, host, s)
	learned := r.learned()
	r.stop()
	file := filepath.Join(t.TempDir(), "pins.jsonl")
	tamper(t, host, func(c storage.Client) {
		data, err := c.Get(t.Context(), whose.pinsKey())
		require.NoError(t, err)
		var saved savedPins
		require.NoError(t, saved.read(data))
		require.NoError(t, os.WriteFile(file, saved.Data, 0o600))
	})
	of := func(file string) func(*Config) {
		return func(cfg *Config) { cfg.Targets[0].Probe.Pins = file }
	}
	r = start(t, s.endpoint(), of(file))
	first := r.waitFrom(0, "the first round", func(*embedding.CanaryResult) bool { return true })
	assert.Equal(t, embedding.CanarySame, first.Verdict)
	assert.Equal(t, learned.Pins, first.Pins)
	assert.Zero(t, r.said.FilterMessageSnippet("Without storage").Len())

	broken := filepath.Join(t.TempDir(), "broken.jsonl")
	require.NoError(t, os.WriteFile(broken, []byte("{"), 0o600))
	for _, file := range []string{broken, filepath.Join(t.TempDir(), "missing.jsonl")} {
		r, err := prepare(t, nil, s.endpoint(), of(file))
		require.NoError(t, err)
		assert.ErrorContains(t, r.startOn(componenttest.NewNopHost()), "targets::0::pins: ")
	}
}
