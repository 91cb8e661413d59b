package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// memberValue is the value of `mailboxes`.
type memberValue struct {
	members decide.Members
	list    []text
	table   decide.TableID
}

func (l *loader) members(e hclsyntax.Expression) (memberValue, bool) {
	m := memberValue{members: decide.MembersTable, table: decide.NoTable}
	if isReference(e) {
		var ok bool
		m.table, ok = l.table(e, "mailboxes")
		return m, ok
	}
	if _, is := plainExpr(e).(*hclsyntax.TupleConsExpr); is {
		var ok bool
		m.members = decide.MembersList
		m.list, ok = l.texts(e)
		return m, ok
	}
	switch s, _ := constant(e); s {
	case "any":
		m.members = decide.MembersAny
		return m, true
	case "ask":
		m.members = decide.MembersAsk
		return m, true
	default:
		l.errorf(e.Range(), `mailboxes is a list, a table, "any" or "ask"`)
	}
	return m, false
}

// aliasValue is the value of `aliases`. The object is read when the domain is
// known in which bare local parts stand.
type aliasValue struct {
	object *hclsyntax.ObjectConsExpr
	table  decide.TableID
}

func (l *loader) aliases(e hclsyntax.Expression) (aliasValue, bool) {
	v := aliasValue{table: decide.NoTable}
	if o, is := plainExpr(e).(*hclsyntax.ObjectConsExpr); is {
		v.object = o
		return v, true
	}
	if !isReference(e) {
		l.expected(e, `an object, as { "sales" = ["ann", "bob"] }, or a table`)
		return v, false
	}
	var ok bool
	v.table, ok = l.table(e, "aliases")
	return v, ok
}

// buildDomains builds the hosted domains.
func (l *loader) buildDomains(rules *decide.Rules) {
	for _, b := range l.blocks["domain"] {
		before := l.errors
		d := decide.Domain{
			Ref: decide.Ref{Name: b.ref(), Source: b.source()}, Name: mail.Domain(b.name), Tenant: b.tenant,
			MailboxTable: decide.NoTable, AliasTable: decide.NoTable,
			Subaddress: get[string](b, "subaddress"), Deliver: get[ref](b, "deliver").name,
			SRS: get[ref](b, "srs").name,
		}
		if b.given("alias_of") {
			d.AliasOf = l.aliasOf(b)
		} else {
			l.addresses(b, &d)
		}
		var deliver []string
		if d.Deliver != "" {
			deliver = []string{d.Deliver}
		}
		d.Migration = l.migration(rules, b, deliver)
		if l.askedFor(b, d.Members) {
			d.MailboxTable = l.ask(rules, b, deliver, d.Migration)
		}
		l.subaddress(b)
		if l.errors == before {
			rules.Domains = append(rules.Domains, d)
		}
	}
}

// addresses fills mailboxes, aliases and catch-all.
func (l *loader) addresses(b *block, d *decide.Domain) {
	if m, is := b.values["mailboxes"].v.(memberValue); is {
		d.Members, d.MailboxTable = m.members, m.table
		for _, t := range m.list {
			a, ok := l.within(t, d.Name)
			if ok && a.Domain != d.Name {
				l.errorf(t.at, "%q is no mailbox of %s", t.s, d.Name)
			}
			d.Mailboxes = append(d.Mailboxes, a)
		}
	}
	if a, is := b.values["aliases"].v.(aliasValue); is {
		d.AliasTable = a.table
		if a.object != nil {
			d.Aliases = l.aliasEntries(a.object, d.Name)
		}
	}
	for _, t := range get[[]text](b, "catch_all") {
		a, _ := l.within(t, d.Name)
		d.CatchAll = append(d.CatchAll, a)
	}
}

// aliasEntries reads an object of aliases. Keys are one when they name one
// address: with or without the domain, in any case.
func (l *loader) aliasEntries(o *hclsyntax.ObjectConsExpr, domain mail.Domain) []decide.Alias {
	same := func(key string) string {
		local, name, has := strings.Cut(strings.ToLower(key), "@")
		if d, err := mail.ParseDomain(name); has && err == nil && d != domain {
			return key
		}
		return local
	}
	entries, _ := l.object(o, same)
	out := make([]decide.Alias, 0, len(entries))
	for _, e := range entries {
		if strings.HasPrefix(e.key.s, "@") {
			l.errorf(e.key.at, "%q is no alias; who gets the mail for everybody else stands in catch_all", e.key.s)
			continue
		}
		a, ok := l.within(e.key, domain)
		if ok && a.Domain != domain {
			l.errorf(e.key.at, "%q is no address of %s", e.key.s, domain)
		}
		alias := decide.Alias{Address: a, Source: where(e.key.at)}
		targets, _ := l.texts(e.value)
		for _, t := range targets {
			target, _ := l.within(t, domain)
			alias.Targets = append(alias.Targets, target)
		}
		out = append(out, alias)
	}
	return out
}

// within reads an address; a bare local part stands in domain.
func (l *loader) within(t text, domain mail.Domain) (mail.Address, bool) {
	s := t.s
	if !strings.Contains(s, "@") {
		s += "@" + string(domain)
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		l.errorf(t.at, "%q is no address and no local part", t.s)
		return a, false
	}
	return a, true
}

// subaddress refuses delimiters that no local part can hold, or that are letters.
func (l *loader) subaddress(b *block) {
	for _, c := range get[string](b, "subaddress") {
		if !strings.ContainsRune("+-=_.!#$%&'*/?^`{|}~", c) {
			l.errorf(b.place("subaddress"), "%q cannot end a local part", string(c)).detail(`usual are "+" and "-"`)
			return
		}
	}
}

// aliasOf gives the hosted domain at the end of a chain of alias_of.
func (l *loader) aliasOf(b *block) mail.Domain {
	for _, name := range []string{"mailboxes", "aliases", "catch_all", "subaddress", "deliver", "srs"} {
		if b.given(name) {
			l.errorf(b.place(name), "%s has no meaning beside alias_of", name).
				detail("all addresses of %s are those of %s", b.name, get[mail.Domain](b, "alias_of"))
		}
	}
	for _, in := range b.inner {
		l.errorf(in.at, "%s has no meaning beside alias_of", in.spec.name)
	}
	path := []string{b.name}
	for at := b; at.given("alias_of"); {
		next := string(get[mail.Domain](at, "alias_of"))
		known := l.declared["domain"][next]
		if known == nil {
			if at == b {
				l.unknownDomain(b, next)
			}
			return ""
		}
		if i := slices.Index(path, next); i >= 0 {
			if i == 0 && b.name == slices.Min(path) { // told once, at one domain of the circle
				l.errorf(b.place("alias_of"), "alias_of goes in a circle: %s", strings.Join(append(path, next), " -> "))
			}
			return ""
		}
		if known.block.tenant != b.tenant {
			l.reaches(b, b.place("alias_of"), "alias_of "+next+" belongs to "+owner(known.block.tenant))
			return ""
		}
		path = append(path, next)
		at = known.block
	}
	return mail.Domain(path[len(path)-1])
}

func (l *loader) unknownDomain(b *block, name string) {
	var known []string
	for d := range l.declared["domain"] {
		known = append(known, d)
	}
	l.errorf(b.place("alias_of"), "domain %s is not hosted here", name).
		hint(didYouMean(name, known, quote)).detail("%s", fmt.Sprintf("alias_of names a domain that has a block of its own"))
}
