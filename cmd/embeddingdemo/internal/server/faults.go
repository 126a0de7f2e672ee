package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// FaultNames returns the names of all faults.
func FaultNames() []string {
	var names []string
	for _, kind := range faultKinds() {
		names = append(names, kind.name)
	}
	slices.Sort(names)
	return names
}

// A Setting switches a fault on.
type Setting struct {
	// Share is the share of requests that are hit, above 0 and at most 1.
	Share float64

	// Value is the fault's own value; empty for its default.
	Value string

	// Count ends the fault after so many hits; 0 for no end.
	Count int64
}

// Faults are the faults of one server. It is safe for concurrent use.
type Faults struct {
	seed uint64

	mu     sync.Mutex
	faults []fault
}

// A fault is a kind and its present state.
type fault struct {
	faultKind
	Setting

	active bool

	// seen and hits count requests since the fault was switched on.
	seen, hits int64

	// texts are those asked since then; nil where the fault need not know.
	texts *memory
}

// NewFaults returns faults that are all off. The seed decides which requests a share below 1 hits.
func NewFaults(seed uint64) *Faults {
	f := &Faults{seed: seed}
	for _, kind := range faultKinds() {
		f.faults = append(f.faults, fault{faultKind: kind})
	}
	return f
}

// UnknownFaultError is a name that no fault has.
type UnknownFaultError struct{ Name string }

func (e *UnknownFaultError) Error() string {
	return fmt.Sprintf("unknown fault %q; want one of %s", e.Name, strings.Join(FaultNames(), ", "))
}

// Set switches a fault on, or changes it, and starts its counts anew.
func (f *Faults) Set(name string, s Setting) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.find(name)
	if x == nil {
		return &UnknownFaultError{Name: name}
	}
	if !(s.Share > 0 && s.Share <= 1) {
		return fmt.Errorf("%s: share is %v; want more than 0 and at most 1", name, s.Share)
	}
	if s.Count < 0 {
		return fmt.Errorf("%s: count is %d; want 0 (no end) or more", name, s.Count)
	}
	switch {
	case s.Value == "":
		s.Value = x.byDefault
	case x.check == nil:
		return fmt.Errorf("%s: value is %q; this fault takes none", name, s.Value)
	default:
		if err := x.check(s.Value); err != nil {
			return fmt.Errorf("%s: value is %q; want %w", name, s.Value, err)
		}
	}
	*x = fault{faultKind: x.faultKind, Setting: s, active: true}
	if x.remembers {
		x.texts = newMemory()
	}
	return nil
}

// Parse sets a fault as a command line gives it: name=share, name=share,value or name=share,value,count.
func (f *Faults) Parse(arg string) error {
	name, rest, _ := strings.Cut(arg, "=")
	parts := strings.Split(rest, ",")
	if len(parts) > 3 {
		return fmt.Errorf("%q: want name=share[,value[,count]]", arg)
	}
	s := Setting{}
	var err error
	if s.Share, err = strconv.ParseFloat(parts[0], 64); err != nil {
		return fmt.Errorf("%q: share is %q; want name=share[,value[,count]] with a share such as 0.1", arg, parts[0])
	}
	if len(parts) > 1 {
		s.Value = parts[1]
	}
	if len(parts) > 2 {
		if s.Count, err = strconv.ParseInt(parts[2], 10, 64); err != nil {
			return fmt.Errorf("%q: count is %q; want a whole number", arg, parts[2])
		}
	}
	return f.Set(name, s)
}

// Clear switches a fault off.
func (f *Faults) Clear(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.find(name)
	if x == nil {
		return &UnknownFaultError{Name: name}
	}
	*x = fault{faultKind: x.faultKind}
	return nil
}

// ClearAll switches all faults off.
func (f *Faults) ClearAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.faults {
		f.faults[i] = fault{faultKind: f.faults[i].faultKind}
	}
}

// on tells whether the fault may hit. It spares the work of finding out whether a request concerns the fault.
func (f *Faults) on(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.find(name).active
}

// texts returns the memory of a fault that has one and is on, else nil.
func (f *Faults) texts(name string) *memory {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.find(name).texts
}

// hit tells whether the fault takes the present request, and the value it has for it.
func (f *Faults) hit(name string) (string, bool) {
	value, turn := f.hitTurn(name)
	return value, turn > 0
}

// hitTurn is hit for faults that differ from one hit to the next: it returns which hit this is, from 1, and 0 for none.
func (f *Faults) hitTurn(name string) (value string, turn int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.find(name)
	if !x.active {
		return "", 0
	}
	x.seen++
	if x.Share < 1 && uniform(f.seed, name, x.seen) >= x.Share {
		return "", 0
	}
	x.hits++
	if x.hits == x.Count {
		x.active, x.texts = false, nil
	}
	return x.Value, x.hits
}

// hitNumber is hit for faults whose value is a number.
func (f *Faults) hitNumber(name string) (float64, bool) {
	value, ok := f.hit(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(value, 64)
	return n, err == nil
}

func (f *Faults) find(name string) *fault {
	for i := range f.faults {
		if f.faults[i].name == name {
			return &f.faults[i]
		}
	}
	return nil
}

// uniform returns a number in [0, 1) that depends on its arguments alone: FNV-1a, finished as in SplitMix64.
func uniform(seed uint64, name string, n int64) float64 {
	h := (0xcbf29ce484222325 ^ seed) * 0x100000001b3
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	h = (h ^ uint64(n)) * 0x100000001b3
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	return float64(h>>11) / (1 << 53)
}

// faultJSON is a fault as the API shows it.
type faultJSON struct {
	Name             string          `json:"name"`
	Description      string          `json:"description"`
	ValueDescription string          `json:"value_description,omitempty"`
	Default          json.RawMessage `json:"default,omitempty"`
	Active           bool            `json:"active"`
	Share            float64         `json:"share"`
	Value            json.RawMessage `json:"value,omitempty"`
	Count            int64           `json:"count"`
	Seen             int64           `json:"seen"`
	Hits             int64           `json:"hits"`
}

// list returns all faults in the order in which a request meets them.
func (f *Faults) list() []faultJSON {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]faultJSON, 0, len(f.faults))
	for _, x := range f.faults {
		out = append(out, faultJSON{
			Name: x.name, Description: x.description, ValueDescription: x.value, Default: valueJSON(x.byDefault),
			Active: x.active, Share: x.Share, Value: valueJSON(x.Value), Count: x.Count, Seen: x.seen, Hits: x.hits,
		})
	}
	return out
}

// valueJSON shows numbers as numbers and words as strings.
func valueJSON(value string) json.RawMessage {
	if value == "" {
		return nil
	}
	if json.Valid([]byte(value)) && value != nanNull {
		return json.RawMessage(value)
	}
	return json.RawMessage(strconv.Quote(value))
}
