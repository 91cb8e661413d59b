package file

import (
	"bytes"
	"io"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// list reads a key a line; a comment may follow the key.
func (p *parser) list(r io.Reader) (table.Resident, error) {
	in := newLines(r, p.problems)
	b := &builder{shown: p.shown}
	var buf, key []byte
	for {
		buf = in.physical(buf)
		if buf == nil {
			break
		}
		text, rest, err := cutKey(bytes.TrimLeft(buf, " \t"))
		switch {
		case err != "":
			p.problems.add(in.number, "%s", err)
		case len(rest) > 0 && rest[0] != '#':
			p.problems.add(in.number, "more than one key in a line of a list: %q", rest)
		default:
			key = foldKey(key, text)
			b.add(key, nil, in.number)
		}
	}
	return b.build(p.problems), in.failed()
}

// mapping reads key, white space, values separated by commas.
func (p *parser) mapping(r io.Reader) (table.Resident, error) {
	return p.keyed(r, func(dst [][]byte, rest []byte, line int) [][]byte {
		return split(dst, rest, isComma)
	})
}

// transport reads transport(5): what follows the key is one value, since its
// commas belong to decide.
func (p *parser) transport(r io.Reader) (table.Resident, error) {
	return p.keyed(r, func(dst [][]byte, rest []byte, line int) [][]byte {
		if bytes.IndexByte(rest, ':') < 0 {
			p.problems.add(line, "%q is no transport:nexthop; the colon stands there even when one side is empty", rest)
		}
		return append(dst, rest)
	})
}

// virtual reads virtual(5): targets separated by commas or white space.
func (p *parser) virtual(r io.Reader) (table.Resident, error) {
	return p.keyed(r, func(dst [][]byte, rest []byte, line int) [][]byte {
		dst = split(dst, rest, func(c byte) bool { return c == ',' || isSpace(c) })
		for _, t := range dst {
			if what := checkTarget(t); what != "" {
				p.problems.add(line, "%q %s", t, what)
			}
		}
		return dst
	})
}

// keyed reads logical lines of a key and a rest, which values takes apart.
func (p *parser) keyed(r io.Reader, values func(dst [][]byte, rest []byte, line int) [][]byte) (table.Resident, error) {
	in := newLines(r, p.problems)
	b := &builder{shown: p.shown}
	var key []byte
	var vals [][]byte
	for {
		line, number, ok := in.next()
		if !ok {
			break
		}
		text, rest, err := cutKey(bytes.TrimLeft(line, " \t"))
		if err != "" {
			p.problems.add(number, "%s", err)
			continue
		}
		if len(rest) == 0 {
			p.problems.add(number, "%q has no value", text)
			continue
		}
		vals = values(vals[:0], rest, number)
		key = foldKey(key, text)
		b.add(key, vals, number)
	}
	return b.build(p.problems), in.failed()
}

// cutKey splits a line at the first white space outside quotes. What is wrong
// comes back as a text.
func cutKey(line []byte) (key, rest []byte, problem string) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case isSpace(c) && !quoted:
			return line[:i], bytes.TrimLeft(line[i:], " \t"), ""
		}
	}
	if quoted {
		return nil, nil, "a quote is opened and not closed"
	}
	return line, nil, ""
}

// split takes rest apart at separators outside quotes and drops empty parts.
func split(dst [][]byte, rest []byte, separates func(byte) bool) [][]byte {
	start, quoted := 0, false
	for i := 0; i <= len(rest); i++ {
		if i < len(rest) {
			switch c := rest[i]; {
			case c == '\\' && quoted:
				i++
				continue
			case c == '"':
				quoted = !quoted
				continue
			case quoted || !separates(c):
				continue
			}
		}
		if part := bytes.Trim(rest[start:min(i, len(rest))], " \t"); len(part) > 0 {
			dst = append(dst, part)
		}
		start = i + 1
	}
	return dst
}

func isComma(c byte) bool { return c == ',' }

// checkTarget says what is wrong with a target of virtual(5): an address, a bare
// local part, or "@domain", which keeps the local part.
func checkTarget(t []byte) string {
	if t[0] == '#' {
		return "starts with #, but a comment stands on a line of its own"
	}
	if t[0] == '|' || t[0] == '/' {
		return "is a command or a file of aliases(5), which virtual(5) does not know"
	}
	s := string(t)
	switch bytes.IndexByte(t, '@') {
	case -1:
		s += "@local"
	case 0:
		s = "any" + s
	}
	if _, err := mail.ParseAddress(s); err != nil {
		return "is no address"
	}
	return ""
}

// foldKey gives key in the form of table.Key, in dst's memory where it can.
func foldKey(dst, key []byte) []byte {
	dst = dst[:0]
	for _, c := range key {
		if c >= 0x80 || c == '"' {
			return append(dst[:0], table.Key(string(key))...)
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
