package embeddingqualityprocessor

import (
	"cmp"
	"maps"
	"sync"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// maxCanaries bounds how many replicas of a model are remembered to have been probed.
const maxCanaries = 256

// canaries holds what a canary found last at each replica of each model. Traffic alone can not tell a changed model from changed
// users; known texts can. It is safe for concurrent use.
type canaries struct {
	maxAge time.Duration

	mu     sync.Mutex
	models *lru[string, map[string]canaryRound]
}

// canaryRound is a complete round at one replica.
type canaryRound struct {
	verdict    embedding.CanaryVerdict
	start, end time.Time
}

func newCanaries(models int, maxAge time.Duration) *canaries {
	return &canaries{maxAge: maxAge, models: newLRU[string, map[string]canaryRound](models)}
}

// add takes over a result. One without a verdict says nothing on vectors and leaves what was known.
func (c *canaries) add(r *embedding.CanaryResult) {
	if r.Verdict == "" || r.Verdict == embedding.CanaryLearning {
		return
	}
	name := replica(r.ServerAddress, r.ServerPort)
	model := bounded(cmp.Or(r.Model, r.ResponseModel)) // as of an event
	c.mu.Lock()
	defer c.mu.Unlock()
	rounds, _ := c.models.get(model, func() map[string]canaryRound { return make(map[string]canaryRound) })
	if r.End.Before(rounds[name].end) {
		return // by another way, later
	}
	maps.DeleteFunc(rounds, func(_ string, known canaryRound) bool { return r.End.Sub(known.end) > c.maxAge })
	if len(rounds) < maxCanaries {
		rounds[name] = canaryRound{r.Verdict, r.End.Add(-r.Duration), r.End}
	}
}

// canaryOpinion is what canaries say on a replica.
type canaryOpinion struct {
	canaryRound // without verdict if they say nothing
	// alone is whether canaries found the vectors of all other replicas to be the same as ever.
	alone bool
}

// on returns what is known at a time of a replica of a model: from the round at that replica or, if there is none, as behind an
// address that stands for many, from those at all others if they agree.
func (c *canaries) on(model, replica string, now time.Time) canaryOpinion {
	c.mu.Lock()
	defer c.mu.Unlock()
	rounds, _ := c.models.peek(model)
	var own, others canaryRound
	agree := true
	for name, round := range rounds {
		switch {
		case now.Sub(round.end) > c.maxAge:
		case name == replica:
			own = round
		case others.verdict == "":
			others = round
		default:
			agree = agree && round.verdict == others.verdict
			if round.start.Before(others.start) {
				others.start = round.start // what all of them say, they say since
			}
		}
	}
	switch {
	case own.verdict != "":
		return canaryOpinion{own, agree && others.verdict == embedding.CanarySame}
	case !agree:
		return canaryOpinion{}
	}
	return canaryOpinion{canaryRound: others}
}

// onDrift returns the verdict where the statistics of traffic raise an alarm since a time, and take it for the given one. A round
// that began before the alarm may have been over before the change, and says nothing against it.
func (o canaryOpinion) onDrift(verdict embedding.Verdict, since time.Time) embedding.Verdict {
	switch {
	case o.verdict == embedding.CanaryNumericChange:
		return embedding.VerdictModelChanged
	case o.verdict == embedding.CanarySame && !o.start.Before(since):
		return embedding.VerdictTrafficShift
	}
	return verdict
}

// settle returns the verdict on a replica of which traffic says the given one.
func (o canaryOpinion) settle(verdict embedding.Verdict) embedding.Verdict {
	switch o.verdict {
	case embedding.CanaryBroken:
		return embedding.VerdictInvalidOutput
	case embedding.CanaryUnstable:
		if verdict != embedding.VerdictReplicaFault {
			return embedding.VerdictUnstableOutput
		}
	case embedding.CanaryOtherModel, embedding.CanaryQuantisation:
		switch {
		case verdict == embedding.VerdictReplicaFault, verdict == embedding.VerdictUnstableOutput:
		case o.alone:
			return embedding.VerdictReplicaFault
		default:
			return embedding.VerdictModelChanged
		}
	}
	return verdict
}
