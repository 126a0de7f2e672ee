package main

import "github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"

// traffic is what a service embeds while nothing is wrong.
type traffic struct {
	name     string
	geometry func(dimension int) stream.Geometry
	mix      func(seed uint64) *stream.Mix
}

const topics = 20

var (
	independent = traffic{"independent", stream.PowerLaw, func(uint64) *stream.Mix { return stream.NewMix(stream.Even(1)) }}
	swings      = traffic{"swings",
		func(dimension int) stream.Geometry { return stream.Clustered(dimension, topics) },
		func(seed uint64) *stream.Mix { return stream.NewSwing(stream.Even(topics), 1, 20, seed) },
	}
)

// scenario is traffic with a fault, which strikes a share of the vectors; none where the effect is nil.
type scenario struct {
	name string
	traffic
	share  float64
	effect func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect
}

func scenarios() []scenario {
	wrongMean := func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect {
		return m.TurnMean(0.6, seed).Source(mix, seed).Next
	}
	return []scenario{
		{name: "independent", traffic: independent},
		{name: "swings", traffic: swings},
		{"wrong mean", independent, 0.1, wrongMean},
		{"wrong mean, swings", swings, 0.1, wrongMean},
		{"covariance", independent, 1, func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect {
			return m.Rotate(seed).Source(mix, seed).Next
		}},
		{"noise", independent, 1, func(m *stream.Model, _ *stream.Mix, seed uint64) stream.Effect {
			return stream.Noise(len(m.Geometry.Spectrum), 0.99, seed)
		}},
		{"another model", independent, 1, func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect {
			return stream.NewModel(m.Geometry, seed).Source(mix, seed).Next
		}},
	}
}
