package embeddingcanaryreceiver

import (
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// maxErrorTypes bounds the error types of a replica that are counted by their names: servers choose them.
const maxErrorTypes = 20

// errorOther stands for error types beyond maxErrorTypes.
const errorOther = "other"

// tally is what metrics tell of a replica.
type tally struct {
	since         time.Time
	latest        embedding.CanaryResult
	complete      embedding.CanaryResult // the latest that was complete
	calls, tokens int64
	rounds        map[embedding.CanaryOutcome]int64
	errors        map[string]int64
	emitted       time.Time
}

// add adds a round.
func (t *tally) add(now *round, result *embedding.CanaryResult) {
	t.latest = *result
	if result.Outcome == embedding.CanaryComplete {
		t.complete = *result
	}
	t.rounds[result.Outcome]++
	t.calls += now.calls
	t.tokens += now.tokens
	for name, n := range now.errors {
		if _, ok := t.errors[name]; !ok && len(t.errors) >= maxErrorTypes {
			name = errorOther
		}
		t.errors[name] += n
	}
}

// ok is whether the latest round was complete and found nothing wrong.
func (t *tally) ok() bool {
	return t.latest.Outcome == embedding.CanaryComplete && !t.latest.Verdict.Alarming()
}
