package spool

import "sync"

// memory is the budget for bodies that are being received, and the buffers for
// them. Fresh bodies need no cache of their own: they are read back from the
// memtable, until it has been flushed.
type memory struct {
	mu   sync.Mutex // guards free
	free int64

	buffers sync.Pool // *[]byte of bufferSize at least
}

// bufferSize is the first size of a draft's buffer: most mail fits.
const bufferSize = 16 << 10

// take reserves memory; false means that the budget is spent.
func (m *memory) take(n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.free < n {
		return false
	}
	m.free -= n
	return true
}

func (m *memory) give(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free += n
}

// buffer gives an empty buffer.
func (m *memory) buffer() *[]byte {
	if b, ok := m.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, bufferSize)
	return &b
}

// recycle takes a buffer back.
func (m *memory) recycle(b *[]byte) {
	*b = (*b)[:0]
	m.buffers.Put(b)
}
