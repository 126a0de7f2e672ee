package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory returns a figure of this process in KiB: VmRSS, what is resident, or VmHWM, the most that was. Linux alone has them.
func memory(figure string) (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, figure+":"); ok {
			return strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		}
	}
	return 0, fmt.Errorf("no %s in /proc/self/status", figure)
}
