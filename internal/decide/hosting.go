package decide

import (
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// rented is what a query found out about a domain that has no block.
type rented struct {
	name   mail.Domain
	domain *domain // nil: nobody hosts it
}

// mostRented bounds what a query remembers; an alias may name thousands of
// domains.
const mostRented = 8

// domainAt gives the hosted domain of that name, nil for none: its block or, by
// the templates in file order, what their tables say. One of which a table cannot
// tell has a cause.
func (q *query) domainAt(name mail.Domain) *domain {
	if d := q.Snapshot.domains[name]; d != nil || name == "" {
		return d
	}
	if len(q.Rules.Templates) == 0 {
		return q.schemeDomains[name]
	}
	for i := range q.rented {
		if q.rented[i].name == name {
			return q.rented[i].domain
		}
	}
	asked := len(q.needs)
	d := q.joined(q.rent(name))
	if len(q.rented) < mostRented && len(q.needs) == asked {
		q.rented = append(q.rented, rented{name, d})
	}
	return d
}

// rent asks the tables of the templates.
func (q *query) rent(name mail.Domain) *domain {
	for i := range q.Rules.Templates {
		t := &q.Rules.Templates[i]
		a := q.ask(t.From, string(name))
		switch a.Status {
		case table.Found:
			return q.letDomain(t, name, a)
		case table.TryLater:
			d := q.let(t, name)
			d.cause = q.doubt.cause
			return d
		}
	}
	return q.schemeDomains[name]
}

// letDomain makes the domain that a table describes: "way" or "tenant/way".
func (q *query) letDomain(t *Template, name mail.Domain, a table.Answer) *domain {
	d := q.let(t, name)
	way := ""
	if len(a.Values) > 0 {
		way = strings.TrimSpace(a.Values[0])
	}
	if tenant, rest, has := strings.Cut(way, "/"); has {
		d.Tenant, way = tenant, rest
		d.Ref.Name = ruleRef(tenant, "domain", string(name))
	}
	if a.Source != "" {
		d.Source = a.Source
	}
	if real, is := strings.CutPrefix(way, "@"); is {
		return d.named(mail.Domain(real))
	}
	transport, known := t.Deliver[way]
	if !known {
		transport, known = t.Deliver[AnyWay]
	}
	if d.Tenant != "" && !isName(d.Tenant) || !known && (way != "" || len(a.Values) > 1) {
		d.cause = fmt.Sprintf("%q is no way of %s", strings.Join(a.Values, " "), t.Name)
	}
	d.Deliver = transport
	return d
}

// named makes it another name of a domain, and nothing else.
func (d *domain) named(real mail.Domain) *domain {
	d.Domain = &Domain{Ref: d.Ref, Name: d.Name, Tenant: d.Tenant, MailboxTable: NoTable, AliasTable: NoTable}
	name, err := mail.ParseDomain(string(real))
	if d.AliasOf = name; err != nil || name == d.Name {
		d.cause = fmt.Sprintf("%q is no other domain", "@"+string(real))
	}
	return d
}

// joined finds the domain whose other name a table says that it is. Whose it is
// follows from that, since nobody else decides what becomes of its mail.
func (q *query) joined(d *domain) *domain {
	if d == nil || d.AliasOf == "" || d.cause != "" {
		return d
	}
	real := q.Snapshot.domains[d.AliasOf]
	if real == nil {
		real = q.rent(d.AliasOf)
	}
	switch {
	case real == nil:
		d.cause = fmt.Sprintf("%s is another name of %s, which is not hosted here", d.Name, d.AliasOf)
	case real.cause != "":
		d.cause = real.cause
	case real.template != nil && real.AliasOf != "":
		d.cause = fmt.Sprintf("%s is another name of %s, which is one itself", d.Name, d.AliasOf)
	case d.Tenant != "" && d.Tenant != real.Tenant:
		d.cause = fmt.Sprintf("%s is another name of %s, which belongs to %s", d.Name, d.AliasOf, real.owner())
	default:
		d.real, d.Tenant = real.real, real.Tenant
		d.Ref.Name = ruleRef(d.Tenant, "domain", string(d.Name))
	}
	return d
}

// let makes one domain of a template, before its value is known.
func (q *query) let(t *Template, name mail.Domain) *domain {
	d := &domain{Domain: &Domain{
		Ref: Ref{Name: t.Name, Source: t.Source}, Name: name,
		Members: t.Members, MailboxTable: t.MailboxTable, AliasTable: t.AliasTable, Subaddress: t.Subaddress,
		Migration: t.Migration,
	}, template: t}
	d.bareMoved = q.Rules.hasBareMoves(t.Migration)
	d.real, d.bareKeys = d, t.Members == MembersTable && q.Rules.hasBareKeys(t.MailboxTable)
	if t.CatchAll != "" {
		d.CatchAll = []mail.Address{{Local: t.CatchAll, Domain: name}}
	}
	return d
}

// isName tells whether a table may give a tenant that name: what a block could
// have too, so that no scoped name can be made up.
func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_' && c != '-') {
			return false
		}
	}
	return s != ""
}

// owner names whose a domain is.
func (d *domain) owner() string {
	if d.Tenant == "" {
		return "the top level"
	}
	return "tenant " + d.Tenant
}

// checkTemplates holds what the templates name against what there is.
func (s *Snapshot) checkTemplates() error {
	for i := range s.Rules.Templates {
		t := &s.Rules.Templates[i]
		listed := t.Members == MembersTable || t.Members == MembersAsk
		if !s.hasTable(t.From) || listed && !s.hasTable(t.MailboxTable) || t.AliasTable != NoTable && !s.hasTable(t.AliasTable) {
			return missing(t.Ref, "table", "")
		}
		for _, name := range t.Deliver {
			if name != "" && s.transports[name] == nil {
				return missing(t.Ref, "transport", name)
			}
		}
		if err := s.linkMigration(t.Ref, t.Migration); err != nil {
			return err
		}
	}
	return nil
}
