package embeddingreceiver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/confighttp"
)

// server is a listening HTTP server and its goroutine.
type server struct {
	http *http.Server
	done sync.WaitGroup
}

// serve listens as cfg says and serves s in a goroutine of its own. A failure later is reported to host.
func (s *server) serve(ctx context.Context, cfg *confighttp.ServerConfig, host component.Host) error {
	listener, err := cfg.ToListener(ctx)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", cfg.NetAddr.Endpoint, err)
	}
	s.done.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(
				fmt.Errorf("serve %s: %w", cfg.NetAddr.Endpoint, err)))
		}
	})
	return nil
}

// shutdown stops listening and waits for the requests in flight; those that outlast ctx are cut off.
func (s *server) shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.done.Wait()
	return err
}
