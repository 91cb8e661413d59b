package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Faults of data. The data was read to its end, so that the session goes on.
var (
	ErrTooBig        = errors.New("smtp: message too big")
	ErrDataNewline   = errors.New("smtp: bare CR or LF in data")
	errShortDataTake = errors.New("smtp: short write of data")
)

// What a bare LF and a bare CR become under RepairNewlines.
var (
	crlf  = []byte("\r\n")
	space = []byte(" ")
)

// Newlines says what becomes of a CR or LF that stands alone in data.
type Newlines uint8

// Treatments of bare newlines.
const (
	// RefuseNewlines makes ErrDataNewline of it.
	RefuseNewlines Newlines = iota
	// RepairNewlines makes CR LF of a bare LF and a space of a bare CR. A line
	// that would begin with "." only by that is still refused: a sender
	// that writes it either ends its data wrongly or tries to smuggle.
	RepairNewlines
)

// Data says how to read the data of one message.
type Data struct {
	Limit    int64 // octets of the message; 0: none
	Newlines Newlines
}

// DataResult is what CopyData found.
type DataResult struct {
	Size  int64 // octets of the message as passed on, or as they would have been
	Fault error // nil, ErrTooBig, ErrDataNewline, or the first error of the writer
	// Plain: no line began with a dot and nothing was repaired. What was passed on
	// is lines that end in CR LF and is sent as it is.
	Plain bool
}

// CopyData reads data up to and with its end, CR LF . CR LF and nothing else
// (RFC 5321 s4.1.1.4), takes the dots off that stand for transparency (s4.5.2) and
// passes the message on in chunks as large as br's buffer. With a Fault the rest
// is read and thrown away. The error is the connection's; io.ErrUnexpectedEOF
// when it ended inside the data.
func (d Data) CopyData(w io.Writer, br *bufio.Reader) (DataResult, error) {
	c := dataCopy{Data: d, w: w, lineStart: true, result: DataResult{Plain: true}}
	for {
		// At most two octets are kept back ("." CR, or CR): they mean nothing
		// until the next one is there.
		if _, err := br.Peek(c.kept + 1); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return c.result, err
		}
		buf, _ := br.Peek(br.Buffered())
		n, done := c.take(buf)
		br.Discard(n) // cannot fail: that much is there
		if done {
			return c.result, nil
		}
	}
}

// dataCopy is the state between two buffers.
type dataCopy struct {
	Data
	w         io.Writer
	result    DataResult
	kept      int  // octets at the end of the last buffer that were not taken
	lineStart bool // the next octet begins a line
	loose     bool // … after a bare LF that was repaired
}

// take consumes as much of buf as can be judged. Lines are found with
// IndexByte and passed on together: a buffer is one write unless a dot is to be
// taken out.
func (c *dataCopy) take(buf []byte) (n int, done bool) {
	scan := newlines{buf: buf, cr: -1, lf: -1}
	from, pos := 0, 0 // buf[from:pos] is good and not passed on yet
	for pos < len(buf) {
		if c.lineStart && buf[pos] == '.' {
			end, kept := c.dot(buf[pos:])
			c.pass(buf[from:pos])
			if end || kept > 0 {
				c.kept = kept
				if end {
					pos += len(".\r\n")
				}
				return pos, end
			}
			c.result.Plain = false
			from, pos = pos+1, pos+1
		}
		cr, lf := scan.next(pos)
		c.lineStart, c.loose = false, false
		switch {
		case cr == len(buf) && lf == len(buf):
			pos = len(buf)
		case cr+1 == lf && lf < len(buf):
			c.lineStart = true
			pos = lf + 1
		default:
			odd := min(cr, lf)
			c.pass(buf[from:odd])
			if odd == len(buf)-1 && odd == cr {
				c.kept = 1 // its LF may be on its way
				return odd, false
			}
			c.alone(buf[odd])
			from, pos = odd+1, odd+1
		}
	}
	c.pass(buf[from:pos])
	c.kept = 0
	return pos, false
}

// dot judges a line that begins with a dot: it is the end of the data, or
// nothing can be said before more octets than the kept ones are there.
func (c *dataCopy) dot(line []byte) (end bool, kept int) {
	switch {
	case c.loose:
		c.fault(ErrDataNewline)
	case len(line) >= 3 && line[1] == '\r' && line[2] == '\n':
		return true, 0
	case len(line) == 1, len(line) == 2 && line[1] == '\r':
		return false, len(line)
	}
	return false, 0
}

// alone handles a CR or LF without the other.
func (c *dataCopy) alone(b byte) {
	c.result.Plain = false
	switch {
	case c.Newlines == RefuseNewlines:
		c.fault(ErrDataNewline)
	case b == '\n':
		c.pass(crlf)
		c.lineStart, c.loose = true, true
	default:
		c.pass(space)
	}
}

// pass writes b on unless there is a fault already.
func (c *dataCopy) pass(b []byte) {
	if len(b) == 0 {
		return
	}
	c.result.Size += int64(len(b))
	if c.Limit > 0 && c.result.Size > c.Limit {
		c.fault(ErrTooBig)
	}
	if c.result.Fault != nil {
		return
	}
	n, err := c.w.Write(b)
	if err == nil && n < len(b) {
		err = errShortDataTake
	}
	if err != nil {
		c.fault(err)
	}
}

// fault keeps the first one.
func (c *dataCopy) fault(err error) {
	if c.result.Fault == nil {
		c.result.Fault = err
	}
}

// newlines finds the next CR and the next LF of a buffer, looking at no octet
// twice however many of them stand alone.
type newlines struct {
	buf    []byte
	cr, lf int
}

// next gives the indexes at or after pos; len(buf) when there is none.
func (s *newlines) next(pos int) (cr, lf int) {
	if s.lf < pos {
		s.lf = s.index(pos, '\n')
	}
	if s.cr < pos {
		s.cr = s.index(pos, '\r')
	}
	return s.cr, s.lf
}

func (s *newlines) index(pos int, b byte) int {
	if i := bytes.IndexByte(s.buf[pos:], b); i >= 0 {
		return pos + i
	}
	return len(s.buf)
}
