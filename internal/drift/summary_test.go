package drift

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"gonum.org/v1/gonum/floats"
)

func TestCompareReference(t *testing.T) {
	const d = 512
	p := newPopulation(d, 1, rand.New(rand.NewPCG(1, 2)))
	r := p.learn(2000)
	self := r.CompareReference(r)
	assert.Zero(t, self.Shift.SquaredDistance)
	assert.Zero(t, self.KolmogorovSmirnov)
	assert.InDelta(t, 0, self.VarianceShift, 1e-9)
	assert.InDelta(t, 1, self.Captured, 1e-5)

	chance := float64(r.Basis.Len()) / d / (floats.Sum(r.Variances) / r.CovarianceTrace)
	alike := r.CompareReference(p.learn(4000))
	assert.Less(t, math.Abs(alike.Shift.Z), 4.0)
	assert.Greater(t, alike.Captured, 2*chance)
	assert.Less(t, alike.Captured, 1.1)
	assert.False(t, alike.OtherModel())

	// The axes the other way round, so that none of the large variances is in a direction of the others.
	other := &population{mean: turned(p.mean, 0, p.random), stddev: slices.Clone(p.stddev), random: p.random}
	slices.Reverse(other.stddev)
	foreign := r.CompareReference(other.learn(2000))
	assert.InDelta(t, 1, foreign.Shift.CentroidDistance, 0.05)
	assert.Less(t, foreign.Captured, 1.1*chance)
	assert.Greater(t, foreign.VarianceShift, 2*alike.VarianceShift)
}

// TestCompareReferenceShiftsLikeAWindow has the same vectors in a window and in a reference.
func TestCompareReferenceShiftsLikeAWindow(t *testing.T) {
	p := newPopulation(64, 1, rand.New(rand.NewPCG(3, 4)))
	r := p.learn(1000)
	l, w, x := NewLearner(64, 500), NewWindow(64), make([]float32, 64)
	for {
		p.draw(x, p.mean)
		w.Add(x, norm(x), 0, r)
		if o := l.Add(x, norm(x)); o != nil {
			want, got := r.Shift(w), r.CompareReference(o).Shift
			assert.InDelta(t, want.Z, got.Z, 1e-9)
			assert.InDelta(t, want.CentroidDistance, got.CentroidDistance, 1e-9)
			return
		}
	}
}

func TestCompareReferenceWithoutVariance(t *testing.T) {
	l := NewLearner(2, MinLearn)
	for {
		if r := l.Add([]float32{1, 0}, 1); r != nil {
			assert.False(t, r.CompareReference(r).HasVariances)
			return
		}
	}
}

func TestMonitorWindows(t *testing.T) {
	_, m := monitored(t, 32, 100, MinNull+10, 1)
	assert.Equal(t, MinNull+10, m.Windows())
}
