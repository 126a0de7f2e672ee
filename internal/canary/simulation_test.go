package canary

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const testInstruction = "Instruct: find what answers the question\nQuery:"

// noises are those of a server that repeats itself to the bit, of one with other kernels at every call, of one whose batches make all
// the difference, and of one with both.
func noises() []noise {
	return []noise{{name: "exact"}, {"1e-5", 1e-5, 0}, {"shape 9e-4", 0, 9e-4}, {"both", 4e-4, 5e-4}}
}

// testPlan is a plan for the built-in suite with fewer searches, which take most of the time.
func testPlan(t testing.TB) *Plan {
	suite, err := BuiltIn()
	require.NoError(t, err)
	suite.Queries = suite.Queries[:12]
	p, err := NewPlan(suite, Settings{
		QueryInstruction: testInstruction, Dimensions: []int{24, 48}, Encodings: []string{"float", "base64"}, TokenBudget: 14000,
	})
	require.NoError(t, err)
	require.Empty(t, p.Round(1).skipped)
	return p
}

// learn learns the pins of a server.
func learn(t testing.TB, s *server, p *Plan) *Pins {
	l := NewLearner(p, 5)
	for n := range int64(5) {
		v, pins := l.Add(s.round(p, n+1))
		require.Equal(t, embedding.CanaryLearning, v.Verdict, "%v %v", v.Reasons, v.Checks)
		if pins != nil {
			return pins
		}
	}
	require.Fail(t, "no pins")
	return nil
}

// TestFaults lets every fault begin after learning, at many servers of each kind, and counts the verdicts of the next round.
func TestFaults(t *testing.T) {
	seeds := uint64(20)
	if underRace {
		seeds = 2
	}
	p := testPlan(t)
	const dimension = 96
	for _, noise := range noises() {
		t.Run(noise.name, func(t *testing.T) {
			t.Parallel()
			counts := make(map[string]map[string]int)
			reasons := make(map[string]map[string]int)
			for seed := range seeds {
				s := newServer(seed+1, dimension, noise)
				pins := learn(t, s, p)
				for _, c := range faultCases() {
					hit := *s
					hit.seen, hit.before = maps.Clone(s.seen), s.seen
					hit.known, hit.words = maps.Clone(s.known), maps.Clone(s.words)
					hit.fault = c.fault
					v := Judge(hit.round(p, 100), pins)
					if counts[c.name] == nil {
						counts[c.name], reasons[c.name] = make(map[string]int), make(map[string]int)
					}
					counts[c.name][string(v.Verdict)]++
					reasons[c.name][fmt.Sprint(v.Reasons)]++
				}
			}
			for _, c := range faultCases() {
				right := 0
				for _, want := range c.want {
					right += counts[c.name][string(want)]
				}
				if noise.shape > 0 && c.name == "q8" {
					right += counts[c.name][string(embedding.CanarySame)] // it is less than the noise
				}
				t.Logf("%-20s %3d of %d %v %v", c.name, right, seeds, counts[c.name], reasons[c.name])
				assert.GreaterOrEqual(t, float64(right), 0.95*float64(seeds), "%s: %v", c.name, counts[c.name])
			}
		})
	}
}

// TestBrokenFromTheStart makes sure that a fault is not learned, where it shows without anything to compare with.
func TestBrokenFromTheStart(t *testing.T) {
	p := testPlan(t)
	for _, c := range faultCases() {
		if slices.Contains([]string{"truncation", "none"}, c.name) || !slices.ContainsFunc(c.want, func(v embedding.CanaryVerdict) bool {
			return v == embedding.CanaryBroken || v == embedding.CanaryUnstable || c.name == "instruction"
		}) {
			continue // that is a model
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(1, 96, noise{})
			s.fault = c.fault
			l := NewLearner(p, 2)
			for n := range int64(4) {
				v, pins := l.Add(s.round(p, n+1))
				assert.Nil(t, pins)
				assert.Contains(t, c.want, v.Verdict, v.Reasons)
			}
		})
	}
}

// TestClean sends a thousand rounds without a fault.
func TestClean(t *testing.T) {
	rounds := int64(1000)
	if underRace || testing.Short() {
		rounds = 50
	}
	p := testPlan(t)
	for _, noise := range noises() {
		t.Run(noise.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(9, 64, noise)
			pins := learn(t, s, p)
			for n := range rounds {
				v := Judge(s.round(p, n+10), pins)
				require.Equal(t, embedding.CanarySame, v.Verdict, "round %d: %v %v", n, v.Reasons, v.Checks)
			}
		})
	}
}
