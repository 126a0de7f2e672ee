// Command embeddingcanary asks an embedding server for the vectors of known texts, as the collector's embedding_canary receiver does:
// it pins what they are, and says whether they are still the same.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

const usage = `embeddingcanary asks an embedding server for the vectors of known texts, as the collector's
embedding_canary receiver does: it pins what they are, and says whether they are still the same.

Usage:

  embeddingcanary pin    [flags]          learn the vectors of a server and write them to a file
  embeddingcanary verify [flags]          compare a server with a file of pins
  embeddingcanary diff   A B              compare two files of pins
  embeddingcanary suite  [flags] [FILE...]  check files of texts, and say what is in them

embeddingcanary <command> -h explains a command and its flags.

The exit status is 0 if vectors are the same, 1 if they are not, 2 for a wrong command line, and 3 if it could not be found
out, as when the server does not answer.
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
		{"pin", pinHelp, pin},
		{"verify", verifyHelp, verify},
		{"diff", diffHelp, diff},
		{"suite", suiteHelp, printSuite},
	}
}

// invocation is one call of a command.
type invocation struct {
	flags          *flag.FlagSet
	args           []string
	stdout, stderr io.Writer
	transport      http.RoundTripper
}

// usageError is a command line that was refused.
type usageError struct{ error }

func usageErrorf(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errDiffers is that vectors are not what they should be, all of which has been said.
var errDiffers = errors.New("vectors differ")

// Exit statuses.
const (
	exitSame = iota
	exitDiffers
	exitUsage
	exitFailed
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, http.DefaultTransport)) }

// run returns the program's exit status.
func run(args []string, stdout, stderr io.Writer, transport http.RoundTripper) int {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return exitSame
	case "":
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	all := commands()
	at := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if at < 0 {
		fmt.Fprintf(stderr, "embeddingcanary: unknown command %q; want pin, verify, diff or suite\n", name)
		return exitUsage
	}
	c := all[at]
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed below, without pages of help
	flags.Usage = func() {}
	err := c.run(&invocation{flags, args[1:], stdout, stderr, transport})
	var wrong usageError
	switch {
	case err == nil:
		return exitSame
	case errors.Is(err, flag.ErrHelp):
		help(stdout, c, flags)
		return exitSame
	case errors.Is(err, errDiffers):
		return exitDiffers
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "embeddingcanary %s: %v\nembeddingcanary %s -h explains the command\n", name, err, name)
		return exitUsage
	}
	fmt.Fprintf(stderr, "embeddingcanary %s: %v\n", name, err)
	return exitFailed
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
