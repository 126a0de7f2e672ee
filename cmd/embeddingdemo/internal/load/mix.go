package load

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Shares of the forms in which input is sent; the rest are single strings.
const (
	listShare       = 0.40
	tokenShare      = 0.05
	tokenListsShare = 0.05
)

// base64Share is the share of base64 answers in the encoding mix: the official OpenAI clients ask for it, most other
// clients do not.
const base64Share = 0.5

// maxTokenID bounds made-up token ids; it is below the vocabulary of every model in use.
const maxTokenID = 30_000

// noTask is the task type of requests that name none.
const noTask = "general"

// A TaskShare is a task type and its weight among the requests.
type TaskShare struct {
	Task   string
	Weight float64
}

// ParseTaskTypes reads a mix such as query=0.4,document=0.6. The weights need not sum to 1. Requests of the task
// general name no task.
func ParseTaskTypes(s string) ([]TaskShare, error) {
	var mix []TaskShare
	for part := range strings.SplitSeq(s, ",") {
		task, number, found := strings.Cut(strings.TrimSpace(part), "=")
		weight := 1.0
		if found {
			var err error
			if weight, err = strconv.ParseFloat(number, 64); err != nil || !(weight > 0) || math.IsInf(weight, 0) {
				return nil, fmt.Errorf("%q: want a weight above 0, e.g. query=0.4,document=0.6", part)
			}
		}
		if task == "" {
			return nil, fmt.Errorf("%q: want task=weight, e.g. query=0.4,document=0.6", s)
		}
		mix = append(mix, TaskShare{Task: task, Weight: weight})
	}
	return mix, nil
}

// A call is one request to be sent.
type call struct {
	id          string // X-Request-Id
	traceparent string
	task        string
	inputs      int
	body        []byte
}

// call makes the nth request. It depends on the seed and n alone, so that runs repeat whatever their timing.
func (l *Load) call(n int64) (call, error) {
	rng := rand.New(rand.NewPCG(l.config.Seed, uint64(n)))
	c := call{
		id: fmt.Sprintf("%016x%016x", rng.Uint64(), rng.Uint64()),
		// W3C Trace Context: version 00, trace id, span id (neither may be zero), sampled.
		traceparent: fmt.Sprintf("00-%016x%016x-%016x-01", rng.Uint64(), rng.Uint64()|1, rng.Uint64()|1),
		task:        pickTask(rng, l.config.TaskTypes),
	}
	fields := map[string]any{"model": l.config.Model}
	fields["input"], c.inputs = l.input(rng)
	if c.task != noTask {
		fields[l.config.TaskField] = c.task
	}
	switch l.config.Encoding {
	case EncodingMix:
		if rng.Float64() < base64Share {
			fields["encoding_format"] = EncodingBase64
		}
	default:
		fields["encoding_format"] = l.config.Encoding
	}
	var err error
	c.body, err = json.Marshal(fields)
	return c, err
}

// input returns the field input in one of its four forms, and how many texts it has.
func (l *Load) input(rng *rand.Rand) (any, int) {
	form := rng.Float64()
	switch {
	case form < listShare:
		list := make([]string, l.batch(rng))
		for i := range list {
			list[i] = l.texts.Text(rng)
		}
		return list, len(list)
	case form < listShare+tokenShare:
		return l.tokenIDs(rng), 1
	case form < listShare+tokenShare+tokenListsShare:
		lists := make([][]int, l.batch(rng))
		for i := range lists {
			lists[i] = l.tokenIDs(rng)
		}
		return lists, len(lists)
	default:
		return l.texts.Text(rng), 1
	}
}

// batch returns a batch size from 1 to the maximum; small ones are more frequent (log-uniform).
func (l *Load) batch(rng *rand.Rand) int {
	return min(int(math.Exp(rng.Float64()*math.Log(float64(l.config.MaxBatch+1)))), l.config.MaxBatch)
}

func (l *Load) tokenIDs(rng *rand.Rand) []int {
	ids := make([]int, l.texts.Length(rng))
	for i := range ids {
		ids[i] = rng.IntN(maxTokenID)
	}
	return ids
}

func pickTask(rng *rand.Rand, mix []TaskShare) string {
	total := 0.0
	for _, t := range mix {
		total += t.Weight
	}
	x := rng.Float64() * total
	for _, t := range mix {
		if x -= t.Weight; x < 0 {
			return t.Task
		}
	}
	return mix[len(mix)-1].Task
}
