package smtp

import (
	"bytes"
	"errors"
	"io"
)

// InMemory is content that can be sent from where it lies.
type InMemory interface {
	// Spans calls use once with all of the content, in its order, and keeps it
	// where it is until use returns. The error is that of use; another one says that
	// the content is gone, and then use was not called.
	Spans(use func(spans [][]byte) error) error
}

// sending is the content of a transaction on its way.
type sending struct {
	t    *Transaction
	out  *outlet
	dot  *DotWriter
	last bool // the final dot may have left
}

// sendContent writes the message with its final dot. sent tells whether the dot
// may have left.
func (c *Client) sendContent(t *Transaction) (sent bool, err error) {
	out := c.o.Buffers.outlet(c.conn, c.o.Command)
	out.join = c.tls != nil
	defer c.o.Buffers.release(out)
	s := sending{t: t, out: out, dot: NewDotWriter(out)}
	_, _ = s.dot.Write(t.Prefix)
	if m, ok := t.Content.(InMemory); ok {
		err = s.fromMemory(m)
	} else {
		err = s.byBlocks(c.o.Buffers)
	}
	if err == nil {
		return true, nil
	}
	c.lost = true
	stage := StageData
	if s.last {
		stage = StageEnd
	}
	return s.last, &ClientError{Stage: stage, Cause: err}
}

// fromMemory sends content without copying it.
func (s *sending) fromMemory(m InMemory) error {
	called := false
	err := m.Spans(func(spans [][]byte) error {
		called = true
		to := io.Writer(s.dot)
		if s.isPlain(spans) {
			to = s.out
		}
		left := s.t.Size
		for _, span := range spans {
			span = span[:min(int64(len(span)), left)]
			left -= int64(len(span))
			if _, err := to.Write(span); err != nil {
				return err
			}
		}
		if left > 0 {
			return errors.Join(ErrContent, io.ErrUnexpectedEOF)
		}
		return s.end()
	})
	if !called {
		return errors.Join(ErrContent, err)
	}
	return err
}

// isPlain tells whether all goes out as it is. Reading it once more, out of memory
// that the processor's caches have lost meanwhile, would cost as much as sending it.
func (s *sending) isPlain(spans [][]byte) bool {
	if !s.t.Plain || !s.dot.atStart() || len(spans) == 0 {
		return false
	}
	size := int64(0)
	for _, span := range spans {
		size += int64(len(span))
	}
	return size == s.t.Size && bytes.HasSuffix(spans[len(spans)-1], crlf)
}

// byBlocks reads content and sends it block by block.
func (s *sending) byBlocks(b *Buffers) error {
	block := b.block()
	defer b.blocks.Put(block)
	for off := int64(0); off < s.t.Size; {
		if err := s.out.letGo(); err != nil {
			return err
		}
		part := block[:min(blockSize, s.t.Size-off)]
		if n, err := s.t.Content.ReadAt(part, off); n < len(part) {
			return errors.Join(ErrContent, err)
		}
		off += int64(len(part))
		if _, err := s.dot.Write(part); err != nil {
			return err
		}
	}
	return s.end()
}

// end writes the final dot and all that was not written yet.
func (s *sending) end() error {
	s.last = true
	if err := s.dot.Close(); err != nil {
		return err
	}
	return s.out.Flush()
}
