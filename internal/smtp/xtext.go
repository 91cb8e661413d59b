package smtp

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

// EncodeXText writes s as xtext (RFC 3461 s4).
func EncodeXText(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; isXChar(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('+')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// DecodeXText reads xtext and tells whether it was well formed. Only upper case
// digits are hexadecimal there (RFC 3461 s4).
func DecodeXText(s string) (string, bool) {
	if strings.IndexByte(s, '+') < 0 {
		return s, isXText(s)
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			b.WriteByte(byte(hi<<4 | lo))
			i += 2
			continue
		}
		if !isXChar(c) {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func isXText(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isXChar(s[i]) {
			return false
		}
	}
	return true
}

func isXChar(c byte) bool { return c > ' ' && c < 0x7f && c != '+' && c != '=' }

// printable tells whether b is UTF-8 without control characters. Most lines are
// ASCII and end in the first loop.
func printable(b []byte) bool {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return printableUTF8(b[i:])
		}
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func printableUTF8(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		// C1 controls can end a line for a terminal that shows the log.
		if r == utf8.RuneError && n == 1 || r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return false
		}
		b = b[n:]
	}
	return true
}
