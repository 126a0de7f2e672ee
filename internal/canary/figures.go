package canary

import (
	"cmp"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"
)

// identicalDistance is 1 − cosine up to which vectors of different texts are the same one.
const identicalDistance = 1e-6

// maxCompared is how many texts are compared with each other: the work is of the square of it.
const maxCompared = 256

// compared returns the plain texts that have a vector, the first of them.
func (m *Measurement) compared() []int {
	plain := slices.DeleteFunc(m.plan.of(classPlain), func(e int) bool { return !m.points[e].known() })
	return plain[:min(len(plain), maxCompared)]
}

// measureTexts looks at how far plain texts are from each other.
func (m *Measurement) measureTexts() {
	plain := m.compared()
	if len(plain) < 2 {
		return
	}
	var distances []float64
	same := make(map[int]bool)
	for i, a := range plain {
		for _, b := range plain[:i] {
			d := distance(m.points[a], m.points[b])
			distances = append(distances, d)
			if d <= identicalDistance {
				same[a], same[b] = true, true
				m.identical = append(m.identical, [2]int{a, b})
			}
		}
	}
	m.counts[checkIdentical] = len(same)
	m.figures[checkDistance] = median(distances)
}

// measurePairs compares pairs that mean the same with pairs that do not.
func (m *Measurement) measurePairs() {
	var related, others []float64
	for _, p := range m.plan.pairs {
		a, b := m.points[p.a], m.points[p.b]
		switch {
		case !a.known() || !b.known():
		case p.related:
			related = append(related, 1-distance(a, b))
		default:
			others = append(others, 1-distance(a, b))
		}
	}
	if len(related) == 0 || len(others) == 0 {
		return
	}
	nearer := 0.0
	for _, r := range related {
		for _, o := range others {
			switch cmp.Compare(r, o) {
			case 1:
				nearer++
			case 0:
				nearer += 0.5
			}
		}
	}
	m.figures[checkMargin] = stat.Mean(related, nil) - stat.Mean(others, nil)
	m.figures[checkPairOrder] = nearer / float64(len(related)*len(others))
}

// nearest is how many of the nearest documents are looked at.
const nearest = 10

// measureRetrieval searches the documents for each query.
func (m *Measurement) measureRetrieval() {
	documents := slices.DeleteFunc(m.plan.of(classDocument), func(e int) bool { return !m.points[e].known() })
	vectors := make([]point, len(documents))
	at := make(map[int]int)
	for i, e := range documents {
		vectors[i], at[e] = m.points[e], i
	}
	queries, first, ten, reciprocal := 0.0, 0.0, 0.0, 0.0
	overlap := make([]float64, len(m.plan.settings.Dimensions))
	cuts := make([][]point, len(overlap))
	for i, d := range m.plan.settings.Dimensions {
		cuts[i] = cutAll(vectors, d)
	}
	for _, q := range m.plan.queries {
		right, ok := at[q.document]
		query := m.points[q.query]
		if !ok || !query.known() {
			continue
		}
		ranked := rank(query, vectors)
		queries++
		place := slices.Index(ranked, right)
		reciprocal += 1 / float64(place+1)
		if place == 0 {
			first++
		}
		if place < nearest {
			ten++
		}
		for i, cut := range cuts {
			short := cutAll([]point{query}, m.plan.settings.Dimensions[i])
			if cut == nil || short == nil {
				continue
			}
			n := min(nearest, len(ranked))
			found := rank(short[0], cut)[:n]
			overlap[i] += float64(countFunc(ranked[:n], func(e int) bool { return slices.Contains(found, e) })) / float64(n)
		}
	}
	if queries == 0 {
		return
	}
	m.figures[checkRecall1] = first / queries
	m.figures[checkRecall10] = ten / queries
	m.figures[checkMRR] = reciprocal / queries
	for i, d := range m.plan.settings.Dimensions {
		if cuts[i] != nil {
			m.figures[checkOverlap+"_"+strconv.Itoa(d)] = overlap[i] / queries
		}
	}
}

// cutAll cuts points to a dimension; nil where they are shorter, or one of them has nothing left.
func cutAll(points []point, dimension int) []point {
	cut := make([]point, len(points))
	for i, p := range points {
		if dimension > len(p.x) {
			return nil
		}
		var ok bool
		if cut[i], ok = p.cut(dimension); !ok {
			return nil
		}
	}
	return cut
}

// rank returns the indices of documents, the nearest to the query first.
func rank(query point, documents []point) []int {
	distances := make([]float64, len(documents))
	order := make([]int, len(documents))
	for i, d := range documents {
		distances[i], order[i] = distance(query, d), i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(distances[a], distances[b]), a-b) })
	return order
}
