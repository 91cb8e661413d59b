package mail

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

// EncodeXText writes any octets as xtext (RFC 3461 s4).
func EncodeXText(s string) string {
	if isXText(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; isXChar(rune(c)) {
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
// digits are hexadecimal there (RFC 3461 s4). What comes out may hold any octet.
func DecodeXText(s string) (string, bool) {
	if isXText(s) {
		return s, true
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
		if !isXChar(rune(c)) {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// isXText tells whether s stands for itself.
func isXText(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !isXChar(r) }) < 0
}

func isXChar(r rune) bool { return r > ' ' && r < 0x7f && r != '+' && r != '=' }

// EncodeUniXText writes UTF-8 as utf-8-addr-xtext: what xtext cannot hold, and the
// backslash, as \x{HEX} (RFC 6533 s3).
func EncodeUniXText(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if isXChar(r) && r != '\\' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\x{%02X}`, r)
		}
	}
	return b.String()
}

// DecodeUniXText undoes EncodeUniXText; what is no \x{HEX} stays as it is.
func DecodeUniXText(s string) string {
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
