package embeddingqualityprocessor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/storages"
)

// store keeps what a judge has learned in a storage extension.
type store struct {
	client   storage.Client
	interval time.Duration
	saved    time.Time         // when everything was saved last
	present  map[groupKey]bool // what is in the storage
}

const indexKey = "index"

func referenceKey(k groupKey) string {
	return fmt.Sprintf("reference/%q/%q/%d", k.Model, k.TaskType, k.Dimension)
}
func stateKey(k groupKey) string {
	return fmt.Sprintf("state/%q/%q/%d", k.Model, k.TaskType, k.Dimension)
}

// openStore returns nil where no storage is configured.
func openStore(ctx context.Context, host component.Host, cfg *Config, id component.ID, signal string) (*store, error) {
	if cfg.Storage == nil {
		return nil, nil
	}
	client, err := storages.Open(ctx, host, *cfg.Storage, component.KindProcessor, id, signal)
	if err != nil {
		return nil, err
	}
	return &store{client: client, interval: cfg.SaveInterval, present: make(map[groupKey]bool)}, nil
}

// restore reads what was saved. What cannot be used is learned anew, which the log says: no verdict is worth a collector that does
// not start.
func (j *judge) restore(ctx context.Context) error {
	data, err := j.store.client.Get(ctx, indexKey)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	var index savedIndex
	if data != nil {
		if err := index.unmarshal(data); err != nil {
			j.logger.Warn("Cannot use what was saved; all is learned anew", zap.Error(err))
			return nil
		}
	}
	if j.merger != nil {
		j.merger.restore(index.Closed)
	}
	for _, p := range index.Profiles {
		j.profile(profileKey{p.Model, p.TaskType}).restore(p)
	}
	for _, key := range slices.Backward(index.Groups) { // the latest used last
		reference, state := storage.GetOperation(referenceKey(key)), storage.GetOperation(stateKey(key))
		if err := j.store.client.Batch(ctx, reference, state); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
		j.store.present[key] = true
		g := j.newGroup(key)
		err := g.restore(reference.Value, state.Value, j.cfg.Reference.Generation)
		switch {
		case errors.Is(err, errGeneration):
			g.logger.Info("Discarded what was saved under another generation")
		case err != nil:
			g.logger.Warn("Cannot use what was saved; it is learned anew", zap.Error(err))
			g = j.newGroup(key)
		default:
			g.logger.Info("Restored what was learned", zap.Bool("reference", g.reference.Load() != nil),
				zap.Int("windows", g.findings.Windows))
		}
		j.mu.Lock()
		j.groups.get(key, func() *group { return g })
		j.mu.Unlock()
	}
	return nil
}

// saveIfDue saves what has changed once in a while.
func (j *judge) saveIfDue(ctx context.Context, now time.Time) {
	if j.store == nil || now.Sub(j.store.saved) < j.store.interval {
		return
	}
	j.store.saved = now
	if err := j.save(ctx); err != nil {
		j.telemetry.ProcessorEmbeddingQualitySavesFailed.Add(ctx, 1)
		j.logger.Warn("Cannot save what was learned; it is tried again", zap.Duration("in", j.store.interval), zap.Error(err))
	}
}

// save writes one group after the other, each with its reference at once or not at all, and then what there is.
func (j *judge) save(ctx context.Context) error {
	index, groups := j.saved()
	var errs []error
	for i, g := range groups {
		key := index.Groups[i]
		reference, state, err := g.save(j.cfg.Reference.Generation)
		if err != nil || state == nil {
			errs = append(errs, err) // nil where nothing has changed
			continue
		}
		ops := []*storage.Operation{storage.SetOperation(stateKey(key), state)}
		if reference != nil {
			ops = append(ops, storage.SetOperation(referenceKey(key), reference))
		}
		if err := j.store.client.Batch(ctx, ops...); err != nil {
			g.notSaved()
			errs = append(errs, err)
			continue
		}
		j.store.present[key] = true
	}
	data, err := index.marshal()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	ops := []*storage.Operation{storage.SetOperation(indexKey, data)}
	var gone []groupKey
	for key := range j.store.present {
		if !slices.Contains(index.Groups, key) {
			gone = append(gone, key)
			ops = append(ops, storage.DeleteOperation(stateKey(key)), storage.DeleteOperation(referenceKey(key)))
		}
	}
	if err := j.store.client.Batch(ctx, ops...); err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, key := range gone {
		delete(j.store.present, key)
	}
	return errors.Join(errs...)
}

// saved returns what there is to save, the latest used first.
func (j *judge) saved() (savedIndex, []*group) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var index savedIndex
	var groups []*group
	for key, g := range j.groups.all() {
		index.Groups, groups = append(index.Groups, key), append(groups, g)
	}
	for key, p := range j.profiles.all() {
		if s, learned := p.saved(key); learned {
			index.Profiles = append(index.Profiles, s)
		}
	}
	if j.merger != nil {
		index.Closed = j.merger.closed()
	}
	slices.Reverse(index.Profiles) // as they are made again
	return index, groups
}
