package mail

import (
	"bytes"
	"strings"
)

// Field is one header field: Name as written, Raw the whole field with its
// folding and line ends, Value the octets after the colon.
type Field struct {
	Name string
	Raw  []byte
}

// Value is the body of the field, unfolded (RFC 5322 s2.2.3) and trimmed.
func (f Field) Value() string {
	_, v, _ := bytes.Cut(f.Raw, []byte{':'})
	if n := len(v) - 1; n >= 0 && bytes.IndexByte(v[:n], '\n') >= 0 {
		v = bytes.ReplaceAll(v, []byte("\r\n"), nil)
		v = bytes.ReplaceAll(v, []byte("\n"), nil)
	}
	return string(bytes.Trim(v, " \t\r\n"))
}

// Header is the top header block of a message, in order.
type Header []Field

// usualFields is room for the header of most messages.
const usualFields = 24

// ScanHeader reads the top header block of msg and gives the offset at which
// the rest begins (the empty line, or the first line that is no field). The
// fields lie one behind the other: together, Raw is msg up to that offset. Raw
// shares msg's memory but cannot grow into it. It never fails: what is no field
// ends the block.
func ScanHeader(msg []byte) (Header, int) {
	var h Header
	start, pos := 0, 0 // of the field, of the line
	for pos < len(msg) {
		end := lineEnd(msg, pos)
		line := msg[pos:end]
		if isFold(line) && len(h) > 0 {
			h[len(h)-1].Raw = msg[start:end:end]
			pos = end
			continue
		}
		name := fieldName(line)
		if len(name) == 0 {
			return h, pos
		}
		if h == nil {
			h = make(Header, 0, usualFields)
		}
		h = append(h, Field{Name: string(name), Raw: msg[pos:end:end]})
		start, pos = pos, end
	}
	return h, pos
}

func lineEnd(msg []byte, pos int) int {
	if i := bytes.IndexByte(msg[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(msg)
}

// isFold tells whether line goes on with the field above it. A line of blanks
// does too (RFC 5322 s4.2, obs-FWS), and is not the end of the header.
func isFold(line []byte) bool { return line[0] == ' ' || line[0] == '\t' }

// fieldName gives the name before the colon (RFC 5322 s3.6.8 ftext), or nothing.
// Blanks before the colon are let pass (s4.5): who reads the message after us
// may take it for a field, so it must not hide from our matchers, or end the
// header early.
func fieldName(line []byte) []byte {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return nil
	}
	name := bytes.TrimRight(line[:colon], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil
		}
	}
	return name
}

// Get gives the value of the first field with that name, without regard to
// case, and whether there is one.
func (h Header) Get(name string) (string, bool) {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value(), true
		}
	}
	return "", false
}

// All gives the values of all fields with that name, top first.
func (h Header) All(name string) []string {
	var out []string
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			out = append(out, f.Value())
		}
	}
	return out
}

// Count counts the fields with that name.
func (h Header) Count(name string) int {
	n := 0
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			n++
		}
	}
	return n
}
