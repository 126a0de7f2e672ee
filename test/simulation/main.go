// Command simulation measures how long it takes internal/drift to raise false alarms, and how soon it finds planted faults, over
// streams of known geometry, traffic and faults. It writes a page of tables with figures:
//
//	go run ./test/simulation -out docs/simulation
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// settings are what the command line says.
type settings struct {
	out       string
	runs      int
	runLength float64
	dimension int
	vectors   int
}

func main() {
	var s settings
	flag.StringVar(&s.out, "out", "docs/simulation", "folder to write README.md and figures to")
	flag.IntVar(&s.runs, "runs", 100, "runs of each kind")
	flag.Float64Var(&s.runLength, "run-length", 1000, "windows until a false alarm, in the mean, that are asked for")
	flag.IntVar(&s.dimension, "dimension", 128, "dimension of vectors where run lengths are measured")
	flag.IntVar(&s.vectors, "vectors", 100, "vectors of a window")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(s settings) error {
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return err
	}
	p := &page{settings: s}
	for _, t := range traffics(s.dimension) {
		fmt.Fprintf(os.Stderr, "run lengths: %s\n", t.name)
		p.runLengths = append(p.runLengths, measureRunLengths(t, s))
	}
	for _, dimension := range []int{s.dimension, 2560} {
		for _, f := range faults() {
			fmt.Fprintf(os.Stderr, "delay at %d dimensions: %s\n", dimension, f.name)
			p.delays = append(p.delays, measureDelay(f, dimension))
		}
	}
	if err := p.figures(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.out, "README.md"), p.markdown(), 0o644)
}

// parallel calls f with 0 to n−1 on all cores and returns what it returns, in that order.
func parallel[T any](n int, f func(i int) T) []T {
	results := make([]T, n)
	next := make(chan int)
	done := make(chan struct{})
	workers := runtime.GOMAXPROCS(0)
	for range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range next {
				results[i] = f(i)
			}
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	for range workers {
		<-done
	}
	return results
}
