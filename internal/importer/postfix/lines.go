package postfix

import (
	"strings"
)

// logical is one logical line of a Postfix file and the number of its first
// physical line.
type logical struct {
	text   string
	number int
}

// logicalLines joins continuation lines as Postfix reads every one of its files:
// a line that starts with white space goes on with the one before; empty lines and
// comments vanish and do not end the line that they stand in (postconf(5)).
func logicalLines(text string) []logical {
	var out []logical
	for i, raw := range strings.Split(text, "\n") {
		raw = strings.TrimSuffix(raw, "\r")
		line := strings.TrimLeft(raw, " \t\v\f")
		if line == "" || line[0] == '#' {
			continue
		}
		if line != raw && len(out) > 0 {
			out[len(out)-1].text += " " + strings.TrimSpace(line)
			continue
		}
		out = append(out, logical{text: strings.TrimSpace(line), number: i + 1})
	}
	return out
}

// items splits a list at commas and white space, but not inside braces, whose
// outer pair stays.
func items(s string) []string { return fields(s, ", \t\r\n") }

// fields splits at the octets of separators, but not inside braces.
func fields(s, separators string) []string {
	var out []string
	depth, start := 0, -1
	for i := 0; i <= len(s); i++ {
		if i < len(s) {
			switch s[i] {
			case '{':
				depth++
			case '}':
				depth--
			}
		}
		if i == len(s) || depth <= 0 && strings.IndexByte(separators, s[i]) >= 0 {
			if start >= 0 {
				out = append(out, s[start:i])
			}
			start = -1
			continue
		}
		if start < 0 {
			start = i
		}
	}
	return out
}

// unbraced takes one pair of braces off, with the white space inside it.
func unbraced(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return s, false
	}
	return strings.TrimSpace(s[1 : len(s)-1]), true
}

// isYes reads a boolean of main.cf.
func isYes(s string) bool { return strings.EqualFold(strings.TrimSpace(s), "yes") }
