package server

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the faults.
const (
	faultLatency      = "latency"
	faultErrors       = "errors"
	faultNaN          = "nan"
	faultZero         = "zero"
	faultDimension    = "dimension"
	faultUnnormalised = "unnormalised"
	faultConstant     = "constant"
	faultModelSwap    = "model_swap"
	faultTruncation   = "truncation"
)

// Values of the fault nan.
const (
	nanError = "error" // as vLLM does
	nanNull  = "null"  // as llama.cpp does
)

const (
	maxLatency   = time.Hour
	maxDimension = 32768
)

// A faultKind is what a fault does and which value it takes.
type faultKind struct {
	name        string
	description string

	// value is what the value means; empty if the fault takes none.
	value string

	// byDefault is the value that holds where none is given.
	byDefault string

	// check refuses values without sense.
	check func(value string) error
}

// faultKinds lists every fault in the order in which a request meets them.
func faultKinds() []faultKind {
	return []faultKind{
		{
			name: faultTruncation, description: "only the first tokens of each input count, without an error; usage stays at the limit",
			value: "limit in tokens", byDefault: "512", check: integer(1, math.MaxInt32),
		},
		{
			name: faultLatency, description: "the answer comes later",
			value: "seconds", byDefault: "1", check: number(0, maxLatency.Seconds()),
		},
		{
			name: faultErrors, description: "the answer is an error",
			value: "HTTP status", byDefault: "500", check: integer(400, 599),
		},
		{
			name: faultModelSwap, description: "vectors of another model with the same name and dimension",
		},
		{
			name: faultConstant, description: "the same vector whatever the text",
		},
		{
			name: faultDimension, description: "vectors of another dimension than the model's or the one asked for",
			value: "dimension", byDefault: "2048", check: integer(1, maxDimension),
		},
		{
			name: faultUnnormalised, description: "vectors multiplied by a factor",
			value: "factor", byDefault: "3", check: number(math.SmallestNonzeroFloat32, math.MaxFloat32),
		},
		{
			name: faultZero, description: "vectors of zeros",
		},
		{
			name:        faultNaN,
			description: "vectors of NaN; JSON has none, so answers in float fail with 500 (error) or carry null (null)",
			value:       "error or null", byDefault: nanError, check: oneOf(nanError, nanNull),
		},
	}
}

func number(lowest, highest float64) func(string) error {
	return func(value string) error {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || !(n >= lowest && n <= highest) {
			return fmt.Errorf("a number from %g to %g", lowest, highest)
		}
		return nil
	}
}

func integer(lowest, highest int) func(string) error {
	return func(value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < lowest || n > highest {
			return fmt.Errorf("a whole number from %d to %d", lowest, highest)
		}
		return nil
	}
}

func oneOf(words ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("%s", strings.Join(words, " or "))
		}
		return nil
	}
}
