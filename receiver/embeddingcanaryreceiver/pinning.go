package embeddingcanaryreceiver

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// checkReplica is the check that is added to a round of one of several replicas before there are pins to tell which of them is right:
// the median cosine of its vectors to those of the replica that is nearest.
const checkReplica = "replica_cosine_median"

// pinning is the pins of a target, which all of its replicas learn together and are judged by.
type pinning struct {
	of     pinsOf
	plan   *canary.Plan
	suite  string // digest of the texts
	rounds int
	store  *store // nil where pins are not kept
	logger *zap.Logger

	mu      sync.Mutex
	pins    *canary.Pins // nil while they are learned
	unsaved bool
	lost    int64
	pupils  map[string]*pupil // by replica, until there are pins
}

// pupil is what is learned of one replica.
type pupil struct {
	learner *canary.Learner
	// latest is of the latest round, nil if that was not complete.
	latest *canary.Measurement
	// failing is whether the latest measurement shows that nothing can be learned of the replica.
	failing bool
	// learned are the pins that the replica would have by itself, nil before they are known.
	learned *canary.Pins
}

// readPins takes the pins from a file.
func (p *pinning) readPins(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	pins, err := canary.Decode(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := pins.Fits(p.plan); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	p.pins, p.store = pins, nil
	p.logger.Info("Pins are of a file", zap.String("file", path), zap.String("pins", pins.Digest()), zap.Time("pinned", pins.Created))
	return nil
}

// restore takes the pins from the storage. Whatever the storage has, the log says what that means.
func (p *pinning) restore(ctx context.Context) error {
	f, err := p.store.load(ctx, p.of, p.suite)
	if err != nil {
		return err
	}
	var pins *canary.Pins
	if f.data != nil {
		if pins, err = canary.Decode(f.data); err == nil {
			err = pins.Fits(p.plan)
		}
		if err != nil {
			f.finding, f.err = f.unusable(), err
		}
	}
	fields := []zap.Field{zap.String("suite", p.suite), zap.Int("generation", p.store.generation)}
	if f.finding != foundNothing {
		fields = append(fields, zap.String("found", string(f.finding)), zap.String("pins", f.record.Digest),
			zap.Time("pinned", f.record.Pinned), zap.String("pinned_suite", f.record.Suite),
			zap.Int("pinned_generation", f.record.Generation), zap.Error(f.err))
	}
	switch {
	case f.finding == foundPins:
		p.pins = pins
		p.logger.Info("Pins are restored", fields...)
	case f.finding == foundOtherTexts && err == nil:
		p.pins = pins
		p.logger.Warn("Pins are restored that were made with another suite; texts that are not among them are not compared until the "+
			"generation is raised", fields...)
	case f.finding == foundNothing:
		p.logger.Info("Nothing was found in the storage; pins are learned from scratch", fields...)
	case f.finding == foundRaised:
		p.logger.Warn("The generation was raised; pins are learned anew", fields...)
	default:
		p.lost++
		p.logger.Error("The storage had pins that cannot be used; they are learned anew, and what has changed since they were made goes "+
			"unnoticed", fields...)
	}
	return nil
}

// judge judges a complete round of a replica, and learns from it where there are no pins. It returns the pins that there are.
func (p *pinning) judge(ctx context.Context, replica string, m *canary.Measurement) (canary.Verdict, *canary.Pins) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pins != nil {
		p.save(ctx)
		return canary.Judge(m, p.pins), p.pins
	}
	u := p.pupil(replica)
	u.latest = m
	verdict := p.learn(u, m)
	u.failing = verdict.Verdict.Alarming()
	differ := p.differences()
	if d, ok := differ[replica]; ok {
		verdict.Checks = append(slices.Clone(verdict.Checks), embedding.CanaryCheck{Name: checkReplica, Value: d.Cosine})
		slices.SortFunc(verdict.Checks, func(a, b embedding.CanaryCheck) int { return strings.Compare(a.Name, b.Name) })
		if d.Differs && verdict.Verdict != embedding.CanaryBroken {
			verdict.Verdict, verdict.Reasons = embedding.CanaryUnstable, append([]string{checkReplica}, verdict.Reasons...)
		}
	}
	p.settle(ctx, differ)
	return verdict, p.pins
}

