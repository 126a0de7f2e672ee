package stream

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

type namedGeometry struct {
	name     string
	geometry Geometry
}

func geometries(d int) []namedGeometry {
	return []namedGeometry{
		{"power law", PowerLaw(d)},
		{"clustered", Clustered(d, 20)},
		{"low rank", LowRank(d, 16)},
		{"anisotropic", Anisotropic(d)},
	}
}

// sources are the ways to draw from a model.
func sources(m *Model, mix *Mix, seed uint64) map[string]Source {
	d := m.Deviations(8<<20, seed)
	return map[string]Source{
		"exact":      m.Source(mix, seed),
		"deviations": d.Source(m, mix, seed),
		"pool":       NewPool(d.Source(m, mix, seed), len(m.mean), 32<<20).Source(seed),
	}
}

// draw returns n vectors as the rows of a matrix.
func draw(source Source, n, d int) *mat.Dense {
	rows, x := mat.NewDense(n, d, nil), make([]float32, d)
	for i := range n {
		source.Next(x)
		for j, v := range x {
			rows.Set(i, j, float64(v))
		}
	}
	return rows
}

// moments estimates mean and covariance, and the eigenvalues of the latter, the largest first.
func moments(rows *mat.Dense) (mean, eigenvalues []float64) {
	n, d := rows.Dims()
	mean = make([]float64, d)
	for i := range n {
		floats.AddScaled(mean, 1/float64(n), rows.RawRowView(i))
	}
	var covariance mat.SymDense
	stat.CovarianceMatrix(&covariance, rows, nil)
	var eigen mat.EigenSym
	eigen.Factorize(&covariance, false)
	eigenvalues = eigen.Values(nil)
	slices.Reverse(eigenvalues)
	return mean, eigenvalues
}

func norm(x []float32) float64 {
	squared := 0.0
	for _, v := range x {
		squared += float64(v) * float64(v)
	}
	return math.Sqrt(squared)
}

func cosine(x, y []float32) float64 {
	dot := 0.0
	for i, v := range x {
		dot += float64(v) * float64(y[i])
	}
	return dot / norm(x) / norm(y)
}

func TestMoments(t *testing.T) {
	const d, n = 128, 20_000
	for _, tt := range geometries(d) {
		m := NewModel(tt.geometry, 1)
		for name, source := range sources(m, NewMix(Even(tt.geometry.Topics)), 1) {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				rows := draw(source, n, d)
				for i := range n {
					require.InDelta(t, 1, floats.Norm(rows.RawRowView(i), 2), 1e-6)
				}
				mean, eigenvalues := moments(rows)
				// The estimate is too large by tr Σ/n, less than 1e-4.
				assert.InEpsilon(t, tt.geometry.Mean, floats.Dot(mean, mean), 0.05)
				assert.InDelta(t, 1, floats.Dot(mean, mean)+floats.Sum(eigenvalues), 1e-3)
				switch tt.name {
				case "power law":
					assert.InDelta(t, -1, slope(eigenvalues[:64]), 0.05)
				case "low rank":
					assert.Greater(t, floats.Sum(eigenvalues[:17]), 0.99*floats.Sum(eigenvalues)) // the mean's direction is one
					assert.Positive(t, eigenvalues[d-1])
				case "anisotropic":
					assert.InDelta(t, 0.5+0.5*powerLawShare(d, 4), floats.Sum(eigenvalues[:4])/floats.Sum(eigenvalues), 0.05)
				}
			})
		}
	}
}

// slope is that of the logarithm of the eigenvalues against the logarithm of their rank.
func slope(eigenvalues []float64) float64 {
	x, y := make([]float64, len(eigenvalues)), make([]float64, len(eigenvalues))
	for i, v := range eigenvalues {
		x[i], y[i] = math.Log(float64(i+1)), math.Log(v)
	}
	_, beta := stat.LinearRegression(x, y, nil, false)
	return beta
}

func powerLawShare(d, first int) float64 {
	spectrum := powerLaw(d)
	return floats.Sum(spectrum[:first]) / floats.Sum(spectrum)
}

// TestDeviationsAreDistributedAsTheModel compares the cosine to the mean, which outliers of a pool would show in.
func TestDeviationsAreDistributedAsTheModel(t *testing.T) {
	const d, n = 256, 20_000
	m := NewModel(Clustered(d, 20), 1)
	cosines := func(source Source) []float64 {
		x, c := make([]float32, d), make([]float64, n)
		for i := range c {
			source.Next(x)
			c[i] = cosine(x, m.mean)
		}
		slices.Sort(c)
		return c
	}
	exact := cosines(m.Source(NewMix(Even(20)), 1))
	fast := cosines(m.Deviations(4<<20, 1).Source(m, NewMix(Even(20)), 1))
	const critical = 1.95 // of √(n/2) times the distance, at the level 0.001
	assert.Less(t, stat.KolmogorovSmirnov(exact, nil, fast, nil), critical/math.Sqrt(n/2))
	assert.InDelta(t, exact[n-1], fast[n-1], 0.05)
	few := cosines(m.Deviations(0, 1).Source(m, NewMix(Even(20)), 1))
	assert.Less(t, few[n-1], exact[n-1]+0.05, "not even two deviations cancel")
}

