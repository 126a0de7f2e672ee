// Command streams writes the streams on which drift detectors are compared, and has drift.Monitor judge them:
//
//	go run ./test/peers/streams write -data build/peers/data
//	go run ./test/peers/streams judge -data build/peers/data -run-length 1000
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say write or judge")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	data := flags.String("data", "build/peers/data", "folder of the streams")
	switch args[0] {
	case "write":
		s := defaults
		flags.IntVar(&s.seeds, "seeds", s.seeds, "streams of each scenario")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return write(*data, s)
	case "judge":
		runLength := flags.Float64("run-length", 1000, "windows until a false alarm, in the mean, that are asked for")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		r, err := judge(*data, *runLength)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return fmt.Errorf("%q: want write or judge", args[0])
}
