package server

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMemoryKeepsTheLast(t *testing.T) {
	m := newMemory()
	assert.False(t, m.add(1))
	assert.True(t, m.add(1))
	for key := uint64(2); key <= memorySize; key++ {
		assert.False(t, m.add(key))
	}
	assert.True(t, m.knows(1), "%d others later", memorySize-1)
	m.add(memorySize + 1)
	assert.False(t, m.knows(1), "%d others later", memorySize)
	assert.True(t, m.knows(2))
	for key := uint64(3); key < 100; key++ {
		assert.True(t, m.add(key), "what was asked again is remembered from then on")
	}
	for key := uint64(1 << 32); key < 1<<32+3*memorySize; key++ {
		m.add(key)
	}
	assert.Len(t, m.ring, memorySize)
	assert.Len(t, m.last, memorySize)
}

func TestMemoryIsSafe(t *testing.T) {
	m := newMemory()
	var group sync.WaitGroup
	for g := range uint64(4) {
		group.Go(func() {
			for key := range uint64(1000) {
				m.add(g + key)
				m.knows(key)
			}
		})
	}
	group.Wait()
	assert.Len(t, m.last, 1003)
}
