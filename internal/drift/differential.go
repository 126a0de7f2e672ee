package drift

import "slices"

// Differential compares each replica of a model with the others in the same window. Their requests come from the same traffic,
// dealt out at random, so that a change of traffic is in all of them and cancels.
type Differential struct {
	means, cosines *Null // all replicas without a fault have one and the same
	replicas       map[string]*[2]Detector
}

// NewDifferential returns a Differential that has seen no window yet.
func NewDifferential() *Differential {
	return &Differential{
		means:    &Null{Independent: true},
		cosines:  &Null{Independent: true},
		replicas: make(map[string]*[2]Detector),
	}
}

// Replica is a replica's share of a window.
type Replica struct {
	Name   string
	Window *Window
}

// MinReplica is the number of vectors of a replica in a window from which it is compared.
const MinReplica = 16

// Add takes in a window by its replicas and returns the weight of the evidence against each that could be compared, the greater of
// those of its mean and of its cosines. Cosines are left out where not all windows have them. runLength is that of Monitor.Add, for all replicas together.
func (d *Differential) Add(replicas []Replica, runLength float64) map[string]Weight {
	compared := slices.DeleteFunc(slices.Clone(replicas), func(r Replica) bool { return r.Window.n < MinReplica })
	d.forget(compared)
	if len(compared) < 2 {
		return nil
	}
	all := merge(compared, -1)
	// The others of a replica without a fault must not be led astray by one that has: of three and more, all but the one that is
	// furthest away are compared without it.
	others, furthest := all, -1
	if len(compared) > 2 {
		furthest = furthestOf(compared, all)
		others = merge(compared, furthest)
	}
	t := NewThreshold(runLength, 2*len(compared))
	weights := make(map[string]Weight, len(compared))
	for i, r := range compared {
		total := others
		if i == furthest {
			total = all
		}
		detectors := d.detectors(r.Name)
		sampling := samplingOf(r.Window, total)
		mean := detectors[0].add(Sample{r.Window.distanceToRest(total), total.covarianceTrace() * sampling}, t)
		if all.HasCosines() {
			ks := r.Window.Cosines.differenceToRest(&total.Cosines)
			if cosines := detectors[1].add(Sample{ks * ks, kolmogorov * sampling}, t); cosines.Evidence > mean.Evidence {
				mean = cosines
			}
		}
		weights[r.Name] = mean
	}
	return weights
}

// merge returns the windows of all replicas together, but for the one at an index.
func merge(replicas []Replica, but int) *Window {
	total := NewWindow(len(replicas[0].Window.sum))
	for i, r := range replicas {
		if i != but {
			total.Merge(r.Window)
		}
	}
	return total
}

// furthestOf returns the index of the replica that is furthest from the rest, for its number of vectors.
func furthestOf(replicas []Replica, all *Window) int {
	at, most := 0, -1.0
	for i, r := range replicas {
		if level := r.Window.distanceToRest(all) / samplingOf(r.Window, all); level > most {
			at, most = i, level
		}
	}
	return at
}

// samplingOf is 1/n+1/m of a window of n vectors and the m others of the total that it is a part of.
func samplingOf(w, total *Window) float64 { return 1/float64(w.n) + 1/float64(total.n-w.n) }

func (d *Differential) detectors(name string) *[2]Detector {
	found, ok := d.replicas[name]
	if !ok {
		found = &[2]Detector{{null: d.means}, {null: d.cosines}}
		d.replicas[name] = found
	}
	return found
}

// forget drops what is kept of replicas that are gone, so that names do not pile up.
func (d *Differential) forget(present []Replica) {
	if len(d.replicas) <= 2*len(present) {
		return
	}
	kept := make(map[string]*[2]Detector, len(present))
	for _, r := range present {
		if found, ok := d.replicas[r.Name]; ok {
			kept[r.Name] = found
		}
	}
	d.replicas = kept
}

// covarianceTrace estimates tr Σ from the vectors of w, of which there are at least two.
func (w *Window) covarianceTrace() float64 {
	n := float64(w.n)
	norms := float64(w.Norm.N)
	trace := (norms*w.Norm.Mean*w.Norm.Mean + w.Norm.SquaredDeviations) / norms // the mean of ‖x‖²
	for _, sum := range w.sum {
		trace -= (sum / n) * (sum / n)
	}
	return max(0, trace) * n / (n - 1)
}

// distanceToRest returns the squared distance between the mean of w and that of the other vectors of total, which w is a part of.
func (w *Window) distanceToRest(total *Window) float64 {
	n, rest := float64(w.n), float64(total.n-w.n)
	distance := 0.0
	for i, sum := range w.sum {
		difference := sum/n - (total.sum[i]-sum)/rest
		distance += difference * difference
	}
	return distance
}

// differenceToRest is KolmogorovSmirnov with the other values of total, which h is a part of.
func (h *Histogram) differenceToRest(total *Histogram) float64 {
	rest := Histogram{n: total.n - h.n}
	for i := range rest.counts {
		rest.counts[i] = total.counts[i] - h.counts[i]
	}
	return h.KolmogorovSmirnov(&rest)
}
