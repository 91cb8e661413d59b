package report

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	foldAt  = 76   // where a fold is looked for; RFC 5322 s2.1.1 wants 78
	hardAt  = 900  // where a line without a space is broken; 998 is the limit
	maxText = 1000 // of a reply that is quoted
)

// writeField writes a field, folded. Whatever value holds, the outcome is one
// field: its control characters have become spaces.
func writeField(b *bytes.Buffer, name, value string) {
	line := name + ": " + strings.TrimSpace(clean(value))
	first := len(name) + 2 // a fold right after the colon would leave an empty line
	for {
		at := foldPoint(line, first)
		if at < 0 {
			break
		}
		b.WriteString(line[:at])
		b.WriteString("\r\n")
		line = " " + strings.TrimPrefix(line[at:], " ")
		first = 1
	}
	b.WriteString(line)
	b.WriteString("\r\n")
}

// foldPoint gives the offset of the space at which line is folded, the last one
// before foldAt or else the first one after it, or -1 when none is needed.
func foldPoint(line string, first int) int {
	if len(line) <= foldAt {
		return -1
	}
	best := -1
	for i := first; i < len(line)-1 && i <= hardAt; i++ {
		// The word after the space keeps the new line from being blank.
		if line[i] == ' ' && line[i+1] != ' ' {
			if i > foldAt && best >= 0 {
				break
			}
			if best = i; i > foldAt {
				break
			}
		}
	}
	if best < 0 && len(line) > hardAt {
		best = hardAt
		for !utf8.RuneStart(line[best]) {
			best--
		}
	}
	return best
}

// clean makes s one line of valid UTF-8 without control characters. Bidirectional
// and other invisible format characters go as well: they would let a remote
// host write a line that reads as another.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsControl(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return '?'
		}
		return r
	}, s)
}

// plain gives s for a field or, outside the forms of RFC 6533, its ASCII shape.
func (c *composer) plain(s string) string {
	s = clean(s)
	if c.utf8 || isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, s)
}

// bounded cuts s at a character boundary.
func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + " ..."
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
