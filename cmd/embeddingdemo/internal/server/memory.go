package server

import "sync"

// memorySize is how many of the texts asked last are remembered, in less than 6 MB.
const memorySize = 100_000

// A memory knows the texts asked last, by their keys. It is safe for concurrent use.
type memory struct {
	mu sync.Mutex

	// ring holds the last keys, repeats among them, and last where in the sequence of all keys each was seen last.
	ring  []uint64
	last  map[uint64]uint64
	count uint64
}

func newMemory() *memory { return &memory{last: map[uint64]uint64{}} }

// add remembers a key, and tells whether it was known.
func (m *memory) add(key uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.last[key]
	at := m.count % memorySize
	if m.count < memorySize {
		m.ring = append(m.ring, key)
	} else {
		if oldest := m.ring[at]; m.last[oldest] == m.count-memorySize {
			delete(m.last, oldest)
		}
		m.ring[at] = key
	}
	m.last[key] = m.count
	m.count++
	return known
}

// knows tells whether a key is remembered.
func (m *memory) knows(key uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.last[key]
	return known
}