func TestClusteredTopics(t *testing.T) {
	const d, topics = 512, 20
	m := NewModel(Clustered(d, topics), 1)
	between := 0.0
	sum := make([]float64, d)
	for t := range topics {
		between += math.Pow(norm(m.offsets[t]), 2) / topics
		for i, v := range m.means[t] {
			sum[i] += float64(v) / topics
		}
	}
	assert.InEpsilon(t, m.Geometry.Between, between, 0.02)
	for i, v := range m.mean {
		require.InDelta(t, float64(v), sum[i], 1e-6)
	}
	// Traffic of one topic lies about that topic's mean.
	only := make([]float64, topics)
	only[7] = 1
	mean, _ := moments(draw(m.Source(NewMix(only), 1), 2000, d))
	got := make([]float32, d)
	for i, v := range mean {
		got[i] = float32(v)
	}
	assert.Greater(t, cosine(got, m.means[7]), 0.99)
	assert.Less(t, cosine(got, m.means[8]), 0.9)
}

func TestVariants(t *testing.T) {
	const d = 512
	m := NewModel(Clustered(d, 5), 1)

	turned := m.TurnMean(0.6, 2)
	assert.InDelta(t, 0.6, cosine(m.mean, turned.mean), 1e-5)
	assert.InDelta(t, norm(m.mean), norm(turned.mean), 1e-5)
	assert.Equal(t, m.offsets, turned.offsets)
	assert.Same(t, m.rotation, turned.rotation)

	rotated := m.Rotate(2)
	assert.Equal(t, m.means, rotated.means)
	assert.Equal(t, m.stddev, rotated.stddev)
	for axis := range 10 {
		assert.Less(t, math.Abs(cosine(m.axis(axis), rotated.axis(axis))), 5/math.Sqrt(d))
	}
	mean, _ := moments(draw(rotated.Source(NewMix(Even(5)), 1), 5000, d))
	healthy, _ := moments(draw(m.Source(NewMix(Even(5)), 2), 5000, d))
	assert.Less(t, floats.Distance(mean, healthy, 2), 0.04, "two means of 5000 vectors differ by √(2·0.69/5000)")
	assert.Panics(t, func() { m.Deviations(0, 1).Source(rotated, NewMix(Even(5)), 1) })
}

// axis is a principal axis.
func (m *Model) axis(i int) []float32 {
	x, e := make([]float32, len(m.mean)), make([]float32, len(m.mean))
	e[i] = 1
	m.rotation.apply(x, e, 1)
	return x
}

func TestSeedDecides(t *testing.T) {
	const d = 200
	stream := func(modelSeed, sourceSeed uint64, name string) []float64 {
		m := NewModel(Clustered(d, 20), modelSeed)
		return draw(sources(m, NewSwing(Even(20), 1, 10, sourceSeed), sourceSeed)[name], 50, d).RawMatrix().Data
	}
	for _, name := range []string{"exact", "deviations", "pool"} {
		assert.Equal(t, stream(1, 1, name), stream(1, 1, name), name)
		assert.NotEqual(t, stream(1, 1, name), stream(1, 2, name), name)
		assert.NotEqual(t, stream(1, 1, name), stream(2, 1, name), name)
	}
}

func TestNoAllocations(t *testing.T) {
	for _, d := range []int{128, 2560, 4096} {
		m := NewModel(Clustered(d, 20), 1)
		mix := NewSwing(Even(20), 1, 10, 1)
		all := sources(m, mix, 1)
		faults := []*Fault{
			NewFault(m.TurnMean(0.6, 1).Source(mix, 1).Next, 0.5, 1), NewFault(Constant(make([]float32, d)), 0.5, 1),
			NewFault(Scale(2), 0.5, 1), NewFault(Element(1, 1), 0.5, 1), NewFault(Noise(d, 0.9, 1), 0.5, 1),
		}
		for _, f := range faults {
			f.On = true
		}
		all["faults"] = Inject(m.Source(mix, 1), faults...)
		all["truncated"] = Truncate(m.Source(mix, 1), d)
		x := make([]float32, d)
		for name, source := range all {
			assert.Zero(t, testing.AllocsPerRun(20, func() { source.Next(x); mix.Window() }), name)
		}
		repeats, replicas := NewRepeats(m.Source(mix, 1), d, 0.5, 10, 1), NewReplicas(m.Source(mix, 1), 8, 1)
		assert.Zero(t, testing.AllocsPerRun(20, func() { repeats.Next(x); replicas.Next(x) }))
	}
}
