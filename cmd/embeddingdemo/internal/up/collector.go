package up

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// tailSize is how much of the end of a collector's log is read for an error message, in bytes, and tailLines how
// many lines of it are shown.
const (
	tailSize  = 16 << 10
	tailLines = 20
)

// collector is the collector as a child process.
type collector struct {
	logPath string
	process *os.Process

	// ended is closed when the process has; err is then how.
	ended chan struct{}
	err   error
}

// startCollector starts the collector with its output going to a log file.
func startCollector(path string, args, env []string, logPath string) (*collector, error) {
	path, err := filepath.Abs(path) // a bare name would be looked for in $PATH
	if err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(logPath), 0o755); err != nil {
		return nil, fmt.Errorf("collector-log: %w", err)
	}
	log, err := os.Create(logPath)
	if err != nil {
		return nil, fmt.Errorf("collector-log: %w", err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)

	c := &collector{logPath: logPath, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// On Linux a child gets its parent-death signal when the thread that started it ends, so this goroutine
		// keeps the thread until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(c.ended)
		defer log.Close()
		err := cmd.Start()
		c.process = cmd.Process
		started <- err
		if err == nil {
			c.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting the collector: %w", err)
	}
	return c, nil
}

// stop asks the collector to end and ends it by force after the time-out. It returns an error if that was necessary
// or the collector failed on its way.
func (c *collector) stop(timeout time.Duration) error {
	select {
	case <-c.ended:
		return nil // and whoever watched it knows how
	default:
	}
	if err := interrupt(c.process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return errors.Join(err, c.kill())
	}
	select {
	case <-c.ended:
		if c.err != nil {
			return c.failure("the collector did not end well")
		}
		return nil
	case <-time.After(timeout):
		err := c.kill()
		return errors.Join(fmt.Errorf("the collector did not end within %v and was killed; its log is %s", timeout, c.logPath), err)
	}
}

func (c *collector) kill() error {
	err := c.process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err == nil {
		<-c.ended
	}
	return err
}

// failure returns an error that shows the end of the collector's log. The collector must have ended.
func (c *collector) failure(what string) error {
	how := "exit status 0"
	if c.err != nil {
		how = c.err.Error()
	}
	return fmt.Errorf("%s (%s); the end of its log %s:\n%s", what, how, c.logPath, tail(c.logPath))
}

// tail returns the last lines of a file, or why it cannot be read.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	b := make([]byte, min(info.Size(), tailSize))
	n, err := f.ReadAt(b, info.Size()-int64(len(b)))
	if n < len(b) {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-tailLines):], "\n  ")
}
