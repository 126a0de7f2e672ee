// Command embeddingquality judges files of embedding vectors as the collector's embedding_quality processor judges traffic, and
// makes the reference files that the processor compares with. It depends on no collector package.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const usage = `embeddingquality judges files of embedding vectors as the collector's embedding_quality
processor judges traffic, and makes the reference files that the processor compares with.

Usage:

  embeddingquality build   [flags] FILE...       learn a reference from vectors
  embeddingquality run     [flags] FILE...       judge vectors, window by window
  embeddingquality inspect [flags] REFERENCE...  what reference files hold
  embeddingquality compare A B                   how two references differ
  embeddingquality convert IN OUT                binary form to JSON and back

embeddingquality <command> -h explains a command and its flags.

Files of vectors are .npy, .npz, JSON lines and Parquet, .npy and JSON lines also compressed with
gzip or zstd. They are read as a stream, in the order of time.
`

// command is one of the words that the program's name is followed by.
type command struct {
	name string
	// about is its help, before the list of flags.
	about string
	run   func(c *invocation) error
}

func commands() []command {
	return []command{
		{"build", buildHelp, build},
		{"run", runHelp, judgeFiles},
		{"inspect", inspectHelp, inspect},
		{"compare", compareHelp, compare},
		{"convert", convertHelp, convert},
	}
}

// invocation is one call of a command.
type invocation struct {
	flags          *flag.FlagSet
	args           []string
	stdout, stderr io.Writer
}

// usageError is a command line that was refused.
type usageError struct{ error }

func usageErrorf(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errAlarm is what -fail-on-alarm makes of an alarm, all of which has been said.
var errAlarm = errors.New("alarm")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the program's exit status: 0, 1 for what failed, 2 for a wrong command line, 3 for an alarm with -fail-on-alarm.
func run(args []string, stdout, stderr io.Writer) int {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	case "":
		fmt.Fprint(stderr, usage)
		return 2
	}
	all := commands()
	at := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if at < 0 {
		fmt.Fprintf(stderr, "embeddingquality: unknown command %q; want build, run, inspect, compare or convert\n", name)
		return 2
	}
	c := all[at]
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed below, without pages of help
	flags.Usage = func() {}
	err := c.run(&invocation{flags, args[1:], stdout, stderr})
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		help(stdout, c, flags)
		return 0
	case errors.Is(err, errAlarm):
		return 3
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "embeddingquality %s: %v\nembeddingquality %s -h explains the command\n", name, err, name)
		return 2
	}
	fmt.Fprintf(stderr, "embeddingquality %s: %v\n", name, err)
	return 1
}

func help(w io.Writer, c command, flags *flag.FlagSet) {
	fmt.Fprint(w, c.about)
	none := true
	flags.VisitAll(func(*flag.Flag) { none = false })
	if !none {
		fmt.Fprint(w, "\nFlags:\n\n")
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
}

// parse reads the flags and returns the other arguments, of which there are at least least and at most most. Flags may stand
// behind the arguments too.
func (c *invocation) parse(least, most int, want string) ([]string, error) {
	var others []string
	for rest := c.args; ; {
		if err := c.flags.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{err}
		}
		if c.flags.NArg() == 0 {
			break
		}
		others = append(others, c.flags.Arg(0))
		rest = c.flags.Args()[1:]
	}
	if len(others) < least || len(others) > most {
		found := "nothing"
		if len(others) > 0 {
			found = strings.Join(others, " ")
		}
		return nil, usageErrorf("found %s, want %s", found, want)
	}
	return others, nil
}
