package embeddingcanaryreceiver

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// store keeps pins in a storage extension. Beside the pins of each target it keeps a record that they were made, so that a
// loss of the pins is noticed and never becomes a quiet new beginning.
type store struct {
	client     storage.Client
	generation int
}

// openStore returns nil where no storage is configured.
func openStore(ctx context.Context, host component.Host, cfg *Config, id component.ID) (*store, error) {
	if cfg.Storage == nil {
		return nil, nil
	}
	found, ok := host.GetExtensions()[*cfg.Storage]
	if !ok {
		return nil, fmt.Errorf("storage: no extension %q; want one that is listed under service::extensions, e.g. file_storage", cfg.Storage)
	}
	extension, ok := found.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: extension %q stores nothing; want a storage extension, e.g. file_storage", cfg.Storage)
	}
	client, err := extension.GetClient(ctx, component.KindReceiver, id, "")
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return &store{client: client, generation: cfg.Generation}, nil
}

// pinsOf names whose pins they are.
type pinsOf struct{ target, model string }

func (p pinsOf) pinsKey() string   { return fmt.Sprintf("pins/%q/%q", p.target, p.model) }
func (p pinsOf) recordKey() string { return fmt.Sprintf("pinned/%q/%q", p.target, p.model) }

// pinRecord says which pins there are. It is stored beside them, and by itself as well.
type pinRecord struct {
	Generation int       `json:"generation"`
	Suite      string    `json:"suite"`
	Digest     string    `json:"digest"`
	Pinned     time.Time `json:"pinned"`
}

// savedPins is a pinRecord with the pins themselves.
type savedPins struct {
	pinRecord
	Data []byte `json:"data"`
	Sum  []byte `json:"sum"` // SHA-256 of Data
}

// finding is how the storage was found at start.
type finding string

const (
	// foundPins says that the pins are those of the texts and the generation.
	foundPins finding = "found"
	// foundNothing says that there is no trace of any pins.
	foundNothing finding = "nothing"
	// foundLost says that there is a record of pins and no pins.
	foundLost finding = "lost"
	// foundDamaged says that the pins cannot be read.
	foundDamaged finding = "damaged"
	// foundOtherTexts says that the pins are of other texts.
	foundOtherTexts finding = "other_texts"
	// foundRaised says that the generation was raised since.
	foundRaised finding = "raised"
	// foundLowered says that the generation was lowered since, which nobody does on purpose.
	foundLowered finding = "lowered"
)

// found is what the storage has of a target.
type found struct {
	finding finding
	data    []byte    // with foundPins and foundOtherTexts
	record  pinRecord // of the pins that there are or were, as far as it is known
	err     error     // with foundDamaged
}

// load returns what the storage has of a target for these texts.
func (s *store) load(ctx context.Context, of pinsOf, suite string) (found, error) {
	pins, record := storage.GetOperation(of.pinsKey()), storage.GetOperation(of.recordKey())
	if err := s.client.Batch(ctx, pins, record); err != nil {
		return found{}, fmt.Errorf("storage: %w", err)
	}
	var f found
	recordErr := error(nil)
	if record.Value != nil {
		recordErr = json.Unmarshal(record.Value, &f.record)
	}
	if pins.Value == nil {
		f.finding = foundNothing
		if record.Value != nil {
			// Pins of an earlier generation are not missed: those of this one were never made.
			f.finding = foundLost
			if recordErr == nil && f.record.Generation < s.generation {
				f.finding = foundRaised
			}
		}
		return f, nil
	}
	var saved savedPins
	if err := saved.read(pins.Value); err != nil {
		f.finding, f.err = foundDamaged, err
		return f, nil
	}
	f.record = saved.pinRecord
	switch {
	case saved.Generation < s.generation:
		f.finding = foundRaised
	case saved.Generation > s.generation:
		f.finding = foundLowered
	case saved.Suite != suite:
		f.finding, f.data = foundOtherTexts, saved.Data
	default:
		f.finding, f.data = foundPins, saved.Data
	}
	return f, nil
}

// unusable is the finding where the pins that were found do not serve.
func (f *found) unusable() finding {
	if f.finding == foundOtherTexts {
		return foundOtherTexts
	}
	return foundDamaged
}

var errSum = errors.New("the pins are not as they were written")

func (p *savedPins) read(data []byte) error {
	if err := json.Unmarshal(data, p); err != nil {
		return err
	}
	if sum := sha256.Sum256(p.Data); string(sum[:]) != string(p.Sum) {
		return errSum
	}
	return nil
}

// save stores a target's pins in place of any there were, with the record that they were made.
func (s *store) save(ctx context.Context, of pinsOf, record pinRecord, data []byte) error {
	record.Generation = s.generation
	sum := sha256.Sum256(data)
	pins, err := json.Marshal(savedPins{pinRecord: record, Data: data, Sum: sum[:]})
	if err != nil {
		return err
	}
	made, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return s.client.Batch(ctx, storage.SetOperation(of.pinsKey(), pins), storage.SetOperation(of.recordKey(), made))
}
