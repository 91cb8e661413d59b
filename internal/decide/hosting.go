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
	d := q.rent(name)
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

// let makes one domain of a template, before its value is known.
func (q *query) let(t *Template, name mail.Domain) *domain {
	d := &domain{Domain: &Domain{
		Ref: Ref{Name: t.Name, Source: t.Source}, Name: name,
		Members: t.Members, MailboxTable: t.MailboxTable, AliasTable: t.AliasTable, Subaddress: t.Subaddress,
	}}
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
		if !s.hasTable(t.From) || t.Members == MembersTable && !s.hasTable(t.MailboxTable) || t.AliasTable != NoTable && !s.hasTable(t.AliasTable) {
			return missing(t.Ref, "table", "")
		}
		for _, name := range t.Deliver {
			if name != "" && s.transports[name] == nil {
				return missing(t.Ref, "transport", name)
			}
		}
	}
	return nil
}