func (p *pinning) pupil(replica string) *pupil {
	u, ok := p.pupils[replica]
	if !ok {
		u = &pupil{learner: canary.NewLearner(p.plan, p.rounds)}
		p.pupils[replica] = u
	}
	return u
}

// learn learns from a round of one replica.
func (p *pinning) learn(u *pupil, m *canary.Measurement) (v canary.Verdict) {
	if u.learned == nil {
		v, u.learned = u.learner.Add(m)
		return v
	}
	// The others are waited for.
	v = canary.Judge(m, u.learned)
	if v.Verdict.Alarming() {
		u.learner, u.learned = canary.NewLearner(p.plan, p.rounds), nil
		return v
	}
	v.Verdict = embedding.CanaryLearning
	return v
}

// differences compares what the replicas answered latest, by replica. It is empty for a single one.
func (p *pinning) differences() map[string]canary.ReplicaDifference {
	latest := make(map[string]*canary.Measurement)
	for replica, u := range p.pupils {
		if u.latest != nil {
			latest[replica] = u.latest
		}
	}
	differ := make(map[string]canary.ReplicaDifference, len(latest))
	if len(latest) > 1 {
		for _, d := range canary.CompareReplicas(latest) {
			differ[d.Replica] = d
		}
	}
	return differ
}

// settle makes pins as soon as every replica that answers has learned what it can. They are those of the replicas that agree: one
// that differs is judged by them.
func (p *pinning) settle(ctx context.Context, differ map[string]canary.ReplicaDifference) {
	learned, agreeing := 0, ""
	for _, replica := range slices.Sorted(maps.Keys(p.pupils)) {
		u := p.pupils[replica]
		if u.latest == nil || u.failing && u.learned == nil {
			continue // it does not answer, or answers nonsense
		}
		if u.learned == nil && !differ[replica].Differs {
			return
		}
		if u.learned == nil {
			continue
		}
		learned++
		if !differ[replica].Differs && agreeing == "" {
			agreeing = replica
		}
	}
	switch {
	case learned == 0:
		return
	case agreeing == "":
		// Nobody can tell which of them is right.
		for _, u := range p.pupils {
			u.learner, u.learned = canary.NewLearner(p.plan, p.rounds), nil
		}
		return
	}
	pins := p.pupils[agreeing].learned
	pins.Origin = canary.Origin{Name: p.of.target, Model: p.of.model, Created: time.Now().UTC().Truncate(time.Second)}
	p.pins, p.pupils, p.unsaved = pins, map[string]*pupil{}, true
	p.logger.Info("Pins are learned; from now on vectors are compared with them", zap.String("pins", pins.Digest()),
		zap.String("suite", p.suite), zap.String("replica", agreeing))
	p.save(ctx)
}

// incomplete notes that a replica did not answer a round, so that it is not waited for.
func (p *pinning) incomplete(replica string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u, ok := p.pupils[replica]; ok {
		u.latest = nil
	}
}

// forget drops what was learned of a replica.
func (p *pinning) forget(replica string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pupils, replica)
}

// save keeps pins that are not kept yet. A failure is tried again after the next round.
func (p *pinning) save(ctx context.Context) {
	if p.store == nil || !p.unsaved {
		return
	}
	data, err := p.pins.Encode()
	if err == nil {
		// What took so many rounds is not lost to a shutdown that comes just now.
		err = p.store.save(context.WithoutCancel(ctx), p.of, pinRecord{Suite: p.suite, Digest: p.pins.Digest(), Pinned: p.pins.Created}, data)
	}
	if err != nil {
		p.logger.Error("Pins could not be saved; that is tried again after the next round", zap.Error(err))
		return
	}
	p.unsaved = false
}

// state returns the pins and how many were lost.
func (p *pinning) state() (pins *canary.Pins, lost int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pins, p.lost
}
