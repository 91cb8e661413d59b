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
		name, spec := addrSpec(part)
		a, err := mail.ParseAddress(spec)
		if err != nil {
			return nil, false
		}
		if list = append(list, a); !strings.Contains(name, "@") {
			continue
		}
		// Not allowed in a name without quotes, yet many write it. Some readers take
		// it for the address, so it must be owned as well.
		for _, word := range strings.Fields(unquoted(name)) {
			if !strings.Contains(strings.Trim(word, "@"), "@") {
				continue // "Ann @ work" is nobody's address
			}
			a, err := mail.ParseAddress(word)
			if err != nil {
				return nil, false
			}
			list = append(list, a)
		}
	}
	return list, len(list) > 0
}

// unquoted leaves the quoted strings of a name out.
func unquoted(name string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
			b.WriteByte(' ')
		case !quoted:
			b.WriteByte(c)
		}
	}
	return b.String()
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
			if strings.Contains(unquoted(s[start:i]), "@") {
				part(i) // no name of a group: some readers take it for an address
			}
			start = i + 1
		case c == ',' || c == ';':
			part(i)
		}
	}
	part(len(s))
	return out
}

// addrSpec takes "Name <address>" apart; anything behind or between several angle
// brackets stays and is no address then.
func addrSpec(part string) (name, spec string) {
	quoted := false
	for i := 0; i < len(part); i++ {
		switch c := part[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			if inner, ok := strings.CutSuffix(part[i+1:], ">"); ok {
				return part[:i], strings.TrimSpace(inner)
			}
			return "", part
		}
	}
	return "", part
}
