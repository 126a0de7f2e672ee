package nvmlreceiver

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

const (
	// eventWait is how long the driver is asked to wait for an event, and so how long the end of a watcher takes.
	eventWait = 500 * time.Millisecond
	// eventRetry is the pause after a failure, before a new event set is made.
	eventRetry = time.Second
)

// watcher listens for XID errors of GPUs. It waits inside the driver, on a goroutine of its own.
type watcher struct {
	lib    nvml.Library
	logger *zap.Logger
	gpus   map[string]nvml.Device
	listen func(uuid string)
	take   func(nvml.XIDEvent)

	stopOnce   sync.Once
	stop, done chan struct{}
}

// watch begins to listen. listen is called for each GPU whose errors will be heard, take for each error.
func watch(lib nvml.Library, logger *zap.Logger, gpus map[string]nvml.Device, listen func(string), take func(nvml.XIDEvent)) *watcher {
	w := &watcher{
		lib: lib, logger: logger, gpus: gpus, listen: listen, take: take,
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// end tells the watcher to stop listening.
func (w *watcher) end() { w.stopOnce.Do(func() { close(w.stop) }) }

// ended returns false when a call into the driver has not returned within the limit; the watcher ends when it does.
func (w *watcher) ended(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-w.done:
		return true
	case <-timer.C:
		return false
	}
}

func (w *watcher) run() {
	defer close(w.done)
	failing := false
	for {
		err := w.session()
		if err == nil {
			return
		}
		if nvml.IsUnsupported(err) {
			w.logger.Info("XID errors cannot be listened for with this driver or on these GPUs", zap.Error(err))
			return
		}
		if !failing {
			failing = true
			w.logger.Warn("Listening for XID errors was broken off and begins again; errors in between are not counted", zap.Error(err))
		}
		select {
		case <-w.stop:
			return
		case <-time.After(eventRetry):
		}
	}
}

// session listens until the watcher is to end, or until the driver fails.
func (w *watcher) session() error {
	set, err := w.lib.NewEventSet()
	if err != nil {
		return err
	}
	// There is nothing to do about a set that cannot be freed.
	defer func() { _ = set.Free() }()
	registered := 0
	for uuid, dev := range w.gpus {
		if err = set.Register(dev, uuid); err != nil {
			// A lost GPU must not keep the others from being heard.
			w.logger.Debug("XID errors of a GPU cannot be listened for", zap.String("uuid", uuid), zap.Error(err))
			continue
		}
		registered++
		w.listen(uuid)
	}
	if registered == 0 {
		return err
	}
	for {
		select {
		case <-w.stop:
			return nil
		default:
		}
		event, err := set.Wait(eventWait)
		switch {
		case err == nil:
			w.take(event)
		case nvml.StatusOf(err) != nvml.StatusTimeout:
			return err
		}
	}
}
