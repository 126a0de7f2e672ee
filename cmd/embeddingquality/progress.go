package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how far reading has got, where somebody is there to see it.
type progress struct {
	terminal io.Writer // nil if there is none
	file     string
	rows, of int64
	next     time.Time
	shown    bool
}

func newProgress(stderr io.Writer) *progress {
	file, ok := stderr.(*os.File)
	if !ok {
		return &progress{}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{terminal: stderr}
}

// begin goes on to a file of so many rows, -1 where that is not known.
func (p *progress) begin(file string, rows int64) {
	const quiet = time.Second
	p.end()
	p.file, p.rows, p.of, p.next = file, 0, rows, time.Now().Add(quiet)
}

func (p *progress) step() {
	const every = 1024 // rows, so that the clock costs nothing
	p.rows++
	if p.terminal == nil || p.rows%every != 0 || time.Now().Before(p.next) {
		return
	}
	p.next = time.Now().Add(time.Second / 4)
	p.shown = true
	of := ""
	if p.of > 0 {
		of = fmt.Sprintf(" of %d (%d%%)", p.of, 100*p.rows/p.of)
	}
	fmt.Fprintf(p.terminal, "\r\x1b[K%s: row %d%s", p.file, p.rows, of)
}

// end takes the line away again.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.terminal, "\r\x1b[K")
		p.shown = false
	}
}
