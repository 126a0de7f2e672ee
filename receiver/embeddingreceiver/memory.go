package embeddingreceiver

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	minBufferSize = 4 << 10
	bufferClasses = 19
	// maxBufferSize is the size of the largest buffer, in bytes.
	maxBufferSize = minBufferSize << (bufferClasses - 1)
)

// memory lends the buffers that copies of bodies are kept in, and keeps their sum under a limit. Sizes are powers of
// two, so that buffers fit again.
type memory struct {
	limit int64 // bytes, all buffers together
	body  int   // bytes, one body
	used  atomic.Int64
	pools [bufferClasses]sync.Pool
}

// buffer is memory lent by a memory; cap(data) is what it counts for.
type buffer struct {
	data  []byte
	class int
}

func newMemory(limit int64, body int) *memory {
	return &memory{limit: limit, body: body}
}

// get returns an empty buffer for at least size bytes, size being no more than maxBufferSize, or nil if that would
// pass the limit.
func (m *memory) get(size int) *buffer {
	class := 0
	if size > minBufferSize {
		class = bits.Len(uint(size-1) / minBufferSize)
	}
	capacity := minBufferSize << class
	if m.used.Add(int64(capacity)) > m.limit {
		m.used.Add(-int64(capacity))
		return nil
	}
	if b, ok := m.pools[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{data: make([]byte, 0, capacity), class: class}
}

func (m *memory) put(b *buffer) {
	b.data = b.data[:0]
	m.used.Add(-int64(cap(b.data)))
	m.pools[b.class].Put(b)
}

// endSize is how much is kept of the end of a body that there is no copy of, in bytes: servers say there how many tokens
// they counted.
const endSize = 512

// capture is the copy of one body, as far as the limits allow. The zero value is empty.
type capture struct {
	buf  *buffer
	lost reason // why there is no copy; empty while there is one

	keepsEnd bool   // whether end is wanted where there is no copy
	end      []byte // up to twice endSize of it, the last of which counts
}

// write appends p to the copy. hint is the length of the whole body as far as it is known, else 0.
func (c *capture) write(m *memory, p []byte, hint int) {
	if c.lost != "" {
		c.keepEnd(p)
		return
	}
	if len(p) == 0 {
		return
	}
	have := len(c.bytes())
	need := max(have+len(p), hint)
	if need > m.body {
		c.lose(m, reasonBodyTooLarge)
		c.keepEnd(p)
		return
	}
	if c.buf == nil || need > cap(c.buf.data) {
		// A size class is at least twice the one below, so growing copies a byte twice at most.
		grown := m.get(need)
		if grown == nil {
			c.lose(m, reasonMemoryLimit)
			c.keepEnd(p)
			return
		}
		grown.data = append(grown.data, c.bytes()...)
		c.release(m)
		c.buf = grown
	}
	c.buf.data = append(c.buf.data, p...)
}

// keepEnd notes the last bytes of a body that is lost.
func (c *capture) keepEnd(p []byte) {
	if !c.keepsEnd {
		return
	}
	if len(p) >= endSize {
		c.end = append(c.end[:0], p[len(p)-endSize:]...)
		return
	}
	if len(c.end)+len(p) > 2*endSize {
		c.end = append(c.end[:0], c.end[len(c.end)-endSize:]...)
	}
	c.end = append(c.end, p...)
}

func (c *capture) lose(m *memory, why reason) {
	c.release(m)
	c.lost = why
}

// release gives the memory back. The capture is empty afterwards.
func (c *capture) release(m *memory) {
	if c.buf != nil {
		m.put(c.buf)
		c.buf = nil
	}
}

// bytes returns the copy. It is valid until release.
func (c *capture) bytes() []byte {
	if c.buf == nil {
		return nil
	}
	return c.buf.data
}
