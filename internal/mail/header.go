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

// Value is the body of the field, unfolded and trimmed.
func (f Field) Value() string {
	_, v, _ := bytes.Cut(f.Raw, []byte{':'})
	v = bytes.ReplaceAll(v, []byte("\r\n"), nil)
	return strings.TrimSpace(string(bytes.ReplaceAll(v, []byte("\n"), nil)))
}

// Header is the top header block of a message, in order.
type Header []Field

// ScanHeader reads the top header block of msg and gives the offset at which
// the rest begins (the empty line, or the first line that is no field). Raw
// shares msg's memory. It never fails: what is no field ends the block.
func ScanHeader(msg []byte) (Header, int) {
	var h Header
	pos := 0
	for pos < len(msg) {
		end := lineEnd(msg, pos)
		line := msg[pos:end]
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return h, pos
		}
		if (line[0] == ' ' || line[0] == '\t') && len(h) > 0 {
			last := &h[len(h)-1]
			last.Raw = msg[pos-len(last.Raw) : end]
			pos = end
			continue
		}
		name := fieldName(line)
		if name == "" {
			return h, pos
		}
		h = append(h, Field{Name: name, Raw: line})
		pos = end
	}
	return h, pos
}

func lineEnd(msg []byte, pos int) int {
	if i := bytes.IndexByte(msg[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(msg)
}

// fieldName gives the name before the colon (RFC 5322 s3.6.8 ftext), or "".
func fieldName(line []byte) string {
	for i, c := range line {
		if c == ':' {
			return string(line[:i])
		}
		if c <= ' ' || c >= 0x7f {
			return ""
		}
	}
	return ""
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
