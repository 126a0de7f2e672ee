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
	"time"
)

// firstSeed is the seed of the first run. The constants of internal/drift were chosen on runs with smaller ones.
const firstSeed = 1000

// settings are what the command line says.
type settings struct {
	out       string
	runs      int
	runLength float64
}

// Detection delays are measured in short vectors and in long ones.
const (
	short, long         = 128, 2560
	shortRuns, longRuns = 20, 10
)

func main() {
	var s settings
	flag.StringVar(&s.out, "out", "docs/simulation", "folder to write README.md and figures to")
	flag.IntVar(&s.runs, "runs", 100, "runs of each traffic until a false alarm")
	flag.Float64Var(&s.runLength, "run-length", 500, "windows until a false alarm, in the mean, that are asked for")
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
	start := time.Now()
	progress := func(format string, values ...any) {
		fmt.Fprintf(os.Stderr, "%6.0f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, values...))
	}
	p := &page{settings: s, cores: runtime.GOMAXPROCS(0)}
	for _, t := range traffics(s.runLength) {
		progress("run lengths: %s, d = %d", t.name, t.dimension())
		p.runLengths = append(p.runLengths, measureRunLengths(t, s.runs))
	}
	progress("run lengths: replicas")
	p.replicaRunLengths = measureReplicaRunLengths(s.runLength, s.runs)
	few, all := faults()
	for _, at := range []struct{ dimension, runs int }{{short, shortRuns}, {long, longRuns}} {
		for _, f := range few {
			progress("delay: %s, d = %d", f.name, at.dimension)
			p.few = append(p.few, measureDelay(f, at.dimension, at.runs))
		}
		for _, f := range all {
			progress("delay: %s, d = %d", f.name, at.dimension)
			p.all = append(p.all, measureDelay(f, at.dimension, at.runs))
		}
		for _, vectors := range []int{250, 1000} {
			progress("delay: one replica, %d vectors, d = %d", vectors, at.dimension)
			p.replicas = append(p.replicas, measureReplicaDelay(at.dimension, vectors, at.runs))
		}
		progress("repeats, d = %d", at.dimension)
		p.repeats = append(p.repeats, measureRepeats(at.dimension, at.runs))
	}
	p.took = time.Since(start)
	progress("done")
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
