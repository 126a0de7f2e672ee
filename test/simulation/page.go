package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
)

// page is what was measured.
type page struct {
	settings          settings
	runLengths        []runLengths
	replicaRunLengths runLengths
	few, all          []delay // of faults that few vectors have, and that all have
	replicas          []replicaDelay
	repeats           []repeats
	took              time.Duration
	cores             int
}

func (p *page) markdown() []byte {
	var b bytes.Buffer
	p.head(&b)
	p.falseAlarms(&b)
	p.detection(&b)
	return b.Bytes()
}

func (p *page) head(b *bytes.Buffer) {
	fmt.Fprintf(b, `# Simulation

How long it takes the drift statistics of [embedding_quality](../../processor/embeddingqualityprocessor/README.md) to raise a false
alarm, and how soon they find planted faults, over seeded streams of vectors of known geometry. Written by

    go run ./test/simulation -runs %d -run-length %g

in %.0f minutes on %d cores. The streams are described in [test/simulation/stream](../../test/simulation/stream/doc.go). They are models
of embeddings, and no embeddings: real ones have to be watched for what is usual of them, which is what the processor does.
`, p.settings.runs, p.settings.runLength, p.took.Minutes(), p.cores)
}

func (p *page) falseAlarms(b *bytes.Buffer) {
	fmt.Fprintf(b, `
## False alarms

One run length is the number of windows in which one false alarm is asked for, for the four statistics together. Wanted is a mean of
1 to 2 run lengths, whatever the traffic. The constants of the statistics were chosen by it, on other streams of the same
kinds. %d runs of each, in windows of %d vectors, each run with a reference of %d vectors and %d
windows to learn from. A run is given up after %d run lengths and counts as long as that.

| traffic | dimension | run length, windows | mean, run lengths | is it 1 to 2 | median | given up | alarms of |
| --- | --- | --- | --- | --- | --- | --- | --- |
`, p.settings.runs, windowVectors, referenceVectors, drift.MinNull, maxRuns)
	for _, r := range p.runLengths {
		fmt.Fprintf(b, "| %s | %d | %g | %s | %s | %.2f | %d | %s |\n", r.traffic.name, r.traffic.dimension(), r.traffic.runLength,
			meanOf(r.lengths), verdict(r.lengths), median(r.lengths), r.unended, tally(r.first))
	}
	r := p.replicaRunLengths
	fmt.Fprintf(b, `
After ± is the standard error of the mean.

![Distribution of run lengths](run-lengths.png)

Replicas that are compared with each other, %d vectors of each in a window, and one false alarm asked for of all of them together:

| traffic | dimension | run length, windows | mean, run lengths | is it 1 to 2 | median | given up |
| --- | --- | --- | --- | --- | --- | --- |
| %s | %d | %g | %s | %s | %.2f | %d |
`, replicaVectors, r.traffic.name, r.traffic.dimension(), r.traffic.runLength, meanOf(r.lengths),
		verdict(r.lengths), median(r.lengths), r.unended)
}

func (p *page) detection(b *bytes.Buffer) {
	fmt.Fprintf(b, `
## Detection delay

Run length %d windows, 30 days of windows of 10 s. Power-law geometry, independent vectors, a reference of %d vectors and %d windows
to learn from. A fault counts as not found after %d windows. Numbers of vectors are those until the end of the window in which it was
found; the last column says which statistics raised an alarm in that window, and in how many runs.

| fault | dimension | runs | vectors a window | windows, median | worst | vectors, median | wanted within | found by |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
`, month, referenceVectors, learned, maxDelay)
	for _, d := range append(append([]delay{}, p.few...), p.all...) {
		fmt.Fprintf(b, "| %s | %d | %d | %d | %s | %s | %s | %s | %s |\n", d.fault.name, d.dimension, len(d.windows), d.fault.vectors,
			windows(median(d.windows), 1), windows(d.windows[len(d.windows)-1], 1), windows(median(d.windows), d.fault.vectors), wanted(d),
			tally(d.found))
	}
	fmt.Fprintf(b, `
![Evidence after a fault](delays.png)

Evidence is the largest of the four statistics, and is cut off some way above the threshold. Lines that coincide hide each other.

The fewer dimensions there are, the more a single cosine to the centroid varies, and the less a wrong vector stands out by it. Noise at
a cosine of .999 does not show on traffic. Repeats show it, where they agree more closely than that without a fault.
Vectors that are not finite, are zero, or have the wrong norm or dimension are seen one by one, and are no part of this simulation.

### One replica of %d

A wrong mean (cosine .6) in 10 %% of the vectors of one replica, while the mix of 20 topics swings within 20 windows.

| dimension | runs | vectors of a replica in a window | windows, median | worst | found in one window | named, and no other |
| --- | --- | --- | --- | --- | --- | --- |
`, replicas)
	for _, d := range p.replicas {
		at := 0
		for at < len(d.windows) && d.windows[at] == 1 {
			at++
		}
		fmt.Fprintf(b, "| %d | %d | %d | %s | %s | %d | %d |\n", d.dimension, len(d.windows), d.vectors, windows(median(d.windows), 1),
			windows(d.windows[len(d.windows)-1], 1), at, d.named)
	}
	fmt.Fprintf(b, `
### Repeats

Vectors of the same texts, at a cosine of %g to the first without a fault and of %g with it. Found means that the vector of the
text's next occurrence disagrees with the one before. A fifth of the vectors is of one of the latest 50 texts; %d texts are remembered,
those that came again for longer than the others.

| dimension | repeats without a fault | false alarms | repeats with the fault | of texts still remembered | found |
| --- | --- | --- | --- | --- | --- |
`, usualCosine, wrongCosine, drift.ConsistencyTexts)
	for _, r := range p.repeats {
		fmt.Fprintf(b, "| %d | %d | %d | %d | %d | %d |\n", r.dimension, r.healthy, r.falseAlarm, r.faulty, r.known, r.found)
	}
}

func meanOf(lengths []float64) string {
	mean, deviation := stat.MeanStdDev(lengths, nil)
	return fmt.Sprintf("%.2f ± %.2f", mean, stat.StdErr(deviation, float64(len(lengths))))
}

// verdict compares the mean with the range that is wanted of it.
func verdict(lengths []float64) string {
	switch mean := stat.Mean(lengths, nil); {
	case mean < 1:
		return "no, alarms are too frequent"
	case mean > 2:
		return "no, alarms are rarer"
	}
	return "yes"
}

func windows(n float64, vectors int) string {
	if n >= maxDelay {
		return "not found"
	}
	return fmt.Sprint(int(n) * vectors)
}

// wanted says within how many vectors the fault is to be found, and whether it is in at least half of the runs.
func wanted(d delay) string {
	switch {
	case d.fault.wanted == 0:
		return ""
	case median(d.windows)*float64(d.fault.vectors) > float64(d.fault.wanted):
		return fmt.Sprintf("%d, missed", d.fault.wanted)
	}
	return fmt.Sprintf("%d, met", d.fault.wanted)
}

func tally(counts map[drift.Statistic]int) string {
	var parts []string
	for _, statistic := range drift.Statistics() {
		if n := counts[statistic]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", statistic, n))
		}
	}
	return strings.Join(parts, ", ")
}
