package embeddingqualityprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestConfiguredExpectations(t *testing.T) {
	h := newHarness(t, func(c *Config) {
		c.Models = []ModelConfig{{Name: testModel, Dimension: testDimension, Norm: 10}}
	})
	s := newSource(testDimension, 1)
	assert.Zero(t, h.judge(s.answer(scaled(s.vector(), 10))).Counts)
	assert.Equal(t, embedding.ReasonCounts{Norm: 1}, h.judge(s.event(1)).Counts, "the first vector")
	assert.Equal(t, embedding.ReasonCounts{Dimension: 1}, h.judge(newSource(8, 1).event(1)).Counts)

	requested := s.answer(scaled(s.vector()[:8], 10))
	requested.RequestedDimension = 8
	assert.Zero(t, h.judge(requested).Counts, "what is asked for goes before")

	other := s.event(1)
	other.RequestModel = "another"
	assert.Zero(t, h.judge(other).Counts)
}

// TestDimensionByMajority: a fault during the first vectors does not become the rule.
func TestDimensionByMajority(t *testing.T) {
	h, right, wrong := newHarness(t), newSource(testDimension, 2), newSource(8, 2)
	for i := range minObserved {
		s := right
		if i%3 == 0 {
			s = wrong
		}
		assert.Zero(t, h.judge(s.event(1)).Counts, "nothing is expected yet")
	}
	assert.Equal(t, embedding.ReasonCounts{Dimension: 1}, h.judge(wrong.event(1)).Counts)
	assert.Zero(t, h.judge(right.event(1)).Counts)
}

// TestRequestedDimensionsHaveNoVote: calls that ask for a dimension say nothing of those that do not.
func TestRequestedDimensionsHaveNoVote(t *testing.T) {
	h, short, full := newHarness(t), newSource(8, 3), newSource(testDimension, 3)
	for range 2 * minObserved {
		ev := short.event(1)
		ev.RequestedDimension = 8
		assert.Zero(t, h.judge(ev).Counts)
	}
	for range 2 * minObserved {
		assert.Zero(t, h.judge(full.event(1)).Counts)
	}
}

// TestNormIsLearnedFromUnitVectorsOnly: a model with other norms has none expected of it.
func TestNormIsLearnedFromUnitVectorsOnly(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 4)
	for i := range 3000 {
		ev := s.answer(scaled(s.vector(), 0.9+0.2*float64(i%100)/100))
		require.Zero(t, h.judge(ev).Counts)
	}
}

// TestNormOutgrowsFaultAtStart: a server that begins with unnormalised vectors is held to 1 once it has mended.
func TestNormOutgrowsFaultAtStart(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 5)
	for range minObserved {
		assert.Zero(t, h.judge(s.answer(scaled(s.vector(), 3))).Counts)
	}
	for range 1024 {
		assert.Zero(t, h.judge(s.event(1)).Counts)
	}
	for range 3 {
		assert.Equal(t, embedding.ReasonCounts{Norm: 1}, h.judge(s.answer(scaled(s.vector(), 3))).Counts)
	}
}

// TestNormIsKnownAcrossReplicas: what one replica taught holds for the next.
func TestNormIsKnownAcrossReplicas(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 6)
	h.judge(s.event(minObserved))
	ev := s.answer(scaled(s.vector(), 3))
	ev.ServerAddress = "10.0.0.2"
	assert.Equal(t, embedding.ReasonCounts{Norm: 1}, h.judge(ev).Counts)
}
