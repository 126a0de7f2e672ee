// Command embeddingdemo shows and tests otelcol-embedding without a GPU: a deterministic embedding server with faults
// that are switched on while it runs, a load generator, and both together with the collector.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `embeddingdemo shows otelcol-embedding at work without a GPU.

Usage:

  embeddingdemo serve [flags]   an embedding server with made-up vectors and faults to switch on
  embeddingdemo load  [flags]   requests to an embedding server or to the tap in front of one
  embeddingdemo up    [flags]   the collector with both of them, or in front of your own server
  embeddingdemo help            this text

embeddingdemo <command> -h lists the flags of a command.
`

// errUsage is a command line that was refused; what is wrong with it has been printed.
var errUsage = errors.New("wrong usage")

// A command runs until it is done or ctx ends.
type command func(ctx context.Context, args []string, stdout, stderr io.Writer) error

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the program's exit status: 0, 1 for what failed, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	commands := map[string]command{"serve": serve, "load": sendLoad, "up": bringUp}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	}
	c, known := commands[name]
	if !known {
		if name != "" {
			fmt.Fprintf(stderr, "embeddingdemo: unknown command %q\n\n", name)
		}
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch err := c(ctx, args[1:], stdout, stderr); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		fmt.Fprintf(stderr, "embeddingdemo %s: %v\n", name, err)
		return 1
	}
}

// newFlags returns a flag set whose help starts with what the command does.
func newFlags(name, about string, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("embeddingdemo "+name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "%s\n\nFlags:\n\n", about)
		flags.PrintDefaults()
	}
	return flags
}

// parse reads a command line and refuses arguments that are no flags.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(flags.Output(), "%s: unexpected argument %q\n", flags.Name(), flags.Arg(0))
		return errUsage
	}
	return nil
}

// A list is a flag that may be given several times.
type list []string

func (l *list) String() string { return fmt.Sprint([]string(*l)) }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}
