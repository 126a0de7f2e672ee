//go:build !unix

package up

import (
	"os"
	"os/exec"
)

// detach leaves the child as it is: there are no process groups to keep apart here.
func detach(*exec.Cmd) {}

// interrupt ends the child at once: signals cannot be sent to other processes here.
func interrupt(p *os.Process) error { return p.Kill() }
