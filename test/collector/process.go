package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startTimeout and stopTimeout bound a program's start and end; both are generous because tests share few cores.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
)

// Process is a program under test. It is ended with the test.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	output lockedBuffer
	done   chan struct{}
	err    error
}

// Start starts a program with the given arguments; env entries are added to the test's own environment.
func Start(t testing.TB, path string, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Dir = Root(t)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	require.NoError(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("output of %s:\n%s", path, tail(p.Output(), 8<<10))
		}
	})
	return p
}

// WaitHTTP waits until url answers with 200.
func (p *Process) WaitHTTP(url string) {
	p.t.Helper()
	p.WaitHTTPFor(url, startTimeout)
}

// WaitHTTPFor waits until url answers with 200, for programs that take longer to start than most.
func (p *Process) WaitHTTPFor(url string, timeout time.Duration) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for {
		if err := get(ctx, url); err == nil {
			return
		}
		select {
		case <-p.done:
			require.FailNow(p.t, "the program ended while it was waited for", "%s: %v\n%s", url, p.err, p.Output())
		case <-ctx.Done():
			require.FailNow(p.t, "the program did not answer in time", "%s\n%s", url, p.Output())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop asks the program to end as Ctrl-C does and waits for it. The error is that of its exit status.
func (p *Process) Stop() error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Wait()
}

// Kill ends the program without notice.
func (p *Process) Kill() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Kill())
	<-p.done
}

// Wait waits for the program to end by itself.
func (p *Process) Wait() error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(stopTimeout):
		return fmt.Errorf("%s is still running after %v", p.cmd.Path, stopTimeout)
	}
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output returns what the program has written so far.
func (p *Process) Output() string { return p.output.String() }

// Ports below those that outgoing connections get, which begin at 32768 on Linux: such a one might be taken by a connection
// before the program under test listens on it.
const (
	firstPort = 10_000
	lastPort  = 32_000
)

// ports counts those that this process has given out, from a place of its own on: no two tests at a time get the same.
var ports = func() *atomic.Int64 {
	n := &atomic.Int64{}
	n.Store(rand.Int64N(lastPort - firstPort))
	return n
}()

// Address returns a loopback address with a port that was free a moment ago.
func Address(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+ports.Add(1)%(lastPort-firstPort))
		if l, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, l.Close())
			return address
		}
	}
	require.FailNow(t, "no free port")
	return ""
}

func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return Answered(resp)
}

// Answered reads an answer to its end, so that its connection can be used again. Another status than 200 is an error.
func Answered(resp *http.Response) error {
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// lockedBuffer is written by the program's pipes while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
