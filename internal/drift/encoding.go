package drift

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// stateVersion is the first byte of all states in binary form. It changes whenever fields do, or what they mean.
const stateVersion = 2

func appendState[T any, S state[T]](b []byte, s S) ([]byte, error) {
	w := binaryWriter{append(b, stateVersion)}
	s.fields(&w)
	return w.b, nil
}

// readState reads into s what appendState wrote. It leaves s as it is where it returns an error.
func readState[T any, S state[T]](name string, s S, data []byte) error {
	var read T
	r := binaryReader{b: data}
	switch {
	case len(data) == 0:
		r.err = errShort
	case data[0] != stateVersion:
		r.err = fmt.Errorf("want version %d, found %d", stateVersion, data[0])
	default:
		r.b = data[1:]
		S(&read).fields(&r)
		if r.err == nil && len(r.b) > 0 {
			r.err = fmt.Errorf("want nothing after the last field, found %d bytes", len(r.b))
		}
	}
	if r.err != nil {
		return fmt.Errorf("%s: %w", name, r.err)
	}
	*s = read
	return nil
}

// AppendBinary implements encoding.BinaryAppender.
func (w *Window) AppendBinary(b []byte) ([]byte, error) { return appendState(b, w) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It leaves w as it is where it returns an error.
func (w *Window) UnmarshalBinary(data []byte) error { return readState("window", w, data) }

// AppendBinary implements encoding.BinaryAppender.
func (l *Learner) AppendBinary(b []byte) ([]byte, error) { return appendState(b, l) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It leaves l as it is where it returns an error.
func (l *Learner) UnmarshalBinary(data []byte) error { return readState("learner", l, data) }

// AppendBinary implements encoding.BinaryAppender.
func (d *Differential) AppendBinary(b []byte) ([]byte, error) { return appendState(b, d) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It leaves d as it is where it returns an error.
func (d *Differential) UnmarshalBinary(data []byte) error { return readState("differential", d, data) }

// AppendBinary implements encoding.BinaryAppender.
func (r *Reference) AppendBinary(b []byte) ([]byte, error) { return appendState(b, r) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It leaves r as it is where it returns an error.
func (r *Reference) UnmarshalBinary(data []byte) error { return readState("reference", r, data) }

// AppendBinary implements encoding.BinaryAppender, for the monitor and its reference.
func (m *Monitor) AppendBinary(b []byte) ([]byte, error) { return appendState(b, m) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It leaves m as it is where it returns an error.
func (m *Monitor) UnmarshalBinary(data []byte) error { return readState("monitor", m, data) }

// AppendDetectors appends what the monitor has learned, without its reference: of the two, this is the part that changes.
func (m *Monitor) AppendDetectors(b []byte) ([]byte, error) { return appendState(b, (*detectors)(m)) }

// UnmarshalDetectors makes m what it was when AppendDetectors was called, given that it has the same reference. It leaves m as it is
// where it returns an error.
func (m *Monitor) UnmarshalDetectors(data []byte) error {
	var read detectors
	if err := readState("detectors", &read, data); err != nil {
		return err
	}
	if read.anchor != nil && len(read.anchor.mean) != len(m.reference.Mean) {
		return fmt.Errorf("detectors: want an anchor of %d dimensions, as the reference, found %d",
			len(m.reference.Mean), len(read.anchor.mean))
	}
	read.reference = m.reference
	*m = Monitor(read)
	return nil
}

// MarshalJSON implements json.Marshaler. Numbers are written so that they are read as they were.
func (m *Monitor) MarshalJSON() ([]byte, error) {
	w := jsonWriter{make(map[string]any)}
	m.fields(w)
	return json.Marshal(w.tree)
}

// UnmarshalJSON implements json.Unmarshaler. It leaves m as it is where it returns an error.
func (m *Monitor) UnmarshalJSON(data []byte) error {
	r := jsonReader{readErrors: &readErrors{}}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&r.tree); err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	var read Monitor
	read.fields(r)
	if r.err != nil {
		return fmt.Errorf("monitor: %w", r.err)
	}
	*m = read
	return nil
}

// Digest identifies the reference by its content.
func (r *Reference) Digest() [16]byte {
	state, _ := appendState(nil, r) // writing has no errors
	sum := sha256.Sum256(state)
	return [16]byte(sum[:16])
}
