package canary

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestBand(t *testing.T) {
	for _, c := range []struct {
		cosine float64
		want   embedding.CanaryVerdict
	}{
		{1, embedding.CanarySame},
		{0.99995, embedding.CanarySame},
		{0.9998, embedding.CanaryNumericChange},
		{0.995, embedding.CanaryNumericChange},
		{0.985, embedding.CanaryQuantisation},
		{0.97, embedding.CanaryQuantisation},
		{0.95, embedding.CanaryOtherModel},
		{-1, embedding.CanaryOtherModel},
	} {
		assert.Equal(t, c.want, band(1-c.cosine, sameDistance), c.cosine)
	}
	assert.Equal(t, embedding.CanarySame, band(2e-3, 3e-3))
}

func TestKendall(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		x, y := make([]float64, 50), make([]float64, 50)
		for i := range x {
			x[i] = r.NormFloat64()
			y[i] = x[i] + r.NormFloat64()
		}
		assert.InDelta(t, stat.Kendall(x, y, nil), kendall(x, y), 1e-12)
	}
	assert.InDelta(t, 1.0, kendall([]float64{1, 2, 3}, []float64{4, 5, 6}), 0)
	assert.InDelta(t, -1.0, kendall([]float64{1, 2, 3}, []float64{6, 5, 4}), 0)
}

// TestOneBadText makes sure that one text is not another model.
func TestOneBadText(t *testing.T) {
	p := testPlan(t)
	s := newServer(1, 96, noise{call: 1e-5})
	pins := learn(t, s, p)
	bad := func(texts ...string) fault {
		return fault{vector: func(s *server, text string, x []float32) []float32 {
			for _, b := range texts {
				if text == b {
					return s.moved(x, 0.3, 7)
				}
			}
			return x
		}}
	}
	plain := p.of(classPlain)
	s.fault = bad(p.entries[plain[3]].text)
	v := Judge(s.round(p, 9), pins)
	assert.Equal(t, embedding.CanaryNumericChange, v.Verdict)
	assert.Equal(t, []string{checkOutliers}, v.Reasons)
	assert.Equal(t, p.entries[plain[3]].id, v.Worst[0].ID)
	assert.InDelta(t, 0.7, v.CosineMin, 0.01)
	assert.InDelta(t, 1, v.CosineMedian, 1e-4)

	odd := p.of(classOdd)
	s.fault = bad(p.entries[odd[3]].text)
	assert.Equal(t, embedding.CanarySame, Judge(s.round(p, 10), pins).Verdict)

	var third []string
	for i := 0; i < len(plain); i += 3 {
		third = append(third, p.entries[plain[i]].text)
	}
	s.fault = bad(third...)
	assert.Equal(t, embedding.CanaryOtherModel, Judge(s.round(p, 11), pins).Verdict)
}

// TestIdleLearning learns from a server that repeats itself to the bit, and judges it when its batches have all shapes.
func TestIdleLearning(t *testing.T) {
	p := testPlan(t)
	s := newServer(1, 96, noise{})
	pins := learn(t, s, p)
	s.noise = noise{call: 3e-4, shape: 6e-4}
	for n := range int64(20) {
		v := Judge(s.round(p, n+10), pins)
		assert.Equal(t, embedding.CanarySame, v.Verdict, v.Reasons)
	}
}

func TestMaxTokens(t *testing.T) {
	suite, err := BuiltIn()
	require.NoError(t, err)
	plan := func(most int) *Plan {
		p, err := NewPlan(suite, Settings{MaxTokens: most})
		require.NoError(t, err)
		return p
	}
	s := newServer(1, 64, noise{})
	s.fault = faultNamed(t, "truncation") // at 300
	v := Judge(s.round(plan(512), 1), nil)
	assert.Equal(t, embedding.CanaryBroken, v.Verdict)
	assert.Equal(t, []string{checkEffective}, v.Reasons)
	assert.Equal(t, embedding.CanaryLearning, Judge(s.round(plan(256), 1), nil).Verdict)
	// Where nothing is configured it is what the server is like.
	pins := learn(t, s, plan(0))
	assert.InDelta(t, 256, pins.EffectiveTokens, 40)
	assert.Equal(t, embedding.CanarySame, Judge(s.round(plan(0), 9), pins).Verdict)

	s.fault = fault{}
	assert.Equal(t, embedding.CanarySame, Judge(s.round(plan(0), 9), pins).Verdict, "longer is no fault")
	s.maxTokens = 600 // refuses more
	pins = learn(t, s, plan(0))
	assert.InDelta(t, 512, pins.EffectiveTokens, 80)
	s.maxTokens = 400
	v = Judge(s.round(plan(0), 9), pins)
	assert.Equal(t, embedding.CanaryBroken, v.Verdict)
	assert.Equal(t, []string{checkEffective}, v.Reasons)
	v = Judge(s.round(plan(1024), 9), nil)
	assert.Equal(t, []string{checkEffective}, v.Reasons)
}

