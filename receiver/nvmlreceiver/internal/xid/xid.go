// Package xid says what the XID error codes of NVIDIA's driver mean and what to do about them. The facts are those of
// NVIDIA's XID catalogue for A100, H100, B100 and GB200; the words are our own.
package xid

import (
	"fmt"
	"slices"
)

// Meaning is what a code stands for.
type Meaning struct {
	// Name is NVIDIA's mnemonic in lower case, without the prefix ROBUST_CHANNEL_ that most of them have.
	Name string
	// Description tells someone on call in one line what happened.
	Description string
	// Action is the first thing to do.
	Action   Action
	Severity Severity
}

// Action is the first thing to do about an XID error, as one word.
type Action string

// The actions follow NVIDIA's buckets for immediate action. Where NVIDIA names none, it is what the catalogue's text
// leads to, else ActionContactSupport.
const (
	// ActionNone says that the event asks for nothing by itself: it is a notice, or other events tell what to do.
	ActionNone Action = "none"
	// ActionRestartApp says to start the affected application again; nothing else is needed.
	ActionRestartApp Action = "restart_app"
	// ActionCheckApp says to look for the fault in the application, for example with NVIDIA's Compute Sanitizer.
	ActionCheckApp Action = "check_app"
	// ActionResetGPU says to end all work on the GPU and reset it, or restart the host where it cannot be reset.
	ActionResetGPU Action = "reset_gpu"
	// ActionRestartHost says to restart the machine, or the virtual machine that the GPU is passed to.
	ActionRestartHost Action = "restart_host"
	// ActionCheckNVLink says to look at the state and errors of the NVLinks and at the other ends of them.
	ActionCheckNVLink Action = "check_nvlink"
	// ActionCheckMechanicals says to check power cables, seating and cooling of the board.
	ActionCheckMechanicals Action = "check_mechanicals"
	// ActionUpdateSoftware says to update driver or firmware to versions that fit together.
	ActionUpdateSoftware Action = "update_software"
	// ActionCheckRecovery says to do what the driver now gives as the recovery action of the GPU.
	ActionCheckRecovery Action = "check_recovery_action"
	// ActionContactSupport says to take the GPU out of use if the event repeats, and to ask the vendor.
	ActionContactSupport Action = "contact_support"
	// ActionCheckCatalogue says to look the code up in NVIDIA's current catalogue.
	ActionCheckCatalogue Action = "check_catalogue"
)

// Severity is how bad an event is for the GPU, in the levels of OpenTelemetry's log severities.
type Severity int

// Zero is no severity, so that one that was forgotten shows.
const (
	// SeverityInfo is a notice or a test.
	SeverityInfo Severity = iota + 1
	// SeverityWarn may have ended an application, or wants an eye kept on it; the GPU goes on.
	SeverityWarn
	// SeverityError is a failure of a part of the GPU, of its memory or of its links.
	SeverityError
	// SeverityFatal leaves the GPU unusable until it is reset or the host restarted.
	SeverityFatal
)

// Lookup returns what a code means. A code that is not in the catalogue, because NVIDIA does not use it on those GPUs
// or because it is newer, gets a meaning that says so.
func Lookup(code uint64) Meaning {
	if meaning, ok := catalogue[code]; ok {
		return meaning
	}
	return Meaning{
		Name:        "unknown",
		Description: fmt.Sprintf("XID %d, not in the catalogue; see NVIDIA's XID catalogue", code),
		Action:      ActionCheckCatalogue,
		Severity:    SeverityWarn,
	}
}

// Hardware returns, in ascending order, the codes that are worth a counter before they ever happen: a sound
// data-centre GPU with a sound driver does not report them whatever runs on it, and they are those met in practice.
// The list is short because each code is one more series for each GPU; other codes get theirs when they first happen.
func Hardware() []uint64 {
	return []uint64{
		48,  // uncorrectable ECC error
		63,  // a row of the memory was remapped
		64,  // a row of the memory could not be remapped
		74,  // an NVLink failed, up to Hopper
		79,  // lost from the PCI Express bus
		92,  // too many corrected memory errors
		94,  // memory error contained in one application
		95,  // memory error not contained
		119, // the GPU system processor does not answer
		120, // the GPU system processor failed
		140, // uncorrectable ECC errors that could not be handled
		149, // an NVLink failed, from Blackwell on, where 74 is not used
	}
}

// Application tells whether a faulty or killed application is enough to cause a code, so that it says nothing about
// the health of the GPU. The engines for video and JPEG decoding count as such because a corrupt stream stops them.
func Application(code uint64) bool {
	return slices.Contains(applicationCodes(), code)
}

func applicationCodes() []uint64 {
	return []uint64{
		8, 11, 13, 14, 25, 31, 37, 43, 45,
		68, 83, 84, 88, 89, 96, 97, 98, // video decoders
		69,
		82, 99, 100, 101, 102, 103, 104, 105, // JPEG decoders
		109, 137,
	}
}
