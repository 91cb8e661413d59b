package deliver

import (
	"io"

	"github.com/postroad/postroad/internal/spool"
)

// overlay is a stored body with the edits of a job: who reads it sees the message
// as it leaves, and every octet that no edit names as it was stored.
type overlay struct {
	spool.Body
	parts []part
	size  int64
}

// part is a run of octets of the message as it leaves, from a text or from the
// stored body.
type part struct {
	at     int64 // in the message as it leaves
	size   int64
	stored int64  // in the body; -1: text
	text   string // instead
}

// edited gives a body with edits. Those that do not fit into the body are none of
// its own: they are left out, like all behind them.
func edited(b spool.Body, edits []spool.Edit) spool.Body {
	if len(edits) == 0 {
		return b
	}
	o := &overlay{Body: b}
	from := int64(0) // in the body
	for _, e := range edits {
		end := e.At + int64(e.Len)
		if e.At < from || end < e.At || end > b.Size() {
			break
		}
		o.add(part{stored: from, size: e.At - from})
		o.add(part{stored: -1, text: e.Text, size: int64(len(e.Text))})
		from = end
	}
	o.add(part{stored: from, size: b.Size() - from})
	return o
}

func (o *overlay) add(p part) {
	if p.size > 0 {
		p.at = o.size
		o.parts = append(o.parts, p)
		o.size += p.size
	}
}

// Size is that of the message as it leaves.
func (o *overlay) Size() int64 { return o.size }

// ReadAt reads the message as it leaves.
func (o *overlay) ReadAt(dst []byte, off int64) (int, error) {
	n := 0
	for i := range o.parts {
		p := &o.parts[i]
		skip := off + int64(n) - p.at
		if skip < 0 || skip >= p.size {
			continue
		}
		got, err := o.read(dst[n:], p, skip)
		if n += got; err != nil || n == len(dst) {
			return n, err
		}
	}
	return n, io.EOF
}

// read fills dst from one part, as far as that goes.
func (o *overlay) read(dst []byte, p *part, skip int64) (int, error) {
	dst = dst[:min(int64(len(dst)), p.size-skip)]
	if p.stored < 0 {
		return copy(dst, p.text[skip:]), nil
	}
	n, err := o.Body.ReadAt(dst, p.stored+skip)
	if n == len(dst) {
		err = nil // io.EOF at the end of the body is not the end of the message
	}
	return n, err
}