func faultNamed(t *testing.T, name string) fault {
	for _, c := range faultCases() {
		if c.name == name {
			return c.fault
		}
	}
	require.Fail(t, name)
	return fault{}
}

// TestUnnormalized has vectors of all lengths.
func TestUnnormalized(t *testing.T) {
	suite, err := BuiltIn()
	require.NoError(t, err)
	scaled := func(by float32) fault {
		return fault{answer: func(_ *server, _ *Call, a *Answer) {
			rows(a, func(_ int, x []float32) {
				for i := range x {
					x[i] *= by * (2 + x[0])
				}
			})
		}}
	}
	p, err := NewPlan(suite, Settings{Unnormalized: true})
	require.NoError(t, err)
	s := newServer(1, 64, noise{})
	s.fault = scaled(10)
	pins := learn(t, s, p)
	assert.Equal(t, embedding.CanarySame, Judge(s.round(p, 9), pins).Verdict)
	s.fault = scaled(12)
	v := Judge(s.round(p, 10), pins)
	assert.Equal(t, embedding.CanaryBroken, v.Verdict)
	assert.Equal(t, []string{checkNormRatio}, v.Reasons)
}

// TestChangeWhileLearning changes the model between rounds.
func TestChangeWhileLearning(t *testing.T) {
	p := testPlan(t)
	s := newServer(1, 64, noise{})
	l := NewLearner(p, 3)
	for n := range int64(2) {
		v, pins := l.Add(s.round(p, n))
		assert.Equal(t, embedding.CanaryLearning, v.Verdict)
		assert.Nil(t, pins)
	}
	s.switchTo(otherSeed)
	v, pins := l.Add(s.round(p, 3))
	assert.Equal(t, embedding.CanaryUnstable, v.Verdict)
	assert.Equal(t, []string{checkRounds}, v.Reasons)
	assert.Nil(t, pins)
	assert.Equal(t, 1, l.Rounds())
	for n := range int64(2) {
		_, pins = l.Add(s.round(p, n+4))
	}
	require.NotNil(t, pins)
	assert.Equal(t, 3, pins.Rounds)
	assert.Equal(t, embedding.CanarySame, Judge(s.round(p, 9), pins).Verdict)
}

// TestTurns learns and judges with a budget for a part of the texts.
func TestTurns(t *testing.T) {
	suite, err := BuiltIn()
	require.NoError(t, err)
	p, err := NewPlan(suite, Settings{TokenBudget: 5500})
	require.NoError(t, err)
	s := newServer(1, 64, noise{call: 1e-5})
	l := NewLearner(p, 2)
	var pins *Pins
	rounds := int64(0)
	for ; pins == nil; rounds++ {
		require.Less(t, rounds, int64(2*len(p.blocks)+2))
		var v Verdict
		v, pins = l.Add(s.round(p, rounds))
		require.Equal(t, embedding.CanaryLearning, v.Verdict, v.Reasons)
		require.NotEmpty(t, v.Skipped)
	}
	assert.Greater(t, rounds, int64(2))
	for n := range int64(20) {
		assert.Equal(t, embedding.CanarySame, Judge(s.round(p, rounds+n), pins).Verdict)
	}
	assert.Equal(t, len(p.of(classPlain)), countFunc(p.of(classPlain), func(e int) bool {
		_, ok := pins.text(&p.entries[e])
		return ok
	}))
}

