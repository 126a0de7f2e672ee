package drift

import "unsafe"

// Sizes are what states take in memory, in bytes, by what is large in them: slices, histograms and sketches.

const (
	histogramSize = int(unsafe.Sizeof(Histogram{}))
	entrySize     = int(unsafe.Sizeof(entry{}))
)

// Size returns the memory that the window takes, in bytes.
func (w *Window) Size() int {
	size := histogramSize + 8*len(w.sum)
	if p := w.projections; p != nil {
		size += 8 * (len(p.sum) + len(p.squares) + len(p.z))
	}
	return size
}

// Size returns the memory that the reference takes, in bytes.
func (r *Reference) Size() int {
	size := histogramSize + 8*len(r.Mean) + 4*len(r.Centroid) + 8*len(r.Variances)
	if r.Basis != nil {
		size += r.Basis.Len() * (4*len(r.Centroid) + 8)
	}
	return size
}

// Size returns the memory that the learner takes, in bytes.
func (l *Learner) Size() int {
	size := l.reference.Size() + 8*len(l.sum) + 4*len(l.reservoir)*len(l.sum)
	if l.second != nil {
		size += l.second.Size()
	}
	return size
}

func (n *Null) size() int { return 8*cap(n.samples) + 4*cap(n.fit.surprises) }

// Size returns the memory that the monitor takes, in bytes, with its reference.
func (m *Monitor) Size() int {
	size := m.reference.Size()
	for i := range m.detectors {
		size += m.detectors[i].null.size()
	}
	if m.anchor != nil {
		size += 8 * len(m.anchor.mean)
	}
	return size
}

// Size returns the memory that the differential takes, in bytes.
func (d *Differential) Size() int { return d.means.size() + d.cosines.size() }

// Size returns the memory that the store takes, in bytes.
func (c *Consistency) Size() int { return entrySize*cap(c.entries) + 4*len(c.index) }
