package mail

import (
	"strings"
	"unicode/utf8"
)

const (
	lineSeparator      = 0x2028
	paragraphSeparator = 0x2029
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
	a := Address{Local: local, Domain: d}
	if len(s)+len(d) > maxPath && len(a.String()) > maxPath {
		// The A-labels of a domain may be longer than the letters it was written in.
		return Address{}, ErrTooLong
	}
	return a, nil
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
	if err == nil && len(s)-len(rest) > maxLocal { // as written, quotes included
		return "", "", ErrTooLong
	}
	return local, rest, err
}

// parseQuoted reads a Quoted-string (RFC 5321 s4.1.2). An empty one is refused,
// though the grammar has it: no mailbox has no name.
func parseQuoted(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			if b.Len() == 0 || !isText(b.String()) {
				return "", "", ErrSyntax
			}
			return b.String(), s[i+1:], nil
		case c == '\\':
			if i++; i == len(s) || s[i] < ' ' || s[i] > '~' { // quoted-pairSMTP
				return "", "", ErrSyntax
			}
			c = s[i]
		}
		b.WriteByte(c)
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
	if !isDotString(local) || !isText(local) {
		return "", "", ErrSyntax
	}
	return local, s[i:], nil
}

// isText tells whether s is UTF-8 without control characters, those of
// Unicode included: a local part is shown in logs and on terminals.
func isText(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r < 0xa0 || r == lineSeparator || r == paragraphSeparator {
			return false
		}
		i += n
	}
	return true
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
