package mail

import "bytes"

// Mailbox is one address of a header field, and the octets of Field.Raw that are
// it: no display name, comment, angle bracket or white space.
type Mailbox struct {
	Address    Address
	Start, End int
}

// Mailboxes finds the addresses of a field that holds an address-list (RFC 5322
// s3.4), groups included. A field that is not built like one gives false. What
// stands in the place of an address and is none, or has white space or comments
// inside (obs-addr-spec), is passed over.
func (f Field) Mailboxes() ([]Mailbox, bool) {
	colon := bytes.IndexByte(f.Raw, ':')
	if colon < 0 {
		return nil, false
	}
	words, ok := listTokens(f.Raw, colon+1)
	if !ok {
		return nil, false
	}
	l := listReader{raw: f.Raw, rest: words}
	if !l.read() {
		return nil, false
	}
	return l.found, true
}

// listToken is a word, or one of the specials that hold a list together. A word
// is what stands together without white space: atoms, quoted strings, dots, "@".
type listToken struct {
	kind       byte // 'w' or the special itself
	start, end int
}

const tokenWord = 'w'

// listTokens takes a field apart; comments and white space fall away.
func listTokens(raw []byte, i int) ([]listToken, bool) {
	var out []listToken
	for i < len(raw) {
		switch c := raw[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case c == '(':
			if i = endOfComment(raw, i); i < 0 {
				return nil, false
			}
		case bytes.IndexByte([]byte(",;:<>"), c) >= 0:
			out = append(out, listToken{c, i, i + 1})
			i++
		default:
			end := endOfWord(raw, i)
			if end <= i {
				return nil, false
			}
			out = append(out, listToken{tokenWord, i, end})
			i = end
		}
	}
	return out, true
}

// endOfComment gives the place behind a comment, nested ones included, or -1.
func endOfComment(raw []byte, i int) int {
	depth := 0
	for ; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// endOfWord gives the place behind a word, or -1 when a quote or a bracket in it is
// not closed. What can stand in no word ends it.
func endOfWord(raw []byte, i int) int {
	for i < len(raw) {
		switch c := raw[i]; {
		case c == '"':
			if i = endOfQuoted(raw, i); i < 0 {
				return -1
			}
		case c == '[':
			n := bytes.IndexByte(raw[i:], ']')
			if n < 0 || bytes.ContainsAny(raw[i+1:i+n], "[\\\r\n") {
				return -1
			}
			i += n + 1
		case isAtext(c) || c == '.' || c == '@':
			i++
		default:
			return i
		}
	}
	return i
}

func endOfQuoted(raw []byte, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// listReader reads tokens as an address-list.
type listReader struct {
	raw   []byte
	rest  []listToken
	found []Mailbox
	group bool
}

// read gives false when the tokens are no list.
func (l *listReader) read() bool {
	for len(l.rest) > 0 {
		if !l.element() {
			return false
		}
	}
	return !l.group
}

// element reads one mailbox, or the beginning or the end of a group.
func (l *listReader) element() bool {
	words := l.words()
	switch t := l.next(); t.kind {
	case '<':
		return l.angle()
	case ':':
		if l.group {
			return false
		}
		l.group = true
		return true
	case ';':
		if !l.group {
			return false
		}
		l.group = false
	case '>':
		return false
	}
	l.take(words)
	return true
}

// angle reads what stands behind "<", and what ends the mailbox.
func (l *listReader) angle() bool {
	words := l.words()
	for {
		t := l.next()
		switch t.kind {
		case '>':
			l.take(words)
			return l.separated()
		case 0, '<', ';':
			return false
		}
		words = nil // a route (obs-route), whose address is nobody's to change
		l.words()
	}
}

// separated tells whether the element ends here.
func (l *listReader) separated() bool {
	if len(l.rest) == 0 {
		return true
	}
	switch l.rest[0].kind {
	case ',':
		l.rest = l.rest[1:]
		return true
	case ';':
		return true // element sees it again
	}
	return false
}

func (l *listReader) words() []listToken {
	n := 0
	for n < len(l.rest) && l.rest[n].kind == tokenWord {
		n++
	}
	words := l.rest[:n]
	l.rest = l.rest[n:]
	return words
}

// next takes one special; the zero token is the end.
func (l *listReader) next() listToken {
	if len(l.rest) == 0 {
		return listToken{}
	}
	t := l.rest[0]
	l.rest = l.rest[1:]
	return t
}

// take notes the address that one word is.
func (l *listReader) take(words []listToken) {
	if len(words) != 1 {
		return
	}
	w := words[0]
	if a, err := ParseAddress(string(l.raw[w.start:w.end])); err == nil {
		l.found = append(l.found, Mailbox{Address: a, Start: w.start, End: w.end})
	}
}
