package main

import (
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Colours of states: what is well, what is not known, what wants a look, what is wrong.
const (
	green  = "green"
	grey   = "text"
	blue   = "blue"
	yellow = "yellow"
	orange = "orange"
	red    = "red"
	purple = "purple"
)

// verdicts of the embedding_quality processor, the worst last.
var verdicts = []code{
	{"healthy", green}, {"learning", blue}, {"traffic_shift", yellow}, {"unstable_output", orange},
	{"replica_fault", purple}, {"model_changed", red}, {"invalid_output", "dark-red"},
}

// canaryVerdicts of the embedding_canary receiver, the worst last.
var canaryVerdicts = []code{
	{"same", green}, {"learning", blue}, {"numeric_change", yellow}, {"quantisation_sized", orange},
	{"unstable", purple}, {"different_model_or_pooling", red}, {"broken", "dark-red"},
}

// canaryOutcomes of the embedding_canary receiver, the worst last.
var canaryOutcomes = []code{
	{"complete", green}, {"overloaded", yellow}, {"refused", orange}, {"failed", red}, {"unreachable", "dark-red"},
}

// gpuStates of the nvml receiver, the worst last.
var gpuStates = []code{{"ok", green}, {"degraded", yellow}, {"predicted_failure", orange}, {"failed", red}}

// named returns the mapping of the numbers that encode makes to the names of the states.
func named(codes []code) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, c := range codes {
		options[strconv.Itoa(i+1)] = shown(c.state, c.colour, i)
	}
	return mapping(options)
}

// yesNo returns the mapping of a metric that is 1 where all is well and else 0.
func yesNo(yes, no string) []dashboard.ValueMapping {
	return mapping(map[string]dashboard.ValueMappingResult{"0": shown(no, red, 0), "1": shown(yes, green, 1)})
}

func shown(text, colour string, index int) dashboard.ValueMappingResult {
	i := int32(index)
	return dashboard.ValueMappingResult{Text: &text, Color: &colour, Index: &i}
}

func mapping(options map[string]dashboard.ValueMappingResult) []dashboard.ValueMapping {
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}}
}
