package mail

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Domain is a domain name as A-labels in lower case without a trailing dot, or
// an address literal in its brackets ("[192.0.2.1]", "[IPv6:2001:db8::1]").
type Domain string

// profile maps as a registrar's look-up does, but leaves the rules of DNS
// labels to checkLabels, since mail runs over names with underscores too.
var profile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.BidiRule())

// maxLetters bounds what the mapping is done for, as it takes more than linear
// time. No name of 253 octets needs more in UTF-8.
const maxLetters = 1024

// ParseDomain reads a domain or an address literal; U-labels become A-labels
// (RFC 5890). A trailing dot is refused: RFC 5321 has none. Errors: ErrDomain.
func ParseDomain(s string) (Domain, error) {
	if strings.HasPrefix(s, "[") {
		return parseLiteral(s)
	}
	if len(s) > maxLetters {
		return "", ErrDomain
	}
	if isPlain(s) {
		return checkLabels(strings.ToLower(s))
	}
	a, err := profile.ToASCII(s)
	if err != nil {
		return "", ErrDomain
	}
	return checkLabels(strings.ToLower(a))
}

// isPlain tells whether s needs no IDNA mapping.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// checkLabels holds s against RFC 1035 s2.3.4 and the letters of host names,
// with "_" admitted because real domains use it.
func checkLabels(s string) (Domain, error) {
	if s == "" || len(s) > 253 {
		return "", ErrDomain
	}
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return "", ErrDomain
			}
			label = 0
			continue
		case c == '-':
			if label == 0 {
				return "", ErrDomain
			}
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
		default:
			return "", ErrDomain
		}
		if label++; label > 63 {
			return "", ErrDomain
		}
	}
	if label == 0 || s[len(s)-1] == '-' {
		return "", ErrDomain
	}
	return Domain(s), nil
}

// parseLiteral reads an address literal (RFC 5321 s4.1.3).
func parseLiteral(s string) (Domain, error) {
	if !strings.HasSuffix(s, "]") || len(s) < 4 {
		return "", ErrDomain
	}
	in := s[1 : len(s)-1]
	if len(in) > 5 && strings.EqualFold(in[:5], "ipv6:") {
		a, err := netip.ParseAddr(in[5:])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", ErrDomain
		}
		return Domain("[IPv6:" + a.String() + "]"), nil
	}
	a, err := netip.ParseAddr(in)
	if err != nil || !a.Is4() {
		return "", ErrDomain
	}
	return Domain("[" + a.String() + "]"), nil
}

// Literal gives the IP address of an address literal.
func (d Domain) Literal() (netip.Addr, bool) {
	if len(d) < 3 || d[0] != '[' {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(strings.TrimPrefix(string(d[1:len(d)-1]), "IPv6:"))
	return a, err == nil
}

// Parent is the name without its first label, or "" when there is none.
func (d Domain) Parent() Domain {
	if i := strings.IndexByte(string(d), '.'); i >= 0 && d[0] != '[' {
		return d[i+1:]
	}
	return ""
}
