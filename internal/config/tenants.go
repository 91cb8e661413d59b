package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// Tenant is what a tenant is called and may have. Zero limits do not bound.
type Tenant struct {
	Name     string
	Source   string
	Hostname mail.Domain // of reports about its mail; "": Config.Hostname

	Messages   Rate
	Queue      int // jobs
	Recipients int // of one transaction
}

// declareTenant notes what stands in a tenant's block, under its name.
func (l *loader) declareTenant(d *block) {
	for _, b := range d.body.Blocks {
		if spec := findSpec(d.spec.inner, b.Type); spec != nil && !spec.single && !spec.later {
			l.declareBlock(b, d.spec.inner, d.name)
		}
	}
}

// buildTenants builds the tenants and holds their rules against what is theirs.
func (l *loader) buildTenants(rules *decide.Rules) {
	l.config.Tenants = make(map[string]*Tenant, len(l.blocks[tenantBlock]))
	for _, b := range l.blocks[tenantBlock] {
		t, rule := l.tenant(b)
		l.config.Tenants[t.Name] = t
		rules.Tenants = append(rules.Tenants, rule)
	}
	for _, typ := range []string{"deny", "relay", "route", "copy", "rewrite"} {
		for _, b := range l.blocks[typ] {
			if b.tenant != "" {
				l.ownOnly(b, b)
			}
		}
	}
}

func (l *loader) tenant(b *block) (*Tenant, decide.Tenant) {
	t := &Tenant{Name: b.name, Source: b.source(), Hostname: get[mail.Domain](b, "hostname")}
	rule := decide.Tenant{Ref: refOf(b), Name: b.name, Postmaster: get[mail.Address](b, "postmaster")}
	limits := 0
	for _, in := range b.inner {
		if in.spec.name != "limits" {
			continue
		}
		if limits++; limits > 1 {
			l.errorf(in.at, "limits stands a second time")
		}
		t.Messages, t.Queue, t.Recipients = get[Rate](in, "messages"), get[int](in, "queue"), get[int](in, "recipients")
		rule.MaxSize = get[int64](in, "max_message_size")
	}
	if t.Hostname != "" && !l.isBelow(string(t.Hostname), b.name) {
		l.errorf(b.place("hostname"), "%s is no domain of tenant %s, nor below one", t.Hostname, b.name)
	}
	return t, rule
}

// isBelow tells whether a name is a domain of the tenant, or below one.
func (l *loader) isBelow(name, tenant string) bool {
	for {
		if d := l.declared["domain"][name]; d != nil {
			return d.block != nil && d.block.tenant == tenant
		}
		_, rest, more := strings.Cut(name, ".")
		if !more {
			return false
		}
		name = rest
	}
}

// owner names whose something is.
func owner(tenant string) string {
	if tenant == "" {
		return "the top level"
	}
	return "tenant " + tenant
}

// reaches refuses what would reach outside of the tenant in which it stands. It
// could do no harm there, since a tenant's rules are asked for mail of its own
// only; who writes it believes something else.
func (l *loader) reaches(rule *block, at hcl.Range, reach string) {
	l.errorf(at, "%s reaches outside: %s", rule.ref(), reach).
		detail("a tenant's rules concern mail for its own domains and of its own logins")
}

// ownOnly holds a rule of a tenant, or one of its exceptions, against what is the
// tenant's own.
func (l *loader) ownOnly(rule, b *block) {
	for _, attribute := range []string{"recipient", "original", "sender"} {
		for _, p := range get[[]decide.Pattern](b, attribute) {
			if d := l.declared["domain"][string(p.Domain)]; p.Domain != "" && d != nil && d.block != nil && d.block.tenant != b.tenant {
				l.reaches(rule, b.place(attribute), attribute+" "+string(p.Domain)+" belongs to "+owner(d.block.tenant))
			}
		}
	}
	if b.spec.name == "relay" && !b.given("login") && !b.bad {
		l.errorf(b.at, "%s reaches outside: a client that did not log in is no tenant's", b.ref()).
			hint("name login, a directory of the tenant; clients are let in by relay at the top level")
	}
	for _, in := range b.inner {
		l.ownOnly(rule, in)
	}
}

// ways is the value of `deliver` in a template: words and their transports.
func (l *loader) ways(e hclsyntax.Expression) (map[string]string, bool) {
	o, is := plainExpr(e).(*hclsyntax.ObjectConsExpr)
	if !is {
		r, ok := l.reference(e, "transport")
		return map[string]string{decide.AnyWay: r.name}, ok
	}
	entries, ok := l.object(o, func(s string) string { return s })
	out := make(map[string]string, len(entries))
	for _, en := range entries {
		r, good := l.reference(en.value, "transport")
		if strings.ContainsAny(en.key.s, "/ \t") || en.key.s == "" || en.key.s[0] == '@' {
			l.errorf(en.key.at, "%q is no word of a table's value", en.key.s)
			good = false
		}
		ok = ok && good
		out[en.key.s] = r.name
	}
	return out, ok
}

// buildTemplates builds the domains that come from tables.
func (l *loader) buildTemplates(rules *decide.Rules) {
	for _, b := range l.blocks["domains"] {
		before := l.errors
		t := decide.Template{
			Ref: refOf(b), From: l.tableFor(b, "from", "domains"), AliasTable: l.tableFor(b, "aliases", "aliases"), MailboxTable: decide.NoTable,
			CatchAll: get[string](b, "catch_all"), Subaddress: get[string](b, "subaddress"), Deliver: get[map[string]string](b, "deliver"),
		}
		if m, is := b.values["mailboxes"].v.(memberValue); is {
			if t.Members, t.MailboxTable = m.members, m.table; m.members == decide.MembersList {
				l.errorf(b.place("mailboxes"), `mailboxes of many domains is a table, "any" or "ask"`)
			}
		}
		deliver := slices.Compact(slices.Sorted(maps.Values(t.Deliver)))
		t.Migration = l.migration(rules, b, deliver)
		if l.askedFor(b, t.Members) {
			t.MailboxTable = l.ask(rules, b, deliver, t.Migration)
		}
		if _, err := mail.ParseAddress(t.CatchAll + "@local.invalid"); b.given("catch_all") && (err != nil || strings.Contains(t.CatchAll, "@")) {
			l.errorf(b.place("catch_all"), "catch_all of many domains is a local part, since there is one in each")
		}
		l.subaddress(b)
		if l.errors == before && !b.bad {
			rules.Templates = append(rules.Templates, t)
		}
	}
}

// tableFor gives the table that an attribute names, if it can serve for a use.
func (l *loader) tableFor(b *block, attribute, use string) decide.TableID {
	r := get[ref](b, attribute)
	if r.typ == "" {
		return decide.NoTable
	}
	l.fits(r, useOf(use))
	return l.tableID(r)
}
