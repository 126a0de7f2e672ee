package commandline

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRun(t *testing.T) {
	found := errors.New("found")
	p := Program{
		Name: "tool", Usage: "how to use it\n", Found: found, ExitFound: 7, ExitFailed: 9,
		Commands: []Command{
			{Name: "add", About: "adds\n", Run: func(c *Invocation) error {
				loud := c.Flags.Bool("loud", false, "say it loudly")
				args, err := c.Parse(1, 2, "one or two numbers")
				if err != nil {
					return err
				}
				if args[0] == "x" {
					return UsageErrorf("found %s, want a number", args[0])
				}
				fmt.Fprintln(c.Stdout, args, *loud)
				return nil
			}},
			{Name: "find", Run: func(*Invocation) error { return fmt.Errorf("it: %w", found) }},
			{Name: "fail", Run: func(*Invocation) error { return errors.New("no luck") }},
		},
	}
	for _, tt := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{nil, 2, "", "how to use it\n"},
		{[]string{"help"}, 0, "how to use it\n", ""},
		{[]string{"sub"}, 2, "", "tool: unknown command \"sub\"; want add, find or fail\n"},
		{[]string{"add", "1"}, 0, "[1] false\n", ""},
		{[]string{"add", "1", "-loud", "2"}, 0, "[1 2] true\n", ""},
		{[]string{"add"}, 2, "", "tool add: found nothing, want one or two numbers\ntool add -h explains the command\n"},
		{[]string{"add", "1", "2", "3"}, 2, "", "tool add: found 1 2 3, want one or two numbers\ntool add -h explains the command\n"},
		{[]string{"add", "x"}, 2, "", "tool add: found x, want a number\ntool add -h explains the command\n"},
		{[]string{"add", "-quiet"}, 2, "", "tool add: flag provided but not defined: -quiet\ntool add -h explains the command\n"},
		{[]string{"add", "-h"}, 0, "adds\n\nFlags:\n\n  -loud\n    \tsay it loudly\n", ""},
		{[]string{"find"}, 7, "", ""},
		{[]string{"fail"}, 9, "", "tool fail: no luck\n"},
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, tt.status, p.Run(tt.args, &stdout, &stderr), tt.args)
		assert.Equal(t, tt.stdout, stdout.String(), tt.args)
		assert.Equal(t, tt.stderr, stderr.String(), tt.args)
	}
}
