package explain

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/postroad/postroad/internal/decide"
)

// named is a rule of any kind with its matchers.
type named struct {
	ref   decide.Ref
	match decide.Matchers
}

// contradictions finds rules whose own matchers exclude each other, so that they
// hold for nothing.
func contradictions(s *subject) []Finding {
	var out []Finding
	for _, r := range allRules(s.rules) {
		for _, why := range []string{
			emptySize(r.match), noShare(r.match), plainCertificate(r.match),
			ownExcept(r.match), listenerWithoutLogin(s, r.match), listenerRefuses(s, r.match),
		} {
			if why != "" {
				out = append(out, about(r.ref, "rule can never hold", why))
			}
		}
	}
	return append(out, hostedOnly(s)...)
}

func allRules(rules *decide.Rules) []named {
	var out []named
	for _, r := range rules.Deny {
		out = append(out, named{r.Ref, r.Match})
	}
	for _, r := range rules.Relay {
		out = append(out, named{r.Ref, r.Match})
	}
	for _, r := range rules.Routes {
		out = append(out, named{r.Ref, r.Match})
	}
	for _, r := range rules.Copies {
		out = append(out, named{r.Ref, r.Match})
	}
	return out
}

func emptySize(m decide.Matchers) string {
	if lo, hi := sizeRange(m.Size); lo > hi {
		return "no size satisfies all its conditions"
	}
	return ""
}

func noShare(m decide.Matchers) string {
	if m.Percent != nil && *m.Percent <= 0 {
		return "percent = 0 selects no recipient"
	}
	return ""
}

func plainCertificate(m decide.Matchers) string {
	if m.TLS != nil && !*m.TLS && len(m.Certificate) > 0 {
		return "a client shows its certificate only within TLS, and tls = false"
	}
	return ""
}

// ownExcept: the rule without its exceptions lies within one of them.
func ownExcept(m decide.Matchers) string {
	bare := m
	bare.Except = nil
	for i, e := range m.Except {
		if covers(e, bare) {
			return fmt.Sprintf("its except block %d leaves out everything that it takes", i+1)
		}
	}
	return ""
}

func listenerWithoutLogin(s *subject, m decide.Matchers) string {
	if len(m.Login) == 0 {
		return ""
	}
	for _, l := range doors(s.rules, m) {
		if slices.ContainsFunc(m.Login, func(p decide.LoginPattern) bool { return slices.Contains(l.Login, p.Directory) }) {
			return ""
		}
	}
	return "no listener that it concerns offers a login by its directories"
}

// listenerRefuses: every network that the rule names is turned away at every
// door that it names.
func listenerRefuses(s *subject, m decide.Matchers) string {
	if len(m.Client) == 0 || m.ClientTable != decide.NoTable {
		return ""
	}
	for _, l := range doors(s.rules, m) {
		if len(l.Client) == 0 || overlap(l.Client, m.Client) {
			return ""
		}
	}
	return "no listener that it concerns lets its clients connect"
}

// doors are the listeners that a rule concerns.
func doors(rules *decide.Rules, m decide.Matchers) []decide.Listener {
	if len(m.Listener) == 0 {
		return rules.Listeners
	}
	return slices.DeleteFunc(slices.Clone(rules.Listeners), func(l decide.Listener) bool {
		return !slices.Contains(m.Listener, l.Name)
	})
}

func overlap(a, b []netip.Prefix) bool {
	return slices.ContainsFunc(a, func(x netip.Prefix) bool { return slices.ContainsFunc(b, x.Overlaps) })
}

// hostedOnly finds rules on foreign mail that name hosted recipients alone.
func hostedOnly(s *subject) []Finding {
	var out []Finding
	for _, r := range s.rules.Routes {
		if r.Hosted != nil && !*r.Hosted && onlyHosted(s.rules, r.Match.Recipient) {
			out = append(out, about(r.Ref, "rule can never hold", "its recipients are hosted here, and hosted = false"))
		}
	}
	for _, r := range s.rules.Relay {
		if onlyHosted(s.rules, r.Match.Recipient) {
			out = append(out, about(r.Ref, "rule has no effect", "its recipients are hosted here, and mail for them needs no relay access"))
		}
	}
	return out
}

func onlyHosted(rules *decide.Rules, recipients []decide.Pattern) bool {
	for _, p := range recipients {
		concrete := p.Kind == decide.PatternAddress || p.Kind == decide.PatternDomain
		if !concrete || hostedDomain(rules, p.Domain) == nil {
			return false
		}
	}
	return len(recipients) > 0
}
