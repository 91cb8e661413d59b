package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// xtext decodes "+HH" (RFC 3461 s4). What comes out may hold any octet.
func xtext(s string) (string, bool) {
	if strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(v))
		i += 2
	}
	return b.String(), true
}

// encodeUnitext writes the characters outside ASCII, and the backslash, as
// \x{HEX} (RFC 6533 s3).
func encodeUnitext(s string) string {
	s = decodeUnitext(s)
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && r != '\\' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\x{%02X}`, r)
		}
	}
	return b.String()
}

// decodeUnitext undoes encodeUnitext; what is no \x{HEX} stays as it is.
func decodeUnitext(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		hex, rest, closed := strings.Cut(after, "}")
		v, err := strconv.ParseUint(hex, 16, 21)
		if !closed || err != nil || !utf8.ValidRune(rune(v)) {
			b.WriteString(`\x{`)
			s = after
			continue
		}
		b.WriteRune(rune(v))
		s = rest
	}
}

// isAtom tells whether s may be an address type (RFC 3464 s2.1.2).
func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
