// Command embeddingquality judges files of embedding vectors as the collector's embedding_quality processor judges traffic, and
// makes the reference files that the processor compares with. It depends on no collector package.
package main

import (
	"errors"
	"io"
	"os"

	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
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

func commands() []commandline.Command {
	return []commandline.Command{
		{Name: "build", About: buildHelp, Run: build},
		{Name: "run", About: runHelp, Run: judgeFiles},
		{Name: "inspect", About: inspectHelp, Run: inspect},
		{Name: "compare", About: compareHelp, Run: compare},
		{Name: "convert", About: convertHelp, Run: convert},
	}
}

// errAlarm is what -fail-on-alarm makes of an alarm, all of which has been said.
var errAlarm = errors.New("alarm")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the program's exit status: 0, 1 for what failed, 2 for a wrong command line, 3 for an alarm with -fail-on-alarm.
func run(args []string, stdout, stderr io.Writer) int {
	p := commandline.Program{
		Name: "embeddingquality", Usage: usage, Commands: commands(), Found: errAlarm, ExitFound: 3, ExitFailed: 1,
	}
	return p.Run(args, stdout, stderr)
}
