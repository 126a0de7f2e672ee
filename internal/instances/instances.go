// Package instances lets one component serve the pipelines of several signals, as a receiver does that listens on one
// port or owns one device: the collector asks the factory for a component per signal, with the same configuration.
package instances

import (
	"sync"

	"go.opentelemetry.io/collector/component"
)

// Live holds the components of one factory that are not shut down.
type Live[T any] struct {
	mu       sync.Mutex
	byConfig map[component.Config]T
}

// Get returns the live component of a configuration. Where there is none it makes one; the component must call forget
// when it is shut down.
func (l *Live[T]) Get(cfg component.Config, make func(forget func()) (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if live, ok := l.byConfig[cfg]; ok {
		return live, nil
	}
	made, err := make(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.byConfig, cfg)
	})
	if err != nil {
		var none T
		return none, err
	}
	if l.byConfig == nil {
		l.byConfig = map[component.Config]T{}
	}
	l.byConfig[cfg] = made
	return made, nil
}
