package mail

import (
	"strings"
	"unicode/utf8"
)

const (
	maxLocal = 64  // RFC 5321 s4.5.3.1.1, octets
	maxPath  = 254 // RFC 5321 s4.5.3.1.3 less the angle brackets
)

// ParseAddress reads "local@domain" as RFC 5321 s4.1.2 Mailbox, RFC 6531 letters
// included. Quotes and escapes of the local part are taken off. Errors:
// ErrSyntax, ErrTooLong, ErrDomain, ErrSourceRoute.
func ParseAddress(s string) (Address, error) {
	if len(s) > maxPath {
		return Address{}, ErrTooLong
	}
	if strings.HasPrefix(s, "@") {
		return Address{}, ErrSourceRoute
	}
	local, rest, err := parseLocal(s)
	if err != nil {
		return Address{}, err
	}
	if !strings.HasPrefix(rest, "@") {
		return Address{}, ErrSyntax
	}
	d, err := ParseDomain(rest[1:])
	if err != nil {
		return Address{}, err
	}
	return Address{Local: local, Domain: d}, nil
}

// ParsePath reads a reverse-path without its angle brackets; "" and "<>" are
// the null path.
func ParsePath(s string) (Path, error) {
	if s == "" || s == "<>" {
		return Path{}, nil
	}
	a, err := ParseAddress(s)
	return Path{Address: a}, err
}

// parseLocal splits the local part, unquoted, from what follows it.
func parseLocal(s string) (local, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		local, rest, err = parseQuoted(s)
	} else {
		local, rest, err = parseDotString(s)
	}
	if err == nil && len(local) > maxLocal {
		err = ErrTooLong
	}
	return local, rest, err
}

func parseQuoted(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			if b.Len() == 0 || !utf8.ValidString(b.String()) {
				return "", "", ErrSyntax
			}
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			c = s[i]
			fallthrough
		default:
			if c < ' ' || c == 0x7f {
				return "", "", ErrSyntax
			}
			b.WriteByte(c)
		}
	}
	return "", "", ErrSyntax
}

func parseDotString(s string) (local, rest string, err error) {
	i := 0
	for i < len(s) && s[i] != '@' {
		if !isAtext(s[i]) && s[i] != '.' {
			return "", "", ErrSyntax
		}
		i++
	}
	local = s[:i]
	if !isDotString(local) || !utf8.ValidString(local) {
		return "", "", ErrSyntax
	}
	return local, s[i:], nil
}

// isDotString tells whether local needs no quotes (RFC 5321 Dot-string).
func isDotString(local string) bool {
	if local == "" || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return false
	}
	for i := 0; i < len(local); i++ {
		if !isAtext(local[i]) && local[i] != '.' {
			return false
		}
	}
	return true
}

// isAtext: RFC 5322 atext, with the octets of UTF-8 (RFC 6531).
func isAtext(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// String is the address as RFC 5321 writes it, quoted where it must be.
func (a Address) String() string {
	local := a.Local
	if !isDotString(local) {
		local = quote(local)
	}
	if a.Domain == "" {
		return local
	}
	return local + "@" + string(a.Domain)
}

func quote(local string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(local); i++ {
		if local[i] == '"' || local[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(local[i])
	}
	b.WriteByte('"')
	return b.String()
}
