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
	faultTruncation   = "truncation"
	faultLatency      = "latency"
	faultErrors       = "errors"
	faultPrefix       = "prefix"
	faultConstant     = "constant"
	faultModelSwap    = "model_swap"
	faultStale        = "stale"
	faultAlternating  = "alternating"
	faultPooling      = "pooling"
	faultEOS          = "eos"
	faultBatch        = "batch"
	faultCache        = "cache"
	faultRounding     = "rounding"
	faultDimension    = "dimension"
	faultMatryoshka   = "matryoshka"
	faultUnnormalised = "unnormalised"
	faultZero         = "zero"
	faultNaN          = "nan"
	faultOrder        = "order"
	faultEncoding     = "encoding"
	faultMissing      = "missing"
)

// Values of the fault nan.
const (
	nanError = "error" // as vLLM does
	nanNull  = "null"  // as llama.cpp does
)

// Values of the fault alternating: what the other replica is.
const (
	replicaRounding = "rounding" // the same model at 4 bits
	replicaModel    = "model"
)

// Values of the fault rounding: formats of weights and activations.
const (
	formatFP16 = "fp16"
	formatBF16 = "bf16"
	formatQ8   = "q8"
	formatFP8  = "fp8"
	formatQ4   = "q4"
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

	// remembers is set for a fault that has to know which texts were asked while it is on.
	remembers bool
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
			value: "HTTP status, with a colon and seconds for Retry-After", byDefault: "500", check: checkStatus,
		},
		{
			name: faultPrefix, description: "inputs are embedded without the instruction that they begin with",
		},
		{
			name: faultConstant, description: "the same vector whatever the text",
		},
		{
			name: faultModelSwap, description: "vectors of another model with the same name and dimension",
		},
		{
			name:        faultStale,
			description: "vectors of another model, but texts that were asked before the fault was on keep their old ones",
		},
		{
			name: faultAlternating, description: "every second request is answered by another build of the model",
			value: "rounding or model", byDefault: replicaRounding, check: oneOf(replicaRounding, replicaModel),
		},
		{
			name: faultPooling, description: "vectors pooled in another way than the model's",
		},
		{
			name: faultEOS, description: "vectors of texts without the token that ends them",
		},
		{
			name: faultBatch, description: "wrong vectors in requests that have two inputs of as many tokens",
		},
		{
			name: faultCache, description: "wrong vectors of texts that were asked since the fault was on",
			remembers: true,
		},
		{
			name: faultRounding, description: "vectors of weights and activations with fewer bits",
			value: "fp16, bf16, q8, fp8 or q4", byDefault: formatQ4,
			check: oneOf(formatFP16, formatBF16, formatQ8, formatFP8, formatQ4),
		},
		{
			name: faultDimension, description: "vectors of another dimension than the model's or the one asked for",
			value: "dimension", byDefault: "2048", check: integer(1, maxDimension),
		},
		{
			name: faultMatryoshka, description: "vectors cut to the dimensions asked for keep their cut length",
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
		{
			name: faultOrder, description: "each vector stands in the place of the input before it",
		},
		{
			name: faultEncoding, description: "elements come in reverse where base64 was asked for",
		},
		{
			name: faultMissing, description: "the answer lacks the vector of the last input",
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
			last := len(words) - 1
			return fmt.Errorf("%s or %s", strings.Join(words[:last], ", "), words[last])
		}
		return nil
	}
}

// checkStatus refuses what splitStatus cannot read.
func checkStatus(value string) error {
	status, seconds, hasSeconds := strings.Cut(value, ":")
	if err := integer(400, 599)(status); err != nil {
		return err
	}
	if !hasSeconds {
		return nil
	}
	if err := integer(0, int(maxLatency.Seconds()))(seconds); err != nil {
		return fmt.Errorf("behind the colon %w", err)
	}
	return nil
}

// splitStatus splits a value of the fault errors, such as 503 or 503:1, into the status and the header Retry-After.
func splitStatus(value string) (status int, retryAfter string) {
	word, retryAfter, _ := strings.Cut(value, ":")
	status, _ = strconv.Atoi(word) // checkStatus saw to it
	return status, retryAfter
}
