package nvmlreceiver

import (
	"errors"
	"fmt"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// condition is what is known of the faults of a GPU. Each reading updates its own part, when it is due.
type condition struct {
	lost                              bool
	remappingPending, remappingFailed bool
	retirementPending                 bool
	recovery                          recoveryAction
	// recoveryKnown tells that the driver says which recovery the GPU needs. What XID errors advise does not count
	// then: the driver knows when it has been done.
	recoveryKnown bool
	// fatalXIDs are errors since the GPU was last found new that only a reset or a restart of the host ends.
	fatalXIDs []uint64
}

// observe takes an error of a call: a GPU may be lost between two calls.
func (c *condition) observe(err error) {
	if isLost(err) {
		c.lost = true
	}
}

func isLost(err error) bool {
	// Several errors may be joined.
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		return slices.ContainsFunc(joined.Unwrap(), isLost)
	}
	status := nvml.StatusOf(err)
	return status == nvml.StatusGPUIsLost || status == nvml.StatusResetRequired
}

// recoveryAction is an nvmlDeviceGpuRecoveryAction_t.
type recoveryAction uint64

const (
	recoveryNone          recoveryAction = 0
	recoveryReset         recoveryAction = 1
	recoveryReboot        recoveryAction = 2
	recoveryDrainP2P      recoveryAction = 3
	recoveryDrainAndReset recoveryAction = 4
)

func (a recoveryAction) String() string {
	switch a {
	case recoveryReset:
		return "reset"
	case recoveryReboot:
		return "reboot"
	case recoveryDrainP2P:
		return "drain_p2p"
	case recoveryDrainAndReset:
		return "drain_and_reset"
	default:
		return fmt.Sprintf("action_%d", uint64(a))
	}
}

// health is the state of a GPU and why it is in it.
type health struct {
	state   metadata.AttributeHwState
	reasons []string
	// gone tells that the GPU cannot be reached.
	gone bool
}

// state judges a condition. The gravest finding decides, and all of its gravity are its reasons.
func (c *condition) state() health {
	var failed, predicted, degraded []string
	if c.lost {
		failed = append(failed, "lost")
	}
	switch c.recovery {
	case recoveryNone:
	case recoveryReset, recoveryReboot:
		failed = append(failed, "needs_"+c.recovery.String())
	default:
		degraded = append(degraded, "needs_"+c.recovery.String())
	}
	if !c.recoveryKnown {
		for _, code := range c.fatalXIDs {
			failed = append(failed, fmt.Sprintf("xid_%d", code))
		}
	}
	if c.remappingFailed {
		predicted = append(predicted, "row_remapping_failed")
	}
	if c.remappingPending {
		degraded = append(degraded, "row_remapping_pending")
	}
	if c.retirementPending {
		degraded = append(degraded, "page_retirement_pending")
	}
	switch {
	case len(failed) > 0:
		return health{state: metadata.AttributeHwStateFailed, reasons: failed, gone: c.lost}
	case len(predicted) > 0:
		return health{state: metadata.AttributeHwStatePredictedFailure, reasons: predicted}
	case len(degraded) > 0:
		return health{state: metadata.AttributeHwStateDegraded, reasons: degraded}
	}
	return health{state: metadata.AttributeHwStateOk}
}

// equal tells whether there is nothing to report of a change.
func (h health) equal(other health) bool {
	return h.state == other.state && slices.Equal(h.reasons, other.reasons)
}

// missing is the state of a GPU that the driver no longer lists.
func missing() health {
	return health{state: metadata.AttributeHwStateFailed, reasons: []string{"missing"}, gone: true}
}

// notAnswering is the state of a GPU that a call hangs on. Whether it still works for others is not known.
func notAnswering() health {
	return health{state: metadata.AttributeHwStateDegraded, reasons: []string{"not_answering"}}
}

// unreadable is the state of a GPU that the driver lists and that cannot be read.
func unreadable(err error) health {
	if isLost(err) {
		return (&condition{lost: true}).state()
	}
	return health{state: metadata.AttributeHwStateDegraded, reasons: []string{"unreadable"}}
}

// previousState is the state as the attribute of an event that names what was before.
func previousState(state metadata.AttributeHwState) metadata.AttributeNvmlHealthPrevious {
	return metadata.MapAttributeNvmlHealthPrevious[state.String()]
}

// recordStatus emits hw.status: each state, with 1 for the one that the GPU is in.
func (h health) record(p *pass) {
	for _, state := range []metadata.AttributeHwState{
		metadata.AttributeHwStateOk, metadata.AttributeHwStateDegraded,
		metadata.AttributeHwStatePredictedFailure, metadata.AttributeHwStateFailed,
	} {
		putBy(p, p.mb.RecordHwStatusDataPoint, one(state == h.state), state)
	}
}
