package nvmlreceiver

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

const (
	// maxRetryDelay bounds the back-off while NVML cannot be opened. Asking costs little, but on some hosts each
	// attempt tries to load the driver's kernel module. It is also how often NVML is opened anew while a GPU is lost:
	// handles of before do not find a GPU that came back.
	maxRetryDelay = time.Minute
	// stuckAfter is how long a call runs before it is named as one that hangs.
	stuckAfter = time.Second
)

// errNoAnswer is the error for calls that have not returned.
var errNoAnswer = errors.New("NVML has not answered in time")

// errNotDue says that NVML is closed and that it is not yet time to try again.
var errNotDue = errors.New("not due")

// session opens and closes NVML as drivers come and go. Its methods are for the goroutine that scrapes; the calls
// into the driver are made on a lane, since each may hang.
type session struct {
	lib    nvml.Library
	logger *zap.Logger
	host   component.Host
	log    *eventLog
	lane   lane
	// asked is what the lane is doing or did last.
	asked *connection

	open      bool
	available bool
	driver    driver
	// advice is what was last logged to be done about NVML not being available.
	advice     string
	minDelay   time.Duration
	retryDelay time.Duration
	retryAt    time.Time
	openedAt   time.Time
}

// connection is one attempt to reach NVML. It belongs to the lane until that is idle.
type connection struct {
	open    bool
	driver  driver
	details bool
	count   int
	err     error
}

// connect returns the number of GPUs, after opening NVML where that is due.
func (s *session) connect(now time.Time, patience time.Duration) (int, error) {
	if s.lane.busy() {
		return 0, s.noAnswer()
	}
	s.settle()
	if !s.open && now.Before(s.retryAt) {
		return 0, errNotDue
	}
	c := &connection{open: s.open, driver: s.driver, details: !s.available}
	s.asked = c
	s.lane.start(func() { c.attempt(s.lib) })
	if !s.lane.wait(patience) {
		return 0, s.noAnswer()
	}
	s.settle()
	if err := s.lane.err(); err != nil {
		return 0, err
	}
	return c.count, c.err
}

// settle takes over what the lane found out, perhaps long after it was asked.
func (s *session) settle() {
	if s.asked == nil {
		return
	}
	if s.asked.open && !s.open {
		s.openedAt = time.Now()
	}
	s.open, s.driver = s.asked.open, s.asked.driver
	s.asked = nil
}

func (c *connection) attempt(lib nvml.Library) {
	if !c.open {
		if c.err = lib.Open(); c.err != nil {
			return
		}
		c.open = true
	}
	if c.count, c.err = lib.DeviceCount(); c.err != nil || !c.details {
		return
	}
	// What cannot be read is left out of the resource.
	c.driver = driver{}
	c.driver.version, _ = lib.DriverVersion()
	if encoded, err := lib.CUDAVersion(); err == nil {
		c.driver.cuda = fmt.Sprintf("%d.%d", encoded/1000, encoded%1000/10)
	}
}

// noAnswer names the calls that hang.
func (s *session) noAnswer() error {
	if calls := hanging(s.lib); calls != "" {
		return fmt.Errorf("%w: %s", errNoAnswer, calls)
	}
	return errNoAnswer
}

func hanging(lib nvml.Library) string {
	var calls []string
	lib.Calls(func(c nvml.CallStats) {
		if c.Running > stuckAfter && !isWait(c) {
			calls = append(calls, fmt.Sprintf("%s has been running for %s", c.Function, c.Running.Round(time.Second)))
		}
	})
	return strings.Join(calls, ", ")
}

// isWait tells the call that waits for events from those that cost or hang.
func isWait(c nvml.CallStats) bool { return strings.HasPrefix(c.Function, "nvmlEventSetWait") }

// close ends the use of NVML after giving back what is left of it, unless the lane is busy. Nobody else may be inside
// NVML.
func (s *session) close(patience time.Duration, giveBack func()) {
	if s.lane.busy() {
		return
	}
	s.settle()
	if !s.open {
		return
	}
	s.open = false
	s.lane.start(func() {
		giveBack()
		if err := s.lib.Close(); err != nil {
			s.logger.Debug("Closing NVML failed", zap.Error(err))
		}
	})
	s.lane.wait(patience)
}

// setAvailable is for the first answer after there was none. It returns false when NVML was available before.
func (s *session) setAvailable(now time.Time, count int) bool {
	s.retryDelay = 0
	if s.available {
		return false
	}
	s.available, s.advice = true, ""
	s.logger.Info("Reading GPUs through NVML", zap.Int("gpus", count),
		zap.String("driver_version", s.driver.version), zap.String("cuda_version", s.driver.cuda))
	componentstatus.ReportStatus(s.host, componentstatus.NewEvent(componentstatus.StatusOK))
	if s.log != nil {
		s.log.availability(now, s.driver, nil, "")
	}
	return true
}

// setUnavailable plans the next attempt. It logs once, and again only when there is something else to be done than
// before.
func (s *session) setUnavailable(now time.Time, err error) {
	s.available = false
	s.retryDelay = min(max(2*s.retryDelay, s.minDelay), max(maxRetryDelay, s.minDelay))
	s.retryAt = now.Add(s.retryDelay)
	advice := remedy(err)
	if advice == s.advice {
		return
	}
	s.advice = advice
	s.logger.Warn("No GPU metrics: NVML is not available. Everything else runs on, and NVML is tried again from time to time.",
		zap.Error(err), zap.String("remedy", advice))
	componentstatus.ReportStatus(s.host, componentstatus.NewRecoverableErrorEvent(err))
	if s.log != nil {
		s.log.availability(now, s.driver, err, advice)
	}
}
