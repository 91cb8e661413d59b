package smtp

import (
	"net"
	"sync"
	"time"
)

// blockSize is read at once of content that does not lie in memory: as much as
// the spool checks at once.
const blockSize = 64 << 10

// Buffers is what transactions need while they send data, shared between
// clients so that idle connections hold none of it.
type Buffers struct{ outlets, blocks sync.Pool }

// NewBuffers gives an empty store.
func NewBuffers() *Buffers { return &Buffers{} }

func (b *Buffers) outlet(conn net.Conn, timeout time.Duration) *outlet {
	o, ok := b.outlets.Get().(*outlet)
	if !ok {
		o = &outlet{}
	}
	o.conn, o.timeout = conn, timeout
	return o
}

// release takes an outlet back, with what it did not write.
func (b *Buffers) release(o *outlet) {
	clear(o.runs)
	o.conn, o.runs, o.size, o.used = nil, o.runs[:0], 0, 0
	b.outlets.Put(o)
}

func (b *Buffers) block() *[blockSize]byte {
	if p, ok := b.blocks.Get().(*[blockSize]byte); ok {
		return p
	}
	return new([blockSize]byte)
}
