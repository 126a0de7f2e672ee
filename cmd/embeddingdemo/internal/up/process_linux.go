package up

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the child a process group of its own, so that the terminal's Ctrl-C reaches only this program, which
// then ends both in order; and lets the child end if this program is killed.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// interrupt asks the child to end in order.
func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }
