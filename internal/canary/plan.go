package canary

import (
	"fmt"
	"slices"
	"strconv"
)

// Plan is what the rounds at one server are made of. It is never written to and safe for concurrent use.
type Plan struct {
	suite    string // its digest
	settings Settings
	entries  []entry
	// core is what every round has, and last the calls of it that come at the end of a round.
	core, last []planned
	// blocks are what takes turns where the budget does not suffice for all.
	blocks []block

	// What entries stand for.
	pairs   []pairOf
	queries []queryOf
	bases   []int
	fresh   []int // of each base
	bare    []int
	rungs   []rung
}

// planned is a call with the entries that its texts are.
type planned struct {
	check      string
	entries    []int
	dimensions int
	encoding   string
	mayRefuse  bool
}

// block is calls that tell something only together.
type block struct {
	name  string
	calls []planned
}

type pairOf struct {
	a, b    int
	related bool
}

// queryOf is a query with the document that answers it.
type queryOf struct{ query, document int }

// rung is a long text and its number of tokens.
type rung struct{ entry, tokens int }

// Names of calls.
const (
	callProbe       = "probe"        // some plain texts
	callRepeat      = "repeat"       // the same call right behind the first
	callAlone       = "alone"        // some of the texts, one in a call
	callEqualAlone  = "equal_alone"  // a text of the next call, alone
	callEqual       = "equal_batch"  // texts of equal lengths
	callBase        = "base"         // what fresh texts are made of
	callFresh       = "fresh"        // texts that never were there before
	callFreshRepeat = "fresh_repeat" // the same call again
	callAgain       = "again"        // the texts of the first call in another order, at the end of the round
	callEncoding    = "encoding"
	callMatryoshka  = "matryoshka"
	callTexts       = "texts"
	callOdd         = "odd"
	callBlank       = "blank"
	callInstruction = "instruction"
	callPairs       = "pairs"
	callRetrieval   = "retrieval"
	callLong        = "long"
)

const (
	maxProbe = 12 // texts that are sent several times
	// maxProbeTokens keeps long texts out of the calls that are sent several times.
	maxProbeTokens = 100
	maxAlone       = 4
	maxBases       = 4
	textsOfBase    = 3
	equalTexts     = 4
	equalAlone     = 2
	maxInstruction = 8
	// leastRungs is how many long texts tell something.
	leastRungs = 2
	// maxRung is the length up to which texts are tried, in tokens.
	maxRung = 1 << 20
)

// NewPlan returns the plan of rounds that send the texts of a suite to a server. It refuses settings that can not be, a suite
// without two plain texts, and a budget that does not suffice for the least that a round has to send.
func NewPlan(suite *Suite, settings Settings) (*Plan, error) {
	if settings.MaxBatch == 0 {
		settings.MaxBatch = DefaultMaxBatch
	}
	if settings.TokenBudget == 0 {
		settings.TokenBudget = DefaultTokenBudget
	}
	if err := settings.check(); err != nil {
		return nil, err
	}
	p := &Plan{suite: suite.Digest(), settings: settings}
	for _, t := range suite.Texts {
		p.add(classOf(t.Kind), t.ID, t.Text)
	}
	probe, err := p.planCore()
	if err != nil {
		return nil, err
	}
	p.planVariants(probe)
	if err := p.planTexts(probe); err != nil {
		return nil, err
	}
	p.planInstruction(suite)
	p.planPairs(suite)
	p.planRetrieval(suite)
	p.planLong()
	return p, nil
}

func (s *Settings) check() error {
	for i, d := range s.Dimensions {
		if d < 1 {
			return fmt.Errorf("dimensions[%d]: found %d; want a length of vectors, e.g. 256", i, d)
		}
	}
	switch {
	case s.MaxTokens < 0:
		return fmt.Errorf("max_tokens: found %d; want a number of tokens, or 0 to find it out", s.MaxTokens)
	case s.MaxBatch < 0:
		return fmt.Errorf("max_batch: found %d; want 1 or more", s.MaxBatch)
	case s.TokenBudget < 0:
		return fmt.Errorf("budget: found %d tokens; want some, e.g. %d", s.TokenBudget, DefaultTokenBudget)
	}
	return nil
}

func classOf(kind string) class {
	switch kind {
	case KindOdd:
		return classOdd
	case KindBlank:
		return classBlank
	}
	return classPlain
}

// add adds an entry and returns its index.
func (p *Plan) add(c class, id, text string) int {
	p.entries = append(p.entries, newEntry(c, id, text))
	return len(p.entries) - 1
}

// of returns the entries of a class.
func (p *Plan) of(c class) []int {
	var is []int
	for i, e := range p.entries {
		if e.class == c {
			is = append(is, i)
		}
	}
	return is
}

// tokens is the estimate for a list of calls.
func (p *Plan) tokens(calls ...planned) int {
	sum := 0
	for _, c := range calls {
		for _, e := range c.entries {
			sum += p.entries[e].tokens
		}
	}
	return sum
}

// coreTokens is what every round takes.
func (p *Plan) coreTokens() int { return p.tokens(p.core...) + p.tokens(p.last...) }

// left is what a block may take at most.
func (p *Plan) left() int { return p.settings.TokenBudget - p.coreTokens() }

// planCore plans what every round has: the calls that show whether the same text always gets the same vector. It takes as many texts as
// leave half of the budget, and returns them.
func (p *Plan) planCore() ([]int, error) {
	all := p.of(classPlain)
	slices.SortStableFunc(all, func(a, b int) int { return p.probeRank(a) - p.probeRank(b) })
	short := all[:max(min(2, len(all)), countFunc(all, func(e int) bool { return p.probeRank(e) == 0 }))]
	if len(short) < 2 {
		return nil, fmt.Errorf("suite: found %d plain texts; want 2 or more", len(short))
	}
	own := len(p.entries)
	for n := min(maxProbe, len(short)); ; n = max(2, n/2) {
		p.entries, p.core, p.last = p.entries[:own], nil, nil
		probe := make([]int, n)
		for i := range probe {
			probe[i] = short[i*len(short)/n] // over the whole list, as texts of one language stand together
		}
		p.planRepeats(probe)
		p.planFresh(probe)
		p.planEqual()
		switch cost := p.coreTokens(); {
		case 2*cost <= p.settings.TokenBudget:
			return probe, nil
		case n == 2:
			return nil, fmt.Errorf("budget: found %d tokens; want at least %d for the shortest texts of the suite, each of which is sent "+
				"several times", p.settings.TokenBudget, 2*cost)
		}
	}
}

// probeRank is 0 for texts that are short enough to be sent several times, and else their number of tokens.
func (p *Plan) probeRank(e int) int {
	if p.entries[e].tokens <= maxProbeTokens {
		return 0
	}
	return p.entries[e].tokens
}

func countFunc(is []int, f func(int) bool) int {
	n := 0
	for _, i := range is {
		if f(i) {
			n++
		}
	}
	return n
}

// planRepeats sends texts twice in a row, some of them alone, and all of them at the end of the round in another order: those with
// even indices first.
func (p *Plan) planRepeats(probe []int) {
	for part := range slices.Chunk(probe, p.settings.MaxBatch) {
		p.core = append(p.core, planned{check: callProbe, entries: part}, planned{check: callRepeat, entries: part})
	}
	for i := range min(maxAlone, len(probe)) {
		p.core = append(p.core, planned{check: callAlone, entries: []int{probe[i*len(probe)/min(maxAlone, len(probe))]}})
	}
	var order []int
	for _, odd := range []int{0, 1} {
		for i := odd; i < len(probe); i += 2 {
			order = append(order, probe[i])
		}
	}
	p.last = p.split(callAgain, order)
}

// planFresh sends texts that no server has seen before, twice, and what they are made of.
func (p *Plan) planFresh(probe []int) {
	p.bases, p.fresh = nil, nil
	for i := range min(maxBases, len(probe)) {
		text := ""
		for j := range min(textsOfBase, len(probe)) {
			if j > 0 {
				text += " "
			}
			text += p.entries[probe[(textsOfBase*i+j)%len(probe)]].text
		}
		id := "base-" + strconv.Itoa(i+1)
		if i > 0 && slices.ContainsFunc(p.bases, func(b int) bool { return p.entries[b].text == text }) {
			break // there are too few texts for another one
		}
		p.bases = append(p.bases, p.add(classBase, id, text))
		// The numbers of another round have as many digits.
		p.fresh = append(p.fresh, p.add(classFresh, "fresh-"+strconv.Itoa(i+1), freshText(0, 0, text)))
	}
	p.core = append(p.core, p.split(callBase, p.bases)...)
	for part := range slices.Chunk(p.fresh, p.settings.MaxBatch) {
		p.core = append(p.core, planned{check: callFresh, entries: part}, planned{check: callFreshRepeat, entries: part})
	}
}

// planEqual sends texts of equal lengths in one call, and some of them alone.
func (p *Plan) planEqual() {
	if p.settings.MaxBatch < 2 {
		return
	}
	var all []int
	for i, text := range equalLengths(equalTexts) {
		all = append(all, p.add(classEqual, "equal-"+strconv.Itoa(i+1), text))
	}
	batch := all[:min(equalTexts, p.settings.MaxBatch)]
	for _, e := range batch[:equalAlone] {
		p.core = append(p.core, planned{check: callEqualAlone, entries: []int{e}})
	}
	p.core = append(p.core, planned{check: callEqual, entries: batch})
}

// split makes calls of up to MaxBatch entries.
func (p *Plan) split(check string, entries []int) []planned {
	var calls []planned
	for part := range slices.Chunk(entries, p.settings.MaxBatch) {
		calls = append(calls, planned{check: check, entries: part})
	}
	return calls
}

// planVariants asks for the texts of the first call in other encodings and dimensions, each twice: a server that takes turns with
// another model may have the other one answer here, once.
func (p *Plan) planVariants(probe []int) {
	variant := func(check, encoding string, dimensions int) {
		var calls []planned
		for part := range slices.Chunk(probe, p.settings.MaxBatch) {
			c := planned{check: check, entries: part, encoding: encoding, dimensions: dimensions, mayRefuse: true}
			calls = append(calls, c, c)
		}
		p.addBlock(check, calls)
	}
	for i, encoding := range p.settings.Encodings {
		if i > 0 {
			variant(callEncoding, encoding, 0)
		}
	}
	for _, dimensions := range p.settings.Dimensions {
		variant(callMatryoshka, "", dimensions)
	}
}

// planTexts sends all other texts of the suite. Neighbours in the suite go into different calls, so that what is special about some
// of them, as their language, does not look like something special about a call.
func (p *Plan) planTexts(probe []int) error {
	for _, kind := range []struct {
		check string
		class class
	}{{callTexts, classPlain}, {callOdd, classOdd}, {callBlank, classBlank}} {
		all := slices.DeleteFunc(p.of(kind.class), func(e int) bool { return slices.Contains(probe, e) })
		most := 0
		for _, e := range all {
			most = max(most, p.entries[e].tokens)
			if p.entries[e].tokens > p.left() {
				return fmt.Errorf("budget: found %d tokens; want at least %d for text %q", p.settings.TokenBudget,
					p.settings.TokenBudget-p.left()+p.entries[e].tokens, p.entries[e].id)
			}
		}
		if len(all) == 0 {
			continue
		}
		// A call that takes more than a quarter of the budget would make the others wait.
		size := max(1, min(p.settings.MaxBatch, p.left()/4/most))
		if kind.class == classBlank {
			size = 1 // that one is refused says nothing of the next
		}
		n := (len(all) + size - 1) / size
		for first := range n {
			c := planned{check: kind.check, mayRefuse: kind.class == classBlank}
			for i := first; i < len(all); i += n {
				c.entries = append(c.entries, all[i])
			}
			p.blocks = append(p.blocks, block{kind.check, []planned{c}})
		}
	}
	return nil
}

// planInstruction sends some queries with the instruction and without it.
func (p *Plan) planInstruction(suite *Suite) {
	if p.settings.QueryInstruction == "" {
		return
	}
	var instruct []int
	n := min(maxInstruction, len(suite.Queries))
	for i := range n {
		q := suite.Queries[i*len(suite.Queries)/n]
		p.bare = append(p.bare, p.add(classBare, q.ID+"-bare", q.Query))
		instruct = append(instruct, p.add(classInstruct, q.ID, p.settings.QueryInstruction+q.Query))
	}
	p.addBlock(callInstruction, p.split(callInstruction, slices.Concat(p.bare, instruct)))
}

// addBlock adds a block if it can ever fit.
func (p *Plan) addBlock(name string, calls []planned) bool {
	if len(calls) == 0 || p.tokens(calls...) > p.left() {
		return false
	}
	p.blocks = append(p.blocks, block{name, calls})
	return true
}

// planPairs sends as many pairs as fit.
func (p *Plan) planPairs(suite *Suite) {
	entries := make(map[string]int)
	var all []int
	cost := 0
	for _, pair := range suite.Pairs {
		before, more := len(p.entries), cost
		at := func(name, text string) int {
			e, ok := entries[text]
			if !ok {
				e = p.add(classPair, pair.ID+name, text)
				more += p.entries[e].tokens
			}
			return e
		}
		a := at("-a", pair.A)
		entries[pair.A] = a
		b := at("-b", pair.B)
		entries[pair.B] = b
		if more > p.left() {
			p.entries = p.entries[:before]
			break
		}
		for e := before; e < len(p.entries); e++ {
			all = append(all, e)
		}
		cost = more
		p.pairs = append(p.pairs, pairOf{a, b, pair.Related})
	}
	p.addBlock(callPairs, p.split(callPairs, all))
}

// planRetrieval sends as many queries as fit with their documents.
func (p *Plan) planRetrieval(suite *Suite) {
	entries := make(map[string]int)
	var all []int
	cost := 0
	for _, q := range suite.Queries {
		before, more := len(p.entries), cost
		query := p.add(classQuery, q.ID+"-query", p.settings.QueryInstruction+q.Query)
		document := -1
		for i, text := range append([]string{q.Document}, q.Negatives...) {
			e, ok := entries[text]
			if !ok {
				e = p.add(classDocument, q.ID+"-document-"+strconv.Itoa(i+1), p.settings.DocumentInstruction+text)
				entries[text] = e
			}
			if i == 0 {
				document = e
			}
		}
		for e := before; e < len(p.entries); e++ {
			more += p.entries[e].tokens
		}
		if more > p.left() {
			p.entries = p.entries[:before]
			break
		}
		for e := before; e < len(p.entries); e++ {
			all = append(all, e)
		}
		cost = more
		p.queries = append(p.queries, queryOf{query, document})
	}
	p.addBlock(callRetrieval, p.split(callRetrieval, all))
}

// planLong sends texts of doubling lengths, one in a call. With all else in the round, they take what is left of the budget; where
// that is next to nothing, half of it when it is their turn.
func (p *Plan) planLong() {
	room := p.left()
	for _, b := range p.blocks {
		room -= p.tokens(b.calls...)
	}
	if room < 1024 {
		room = max(room, p.left()/2)
	}
	for _, n := range p.lengths(room) {
		e := newEntry(classLong, "long-"+strconv.Itoa(n), longText(n))
		e.tokens = n + sentenceTokens // each word is a token
		p.entries = append(p.entries, e)
		p.rungs = append(p.rungs, rung{len(p.entries) - 1, n})
	}
	var calls []planned
	for _, r := range p.rungs {
		calls = append(calls, planned{check: callLong, entries: []int{r.entry}, mayRefuse: true})
	}
	p.addBlock(callLong, calls)
}

// lengths returns the lengths of long texts that are room tokens together: doubled each time, and where it is known how many the server
// reads, closing with two that it has to tell apart: four fifths of that, and nearly all of it.
func (p *Plan) lengths(room int) []int {
	var all []int
	cost := 0
	fits := func(n int) bool {
		if cost+n+sentenceTokens > room {
			return false
		}
		all, cost = append(all, n), cost+n+sentenceTokens
		return true
	}
	longest := maxRung
	if most := p.settings.MaxTokens; most > 0 {
		longest = most*4/5 - 1
	}
	complete := true
	for n := firstRung; n <= longest && complete; n *= 2 {
		complete = fits(n)
	}
	if most := p.settings.MaxTokens; most > 0 && complete {
		if fits(most * 4 / 5) {
			fits(most * 19 / 20)
		}
	}
	if len(all) < leastRungs {
		return nil
	}
	return all
}

// Round returns round n, from 1. Texts that are new in each round depend on n and Settings.Salt. What does not fit into the budget
// takes turns with n.
func (p *Plan) Round(n int64) *Round {
	r := &Round{plan: p, number: n}
	chosen, skipped := p.choose(n)
	r.chosen, r.skipped = chosen, skipped
	r.planned = slices.Clone(p.core)
	for _, b := range chosen {
		r.planned = append(r.planned, p.blocks[b].calls...)
	}
	r.planned = append(r.planned, p.last...)
	first := ""
	if len(p.settings.Encodings) > 0 {
		first = p.settings.Encodings[0]
	}
	for _, c := range r.planned {
		call := Call{Dimensions: c.dimensions, Encoding: first, Tokens: p.tokens(c), Check: c.check, MayRefuse: c.mayRefuse}
		if c.encoding != "" {
			call.Encoding = c.encoding
		}
		for _, e := range c.entries {
			call.Texts = append(call.Texts, p.text(e, n))
		}
		r.calls = append(r.calls, call)
	}
	r.answers = make([]Answer, len(r.calls))
	return r
}

// text returns the text of an entry in a round.
func (p *Plan) text(e int, round int64) string {
	if i := slices.Index(p.fresh, e); i >= 0 {
		return freshText(p.settings.Salt, round, p.entries[p.bases[i]].text)
	}
	return p.entries[e].text
}

// choose returns the blocks of a round, in their order, and the names of those that it leaves out. The one that is asked first is
// another one each round, so that each has its turn.
func (p *Plan) choose(n int64) (chosen []int, skipped []string) {
	left := p.left()
	count := int64(len(p.blocks))
	for i := range count {
		b := ((n-1+i)%count + count) % count
		cost := p.tokens(p.blocks[b].calls...)
		if cost > left {
			skipped = append(skipped, p.blocks[b].name)
			continue
		}
		left -= cost
		chosen = append(chosen, int(b))
	}
	slices.Sort(chosen)
	slices.Sort(skipped)
	return chosen, slices.Compact(skipped)
}
