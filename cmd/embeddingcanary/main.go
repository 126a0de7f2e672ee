// Command embeddingcanary asks an embedding server for the vectors of known texts, as the collector's embedding_canary receiver does:
// it pins what they are, and says whether they are still the same.
package main

import (
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
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

func commands(transport http.RoundTripper) []commandline.Command {
	return []commandline.Command{
		{Name: "pin", About: pinHelp, Run: func(c *commandline.Invocation) error { return pin(c, transport) }},
		{Name: "verify", About: verifyHelp, Run: func(c *commandline.Invocation) error { return verify(c, transport) }},
		{Name: "diff", About: diffHelp, Run: diff},
		{Name: "suite", About: suiteHelp, Run: printSuite},
	}
}

// errDiffers is that vectors are not what they should be, all of which has been said.
var errDiffers = errors.New("vectors differ")

// Exit statuses.
const (
	exitSame    = commandline.ExitOK
	exitDiffers = 1
	exitUsage   = commandline.ExitUsage
	exitFailed  = 3
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, http.DefaultTransport)) }

// run returns the program's exit status.
func run(args []string, stdout, stderr io.Writer, transport http.RoundTripper) int {
	p := commandline.Program{
		Name: "embeddingcanary", Usage: usage, Commands: commands(transport),
		Found: errDiffers, ExitFound: exitDiffers, ExitFailed: exitFailed,
	}
	return p.Run(args, stdout, stderr)
}
