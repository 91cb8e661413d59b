package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// authors reads the mailbox-list of a From field (RFC 5322 s3.6.2), groups
// included. What it cannot read for certain it does not guess: ok is false, and
// so it is for a field without any address.
func authors(value string) (list []mail.Address, ok bool) {
	text, ok := stripComments(value)
	if !ok {
		return nil, false
	}
	for _, part := range splitMailboxes(text) {
		a, err := mail.ParseAddress(addrSpec(part))
		if err != nil {
			return nil, false
		}
		list = append(list, a)
	}
	return list, len(list) > 0
}

// stripComments takes comments off, nested ones too, and knows quoted strings.
func stripComments(s string) (string, bool) {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && (quoted || depth > 0):
			if i++; i == len(s) {
				return "", false
			}
			if depth == 0 {
				b.WriteByte(c)
				b.WriteByte(s[i])
			}
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted:
			depth++
			continue
		case c == ')' && !quoted:
			if depth--; depth < 0 {
				return "", false
			}
			continue
		}
		if depth == 0 {
			b.WriteByte(c)
		}
	}
	return b.String(), depth == 0 && !quoted
}

// splitMailboxes splits at commas, and at the ":" and ";" of groups, outside
// quotes and angle brackets. The name of a group is dropped.
func splitMailboxes(s string) []string {
	var out []string
	start, quoted, angle := 0, false, false
	part := func(end int) {
		if p := strings.TrimSpace(s[start:end]); p != "" {
			out = append(out, p)
		}
		start = end + 1
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<' || c == '>':
			angle = c == '<'
		case angle:
		case c == ':':
			start = i + 1
		case c == ',' || c == ';':
			part(i)
		}
	}
	part(len(s))
	return out
}

// addrSpec takes the address out of "Name <address>"; anything behind or between
// several angle brackets stays and is no address then.
func addrSpec(part string) string {
	quoted := false
	for i := 0; i < len(part); i++ {
		switch c := part[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			if inner, ok := strings.CutSuffix(part[i+1:], ">"); ok {
				return strings.TrimSpace(inner)
			}
			return part
		}
	}
	return part
}
