package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// defaultRoute is the reserved name of the route that is always last.
const defaultRoute = "default"

// buildRules builds deny, relay, route and copy.
func (l *loader) buildRules(rules *decide.Rules) {
	for _, b := range l.blocks["deny"] {
		l.buildDeny(b, rules)
	}
	for _, b := range l.blocks["relay"] {
		before := l.errors
		m := l.matchers(b)
		if !b.bad && l.errors == before {
			rules.Relay = append(rules.Relay, decide.Relay{Ref: refOf(b), Tenant: b.tenant, Match: m})
		}
	}
	for _, b := range l.blocks["route"] {
		l.buildRoute(b, rules)
	}
	for _, b := range l.blocks["copy"] {
		rules.Copies = append(rules.Copies, decide.Copy{Ref: refOf(b), Tenant: b.tenant, Match: l.matchers(b),
			To: get[mail.Address](b, "to"), Via: get[ref](b, "via").name})
	}
}

func refOf(b *block) decide.Ref { return decide.Ref{Name: b.ref(), Source: b.source()} }

func (l *loader) buildDeny(b *block, rules *decide.Rules) {
	d := decide.Deny{Ref: refOf(b), Tenant: b.tenant, Match: l.matchers(b)}
	if !l.hasMatcher(b) && !b.bad {
		l.errorf(b.at, "deny %q has no condition: it would refuse everybody", b.name)
	}
	if b.given("text") {
		d.Reply = mail.Reply{Code: 554, Enhanced: "5.7.1", Text: l.replyText(b, "text")}
	}
	rules.Deny = append(rules.Deny, d)
}

func (l *loader) hasMatcher(b *block) bool {
	for _, f := range matcherFields() {
		if b.given(f.name) {
			return true
		}
	}
	return false
}

// buildRoute builds one route; "default" is kept apart.
func (l *loader) buildRoute(b *block, rules *decide.Rules) {
	r := decide.Route{Ref: refOf(b), Tenant: b.tenant, Match: l.matchers(b), Via: get[ref](b, "via").name, Lookup: decide.NoTable}
	if b.given("lookup") {
		t := get[ref](b, "lookup")
		r.Lookup = l.tableID(t)
		if t.typ != "" {
			l.fits(t, useOf("lookup"))
		}
	}
	if b.given("hosted") {
		v := get[bool](b, "hosted")
		r.Hosted = &v
	}
	switch {
	case b.given("via") && b.given("lookup"):
		l.errorf(b.place("lookup"), "route %q has via and lookup; it takes one of them", b.name)
	case !b.given("via") && !b.given("lookup") && !b.bad:
		l.errorf(b.at, "route %q has neither via nor lookup", b.name)
	}
	if b.tenant != "" && b.label == defaultRoute {
		l.errorf(b.nameAt, "route %q is the top level's", defaultRoute).detail("a route without conditions, at the end, takes what is left of a tenant's own mail")
	}
	if b.name != defaultRoute {
		rules.Routes = append(rules.Routes, r)
		return
	}
	l.onlyVia(b)
	rules.Default = &r
}

// onlyVia: the default route is what is left when nothing else holds, so that it
// has no conditions.
func (l *loader) onlyVia(b *block) {
	for name, v := range b.values {
		if v.given && name != "via" {
			l.errorf(v.at, "route \"default\" has no %s: it takes all that no other route took", name)
		}
	}
	for _, in := range b.inner {
		l.errorf(in.at, "route \"default\" has no except: it takes all that no other route took")
	}
}

// replyText gives the text of a reply, which goes on the wire as it is.
func (l *loader) replyText(b *block, name string) string {
	s := get[string](b, name)
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' { // RFC 5321 s4.2 textstring
			l.errorf(b.place(name), "the text of a reply is one line of ASCII")
			break
		}
	}
	if len(s) > 400 { // RFC 5321 s4.5.3.1.5: 512 octets a line
		l.errorf(b.place(name), "the text of a reply is longer than 400 octets")
	}
	return s
}

// openRelay refuses rules that let anybody send anywhere.
func (l *loader) openRelay(rules *decide.Rules) {
	refs := decide.OpenRelay(rules)
	if len(refs) == 0 {
		return
	}
	at, _ := l.config.Locate(refs[0].Source)
	names := make([]string, len(refs))
	for i, r := range refs {
		names[i] = fmt.Sprintf("%s (%s)", r.Name, r.Source)
	}
	n := l.errorf(hcl.Range{}, "an open relay: unknown clients could send to any domain")
	n.Range = at
	if len(names) == 1 {
		n.detail("%s lets them", names[0])
	} else {
		n.detail("together let them: %s", strings.Join(names, ", "))
	}
	n.hint("bound it by client (less than a /8 of IPv4 or a /32 of IPv6 in all), login, or recipient")
}
