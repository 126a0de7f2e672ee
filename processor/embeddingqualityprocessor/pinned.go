package embeddingqualityprocessor

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
)

// pinnedReferences is what reference files hold, by whose vectors they are for.
type pinnedReferences map[groupKey]*drift.Monitor

// openReferences reads the reference files.
func openReferences(paths []string) (pinnedReferences, error) {
	pinned := make(pinnedReferences, len(paths))
	from := make(map[groupKey]int, len(paths))
	for i, path := range paths {
		f, err := reference.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reference::files::%d: %w", i, err)
		}
		key := groupKey{f.Model, f.TaskType, len(f.Monitor.Reference().Mean)}
		if other, ok := from[key]; ok {
			return nil, fmt.Errorf("reference::files::%d: %s is for the same model (%s), task and dimension (%d) as reference::files::%d; want each once",
				i, path, key.Model, key.Dimension, other)
		}
		pinned[key], from[key] = f.Monitor, i
	}
	return pinned, nil
}

// find returns the monitor for a group: that of its task before that for all tasks, nil if there is none.
func (p pinnedReferences) find(key groupKey) *drift.Monitor {
	if m, ok := p[key]; ok {
		return m
	}
	key.TaskType = ""
	return p[key]
}

// newGroup returns a group, with the reference that is pinned for it, if one is.
func (j *judge) newGroup(key groupKey) *group {
	g := newGroup(key, j.logger)
	if m := j.pinned.find(key); m != nil {
		g.pinned = true
		g.use(m.Clone())
		g.logger.Info("Using the reference of a file", zap.Int("vectors", m.Reference().N), zap.Int("windows", m.Windows()))
	}
	return g
}
