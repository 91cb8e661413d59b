package explain

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// covers tells whether a provably holds for everything for which b holds. False
// means "not proven".
func covers(a, b decide.Matchers) bool {
	return coversAddresses(a, b) && coversSession(a, b) && coversMessage(a, b) && coversExcept(a, b)
}

func coversAddresses(a, b decide.Matchers) bool {
	return subset(a.Recipient, b.Recipient, patternCovers) &&
		subset(a.Original, b.Original, patternCovers) &&
		subset(a.Sender, b.Sender, patternCovers) &&
		subset(a.Helo, b.Helo, patternCovers)
}

func coversSession(a, b decide.Matchers) bool {
	return coversClient(a, b) &&
		subset(a.Login, b.Login, loginCovers) &&
		subset(a.Certificate, b.Certificate, equal[string]) &&
		subset(a.Listener, b.Listener, equal[string]) &&
		(a.TLS == nil || b.TLS != nil && *a.TLS == *b.TLS)
}

func coversMessage(a, b decide.Matchers) bool {
	if a.Percent != nil && *a.Percent < 100 {
		return false // the hash takes the rule's name, so two shares never coincide
	}
	return subset(a.Tag, b.Tag, equal[string]) && coversHeader(a, b) && coversSize(a, b)
}

// coversClient: networks and a table of networks are alternatives of each other.
func coversClient(a, b decide.Matchers) bool {
	if len(a.Client) == 0 && a.ClientTable == decide.NoTable {
		return true
	}
	if len(b.Client) == 0 && b.ClientTable == decide.NoTable {
		return false
	}
	if b.ClientTable != decide.NoTable && b.ClientTable != a.ClientTable {
		return false
	}
	return len(b.Client) == 0 || len(a.Client) > 0 && subset(a.Client, b.Client, prefixCovers)
}

// coversHeader: the patterns are alternatives. Of globs only equal ones and "*"
// are compared.
func coversHeader(a, b decide.Matchers) bool {
	return subset(a.Header, b.Header, func(x, y decide.HeaderPattern) bool {
		return strings.EqualFold(x.Name, y.Name) && (x.Glob == "*" || strings.EqualFold(x.Glob, y.Glob))
	})
}

func coversSize(a, b decide.Matchers) bool {
	alo, ahi := sizeRange(a.Size)
	blo, bhi := sizeRange(b.Size)
	return alo <= blo && bhi <= ahi
}

// coversExcept: whatever a leaves out, b leaves out as well.
func coversExcept(a, b decide.Matchers) bool {
	for _, ea := range a.Except {
		if !slices.ContainsFunc(b.Except, func(eb decide.Matchers) bool { return covers(eb, ea) }) {
			return false
		}
	}
	return true
}

// subset tells whether each alternative of b lies within one of a. No
// alternatives means "not asked", and so everything.
func subset[T any](a, b []T, within func(a, b T) bool) bool {
	if len(a) == 0 {
		return true
	}
	if len(b) == 0 {
		// A pattern for everything asks nothing either, but no other type has one.
		p, ok := any(a).([]decide.Pattern)
		return ok && slices.ContainsFunc(p, func(p decide.Pattern) bool { return p.Kind == decide.PatternAny })
	}
	for _, y := range b {
		if !slices.ContainsFunc(a, func(x T) bool { return within(x, y) }) {
			return false
		}
	}
	return true
}

func equal[T comparable](a, b T) bool { return a == b }

func loginCovers(a, b decide.LoginPattern) bool {
	return a.Directory == b.Directory && (a.Name == "" || a.Name == b.Name)
}

func prefixCovers(a, b netip.Prefix) bool {
	return a.Bits() <= b.Bits() && a.Contains(b.Addr())
}

// patternCovers tells whether every address that b matches is matched by a.
func patternCovers(a, b decide.Pattern) bool {
	switch a.Kind {
	case decide.PatternAny:
		return true
	case decide.PatternAddress:
		return b.Kind == decide.PatternAddress && b.Local == a.Local && b.Domain == a.Domain
	case decide.PatternDomain:
		return (b.Kind == decide.PatternAddress || b.Kind == decide.PatternDomain) && b.Domain == a.Domain
	case decide.PatternSubdomain:
		return b.Kind == decide.PatternSubdomain && b.Domain == a.Domain || isBelow(b, a.Domain)
	case decide.PatternLocal:
		return (b.Kind == decide.PatternAddress || b.Kind == decide.PatternLocal) && b.Local == a.Local
	case decide.PatternTable:
		return b.Kind == decide.PatternTable && b.Table == a.Table
	}
	return a.Kind == b.Kind // null
}

// isBelow tells whether all that p matches is in subdomains of d.
func isBelow(p decide.Pattern, d mail.Domain) bool {
	switch p.Kind {
	case decide.PatternAddress, decide.PatternDomain, decide.PatternSubdomain:
		return strings.HasSuffix(string(p.Domain), "."+string(d))
	}
	return false
}

// sizeRange is the interval of sizes, both ends included; empty when lo > hi.
func sizeRange(all []decide.SizePattern) (lo, hi int64) {
	lo, hi = 0, math.MaxInt64
	for _, s := range all {
		switch s.Op {
		case ">":
			lo = max(lo, s.Bytes+1)
		case ">=":
			lo = max(lo, s.Bytes)
		case "<":
			hi = min(hi, s.Bytes-1)
		case "<=":
			hi = min(hi, s.Bytes)
		}
	}
	return lo, hi
}
