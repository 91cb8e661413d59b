package decide

import (
	"iter"

	"github.com/postroad/postroad/internal/mail"
)

// Builtins are the transports that are always there. Compile adds them; a
// transport of the same name in the rules takes their place.
func Builtins() []Transport {
	builtin := func(name, kind string) Transport {
		return Transport{Ref: Ref{Name: name, Source: "builtin"}, Kind: kind}
	}
	failing := builtin(BuiltinError, KindReject)
	failing.Reply = mail.Reply{Code: 550, Enhanced: "5.0.0", Text: "Mail for this address is not accepted"}
	return []Transport{
		builtin(BuiltinMX, KindMX), builtin(BuiltinSMTP, KindMX), builtin(BuiltinRelay, KindMX),
		builtin(BuiltinLMTP, KindLMTP), failing, builtin(BuiltinDiscard, KindDiscard),
		builtin(BuiltinReinject, KindReinject), builtin(BuiltinList, KindReinject), builtin(BuiltinExpanded, KindDiscard),
	}
}

// builtinRule names a way that mail takes when no rule holds.
func builtinRule(name string) Ref { return Ref{Name: "builtin." + name, Source: "builtin"} }

// matchers goes over the conditions of all rules, exceptions included.
func (s *Snapshot) matchers() iter.Seq2[Ref, *Matchers] {
	return func(yield func(Ref, *Matchers) bool) {
		each := func(ref Ref, m *Matchers) bool {
			for i := range m.Except {
				if !yield(ref, &m.Except[i]) {
					return false
				}
			}
			return yield(ref, m)
		}
		r := s.Rules
		for i := range r.Deny {
			if !each(r.Deny[i].Ref, &r.Deny[i].Match) {
				return
			}
		}
		for i := range r.Relay {
			if !each(r.Relay[i].Ref, &r.Relay[i].Match) {
				return
			}
		}
		for i := range r.Routes {
			if !each(r.Routes[i].Ref, &r.Routes[i].Match) {
				return
			}
		}
		for i := range r.Copies {
			if !each(r.Copies[i].Ref, &r.Copies[i].Match) {
				return
			}
		}
		for i := range r.Rewrites {
			if !each(r.Rewrites[i].Ref, &r.Rewrites[i].Match) {
				return
			}
		}
		if r.Default != nil {
			each(r.Default.Ref, &r.Default.Match)
		}
	}
}
