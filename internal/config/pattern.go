package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// parsePattern reads one address pattern of a rule (CONFIG.md "Patterns").
func parsePattern(s string) (decide.Pattern, error) {
	p := decide.Pattern{Table: decide.NoTable}
	switch {
	case s == "*":
		p.Kind = decide.PatternAny
		return p, nil
	case s == "<>":
		p.Kind = decide.PatternNull
		return p, nil
	case strings.HasPrefix(s, "."):
		d, err := mail.ParseDomain(s[1:])
		p.Kind, p.Domain = decide.PatternSubdomain, d
		return p, patternError(s, err)
	case strings.HasSuffix(s, "@"):
		a, err := mail.ParseAddress(s + "local.invalid")
		p.Kind, p.Local = decide.PatternLocal, strings.ToLower(a.Local)
		return p, patternError(s, err)
	case strings.HasPrefix(s, "@"):
		return p, fmt.Errorf("%q is no pattern; a domain is written without the @", s)
	case strings.Contains(s, "@"):
		a, err := mail.ParseAddress(s)
		p.Kind, p.Local, p.Domain = decide.PatternAddress, strings.ToLower(a.Local), a.Domain
		return p, patternError(s, err)
	case strings.HasPrefix(s, "*."):
		return p, fmt.Errorf("%q is no pattern; every subdomain is written %q", s, s[1:])
	}
	d, err := mail.ParseDomain(s)
	p.Kind, p.Domain = decide.PatternDomain, d
	return p, patternError(s, err)
}

func patternError(s string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q is no pattern: %w", s, err)
}

// parseName reads a pattern for what a client says in EHLO.
func parseName(s string) (decide.Pattern, error) {
	p, err := parsePattern(s)
	if err == nil && p.Kind != decide.PatternDomain && p.Kind != decide.PatternSubdomain && p.Kind != decide.PatternAny {
		err = fmt.Errorf("%q is no domain pattern, and a HELO name is no address", s)
	}
	return p, err
}

// parseNetwork reads a network, or a single address.
func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, errUnit(s, `network, as "10.0.0.0/8", and no address`)
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errUnit(s, `network, as "10.0.0.0/8"`)
	}
	if n.Addr().Is4In6() {
		if n.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("%q reaches beyond the addresses of IPv4; write it as one of IPv4", s)
		}
		n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
	}
	if n.Masked() != n {
		return netip.Prefix{}, fmt.Errorf("%q has bits set behind its length; the network is %q", s, n.Masked())
	}
	return n, nil
}

// parseIP reads an IP address.
func parseIP(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, errUnit(s, "IP address")
	}
	return a.Unmap(), nil
}

// parseHeader reads a field name and a glob.
func parseHeader(name, glob string) (decide.HeaderPattern, error) {
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] >= 0x7f || name[i] == ':' { // RFC 5322 s3.6.8 ftext
			return decide.HeaderPattern{}, errUnit(name, "name of a header field")
		}
	}
	if name == "" {
		return decide.HeaderPattern{}, errors.New("the name of a header field is empty")
	}
	return decide.HeaderPattern{Name: name, Glob: glob}, nil
}
