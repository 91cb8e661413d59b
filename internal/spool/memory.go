package spool

import "sync"

// memory is the budget for bodies, being received or fresh, and the buffers for
// them.
type memory struct {
	mu   sync.Mutex // guards free
	free int64

	buffers sync.Pool // *[]byte of bufferSize at least
	blocks  sync.Pool // *[blockSize]byte: of body files, while they are read
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

// block gives room for one block of a body file, which goes back to blocks.
func (m *memory) block() *[blockSize]byte {
	if b, ok := m.blocks.Get().(*[blockSize]byte); ok {
		return b
	}
	return new([blockSize]byte)
}

// release takes back a buffer that nobody reads any more, with its share of the
// budget; nil is none.
func (m *memory) release(b *[]byte, budget int64) {
	if b == nil {
		return
	}
	m.recycle(b)
	m.give(budget)
}

// recycle takes back a buffer alone. Large ones would be held for mail that needs
// less.
func (m *memory) recycle(b *[]byte) {
	if *b = (*b)[:0]; cap(*b) <= 4*bufferSize {
		m.buffers.Put(b)
	}
}
