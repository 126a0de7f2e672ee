package drift

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// TestBasis draws vectors with three large variances and finds their axes again.
func TestBasis(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const d = 50
	x := make([][]float32, reservoirSize)
	for i := range x {
		x[i] = make([]float32, d)
		for j := range x[i] {
			scale := 0.01
			if j < 3 {
				scale = 10 / float64(j+1)
			}
			x[i][j] = float32(5 + scale*random.NormFloat64())
		}
	}
	b := newBasis(x)
	require.Equal(t, d, b.Len())
	for i, u := range b.components {
		for j, v := range b.components[:i+1] {
			_, dot := vector.Measure(u, v)
			want := 0.0
			if i == j {
				want = 1
			}
			assert.InDelta(t, want, dot, 1e-4, "%d·%d", i, j)
		}
	}
	for j := range 3 {
		assert.InDelta(t, 1, b.components[j][j]*b.components[j][j], 0.05)
	}
	z, mean := make([]float64, d), 0.0
	for _, v := range x {
		b.project(z, v)
		mean += z[0] / float64(len(x))
	}
	assert.InDelta(t, 0, mean, 1e-3, "projections are relative to the mean")
}

func TestBasisOfOneVector(t *testing.T) {
	x := [][]float32{{1, 2}, {1, 2}, {1, 2}}
	assert.Zero(t, newBasis(x).Len())
}

func TestEffectiveRank(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	const d, n = 8, 20_000
	p := newProjections(d)
	identity := &Basis{origin: make([]float64, d)}
	for j := range d {
		axis := make([]float32, d)
		axis[j] = 1
		identity.components = append(identity.components, axis)
	}
	x := make([]float32, d)
	variances := []float64{4, 4, 4, 4, 0, 0, 0, 0}
	for range n {
		for j := range x {
			x[j] = float32(1 + 2*random.NormFloat64()*variances[j]/4)
		}
		p.add(identity, x)
	}
	assert.InDelta(t, 4, p.effectiveRank(), 0.05)
	assert.InDeltaSlice(t, variances, p.variances(), 0.2)
	assert.Zero(t, varianceShift(variances, variances))
	assert.Zero(t, newProjections(2).effectiveRank())
}
