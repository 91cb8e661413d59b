package spool

import "sync"

// memory is the budget for bodies, being received or fresh, and the buffers for
// them.
type memory struct {
	mu   sync.Mutex // guards free
	free int64

	pages  sync.Pool // *[pageSize]byte: of bodies
	blocks sync.Pool // *[blockSize]byte: of body files, while they are read
}

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

// page gives room for a piece of a body, which goes back to pages.
func (m *memory) page() *[pageSize]byte {
	if p, ok := m.pages.Get().(*[pageSize]byte); ok {
		return p
	}
	return new([pageSize]byte)
}

// block gives room for one block of a body file, which goes back to blocks.
func (m *memory) block() *[blockSize]byte {
	if b, ok := m.blocks.Get().(*[blockSize]byte); ok {
		return b
	}
	return new([blockSize]byte)
}

// release takes back a body that nobody reads any more, with its share of the
// budget.
func (m *memory) release(t text, budget int64) {
	m.recycle(t)
	m.give(budget)
}

// recycle takes back the pages alone.
func (m *memory) recycle(t text) {
	for _, span := range t {
		m.pages.Put((*[pageSize]byte)(span[:pageSize]))
	}
}
