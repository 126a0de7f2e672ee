package main

import (
	"fmt"
	"strconv"
	"time"
)

// length is a flag that is a number of things or a duration.
type length struct {
	number   int
	duration time.Duration
	things   string // what a number is of
}

func (l *length) String() string {
	switch {
	case l.duration > 0:
		return l.duration.String()
	case l.number > 0:
		return strconv.Itoa(l.number)
	}
	return ""
}

func (l *length) Set(s string) error {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		l.number, l.duration = n, 0
		return nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		l.number, l.duration = 0, d
		return nil
	}
	return fmt.Errorf("want a number of %s, or a duration such as 10s or 720h", l.things)
}

// windows describes windows of this length.
func (l *length) windows() string {
	if l.duration > 0 {
		return "of " + l.duration.String()
	}
	return fmt.Sprintf("of %d vectors", l.number)
}
