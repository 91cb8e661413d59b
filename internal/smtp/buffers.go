package smtp

import (
	"bufio"
	"net"
	"sync"
	"time"
)

const (
	blockSize = 32 << 10
	writeSize = 64 << 10
)

// Buffers is what transactions need while they send data, shared between
// clients so that idle connections hold none of it.
type Buffers struct{ pool sync.Pool }

// NewBuffers gives an empty store.
func NewBuffers() *Buffers { return &Buffers{} }

// buffer reads a message in blocks and collects what goes to the wire.
type buffer struct {
	w     *bufio.Writer
	to    deadlineWriter
	block [blockSize]byte
}

func (b *Buffers) get(conn net.Conn, d time.Duration) *buffer {
	buf, ok := b.pool.Get().(*buffer)
	if !ok {
		buf = &buffer{w: bufio.NewWriterSize(nil, writeSize)}
	}
	buf.to = deadlineWriter{conn: conn, timeout: d}
	buf.w.Reset(&buf.to)
	return buf
}

func (b *Buffers) put(buf *buffer) {
	buf.to = deadlineWriter{}
	buf.w.Reset(nil)
	b.pool.Put(buf)
}

// deadlineWriter gives each block a time-out of its own (RFC 5321
// s4.5.3.2.5), so that a large message may take its time and a host that takes
// nothing may not.
type deadlineWriter struct {
	conn    net.Conn
	timeout time.Duration
}

func (w *deadlineWriter) Write(p []byte) (int, error) {
	if err := w.conn.SetDeadline(time.Now().Add(w.timeout)); err != nil {
		return 0, err
	}
	return w.conn.Write(p)
}
