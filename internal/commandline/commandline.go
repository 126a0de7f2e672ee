// Package commandline is what programs of several commands have in common: help, flags that may stand anywhere, errors that say what
// was wrong with the command line, and exit statuses.
package commandline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Program is a program of several commands.
type Program struct {
	Name string
	// Usage is what the program prints for help, and without a command.
	Usage    string
	Commands []Command
	// Found is the error by which a command says that it found what it looked for, all of which has been said, and ExitFound the
	// exit status for it.
	Found     error
	ExitFound int
	// ExitFailed is the exit status for any other error.
	ExitFailed int
}

// Exit statuses that all programs have.
const (
	ExitOK    = 0
	ExitUsage = 2
)

// Command is one of the words that the program's name is followed by.
type Command struct {
	Name string
	// About is its help, before the list of flags.
	About string
	Run   func(c *Invocation) error
}

// Invocation is one call of a command.
type Invocation struct {
	Flags          *flag.FlagSet
	Stdout, Stderr io.Writer

	args []string
}

// usageError is a command line that was refused.
type usageError struct{ error }

// UsageErrorf returns the error of a command line that can not be.
func UsageErrorf(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Run runs the command that args begin with, and returns the exit status.
func (p *Program) Run(args []string, stdout, stderr io.Writer) int {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, p.Usage)
		return ExitOK
	case "":
		fmt.Fprint(stderr, p.Usage)
		return ExitUsage
	}
	at := slices.IndexFunc(p.Commands, func(c Command) bool { return c.Name == name })
	if at < 0 {
		fmt.Fprintf(stderr, "%s: unknown command %q; want %s\n", p.Name, name, p.names())
		return ExitUsage
	}
	c := p.Commands[at]
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed below, without pages of help
	flags.Usage = func() {}
	err := c.Run(&Invocation{Flags: flags, Stdout: stdout, Stderr: stderr, args: args[1:]})
	var wrong usageError
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, flag.ErrHelp):
		help(stdout, c, flags)
		return ExitOK
	case errors.Is(err, p.Found):
		return p.ExitFound
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "%s %s: %v\n%s %s -h explains the command\n", p.Name, name, err, p.Name, name)
		return ExitUsage
	}
	fmt.Fprintf(stderr, "%s %s: %v\n", p.Name, name, err)
	return p.ExitFailed
}

// names lists the commands, as "a, b or c".
func (p *Program) names() string {
	var names []string
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func help(w io.Writer, c Command, flags *flag.FlagSet) {
	fmt.Fprint(w, c.About)
	none := true
	flags.VisitAll(func(*flag.Flag) { none = false })
	if !none {
		fmt.Fprint(w, "\nFlags:\n\n")
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
}

// Parse reads the flags and returns the other arguments, of which there are at least least and at most most. Flags may stand
// behind the arguments too.
func (c *Invocation) Parse(least, most int, want string) ([]string, error) {
	var others []string
	for rest := c.args; ; {
		if err := c.Flags.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{err}
		}
		if c.Flags.NArg() == 0 {
			break
		}
		others = append(others, c.Flags.Arg(0))
		rest = c.Flags.Args()[1:]
	}
	if len(others) < least || len(others) > most {
		found := "nothing"
		if len(others) > 0 {
			found = strings.Join(others, " ")
		}
		return nil, UsageErrorf("found %s, want %s", found, want)
	}
	return others, nil
}