// TestOddAnswers answers with anything, and expects numbers.
func TestOddAnswers(t *testing.T) {
	p := testPlan(t)
	pins := learn(t, newServer(1, 96, noise{}), p)
	odd := []float32{0, 1, -1, float32(math.NaN()), float32(math.Inf(1)), math.MaxFloat32, math.SmallestNonzeroFloat32}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 3))
		round := p.Round(int64(seed))
		for i, c := range round.Calls() {
			if r.IntN(10) == 0 {
				continue
			}
			a := Answer{Count: len(c.Texts), Dimension: 96, Ragged: r.IntN(9) == 0, Refused: r.IntN(9) == 0, Tokens: r.Int64N(100) - 50}
			if r.IntN(5) == 0 {
				a.Count += r.IntN(3) - 1
			}
			if r.IntN(5) == 0 {
				a.Dimension = r.IntN(200)
			}
			a.Vectors = make([]float32, max(0, a.Count*a.Dimension-r.IntN(2)*r.IntN(2)))
			for i := range a.Vectors {
				a.Vectors[i] = r.Float32()
				if r.IntN(3000) == 0 {
					a.Vectors[i] = odd[r.IntN(len(odd))]
				}
			}
			round.Take(i, a)
		}
		m := round.Measure()
		for _, pins := range []*Pins{nil, pins} {
			v := Judge(m, pins)
			assert.NotEqual(t, embedding.CanarySame, v.Verdict)
			for _, c := range v.Checks {
				assert.False(t, math.IsNaN(c.Value) || math.IsInf(c.Value, 0), c.Name)
			}
			assert.Contains(t, embedding.CanaryVerdicts(), v.Verdict)
		}
		CompareReplicas(map[string]*Measurement{"a": m, "b": m})
	}
}

// TestDescriptions makes sure that every check is described, and none twice.
func TestDescriptions(t *testing.T) {
	p := testPlan(t)
	s := newServer(1, 96, noise{})
	v := Judge(s.round(p, 9), learn(t, s, p))
	names := make(map[string]bool)
	for _, d := range Descriptions() {
		assert.False(t, names[d.Name], d.Name)
		names[d.Name] = true
	}
	found := make(map[string]bool)
	for _, c := range v.Checks {
		name := c.Name
		if len(name) > len(checkOverlap) && name[:len(checkOverlap)] == checkOverlap {
			name = checkOverlap
		}
		assert.True(t, names[name], name)
		found[name] = true
	}
	for name := range names {
		assert.True(t, found[name] || name == checkRounds, "%s: a full round has none", name)
	}
}

func TestCompareReplicas(t *testing.T) {
	p := testPlan(t)
	measure := func(seed uint64, f fault, n noise) *Measurement {
		s := newServer(seed, 96, n)
		s.fault = f
		return s.round(p, 1)
	}
	noisy := noise{call: 1e-5}
	good := measure(1, fault{}, noisy)
	differs := func(replicas map[string]*Measurement) map[string]bool {
		result := make(map[string]bool)
		for _, d := range CompareReplicas(replicas) {
			result[d.Replica] = d.Differs
		}
		return result
	}
	assert.Equal(t, map[string]bool{"a": false, "b": false, "c": true}, differs(map[string]*Measurement{
		"a": good, "b": measure(1, fault{}, noisy), "c": measure(2, fault{}, noisy),
	}))
	assert.Equal(t, map[string]bool{"a": false, "b": false, "c": true}, differs(map[string]*Measurement{
		"a": good, "b": measure(1, fault{}, noisy), "c": measure(1, fault{vector: movedBy(2e-4, 5e-4)}, noisy),
	}))
	assert.Equal(t, map[string]bool{"a": true, "b": true}, differs(map[string]*Measurement{"a": good, "b": measure(2, fault{}, noisy)}))
	assert.Equal(t, map[string]bool{"a": false, "b": false}, differs(map[string]*Measurement{"a": good, "b": measure(1, fault{}, noisy)}))
	assert.Equal(t, map[string]bool{"a": true, "b": true, "c": true, "d": true}, differs(map[string]*Measurement{
		"a": good, "b": measure(1, fault{}, noisy), "c": measure(2, fault{}, noisy), "d": measure(2, fault{}, noisy),
	}))
	assert.Equal(t, map[string]bool{"a": false, "b": false, "c": true}, differs(map[string]*Measurement{
		"a": good, "b": good, "c": measure(1, faultNamed(t, "dimension"), noisy),
	}))
	assert.Empty(t, CompareReplicas(map[string]*Measurement{"a": good}))
	assert.Empty(t, CompareReplicas(map[string]*Measurement{"a": good, "b": measure(1, faultNamed(t, "zero"), noisy)}))
}
