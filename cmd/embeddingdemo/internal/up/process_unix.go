//go:build unix && !linux

package up

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the child a process group of its own, so that the terminal's Ctrl-C reaches only this program, which
// then ends both in order.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// interrupt asks the child to end in order.
func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }
