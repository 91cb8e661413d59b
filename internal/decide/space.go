package decide

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// space is the rules of one namespace: the top level's, or a tenant's. A tenant's
// are asked only for mail that is its own (see charge), so that nothing in its
// block can reach another's, whatever its rules say.
type space struct {
	name   string
	tenant *Tenant // nil: the top level, or a tenant that only a table names
	*rulebook
}

// rulebook is the compiled rules of a space.
type rulebook struct{ deny, relay, routes, copies, rewrites, leaving ruleset }

// spaceOf gives the space of a tenant.
func (s *Snapshot) spaceOf(tenant string) *space {
	if tenant == "" {
		return &s.space
	}
	if sp := s.spaces[tenant]; sp != nil {
		return sp
	}
	return &space{name: tenant, rulebook: &s.blank} // named by a table
}

// Rule is the table as rules and steps name it: "table.aliases",
// "tenant.acme.table.aliases".
func (t *TableInfo) Rule() string {
	if t.Format == FormatMoves || t.Format == FormatAsk {
		return t.Name
	}
	return ruleRef(t.Tenant, "table", t.Name)
}

// Rule is the transport as it is named: "transport.out", "tenant.acme.transport.out".
func (t *Transport) Rule() string { return ruleRef(t.Tenant, "transport", t.Name) }

// Rule is the directory as it is named: "directory.staff",
// "tenant.acme.directory.staff".
func (d *Directory) Rule() string { return ruleRef(d.Tenant, "directory", d.Name) }

// bookOf gives the rulebook into which a tenant's rules are compiled.
func (s *Snapshot) bookOf(tenant string) *rulebook {
	if tenant != "" && s.spaces[tenant] == nil {
		s.spaces[tenant] = &space{name: tenant, rulebook: &rulebook{}}
	}
	return s.spaceOf(tenant).rulebook
}

// ruleRef names what a person calls "users" in tenant acme: the scoped name is
// "acme.users", the rule tenant.acme.table.users.
func ruleRef(tenant, kind, scoped string) string {
	if tenant == "" {
		return kind + "." + scoped
	}
	return "tenant." + tenant + "." + kind + "." + strings.TrimPrefix(scoped, tenant+".")
}

// charge settles whose mail a recipient's is. Mail of a login is its tenant's,
// and so is what leaves on a tenant's behalf; all other mail is that of the
// tenant in whose domain the recipient was given. The sender says nothing: a
// client writes there what it likes.
//
// It stays so to the end: where the way leads into another tenant's domain, the
// mail leaves as a transaction of its own (see cross).
func (j *judgment) charge() {
	tenant := j.actor()
	if tenant == "" {
		if d := j.domainAt(j.given.Address.Domain); d != nil {
			tenant = d.Tenant
		} else if r := j.srsDomains[j.given.Address.Domain]; r != nil {
			tenant = r.Tenant
		}
	}
	j.space = j.spaceOf(tenant)
}

// actor is the tenant that acts: of the login, or on whose behalf mail of our own
// goes; "" for everybody outside.
func (q *query) actor() string {
	f := &q.in.Facts
	if f.Origin != OriginSMTP {
		return f.Tenant
	}
	if d := q.directories[f.Login.Directory]; d != nil {
		return d.Tenant
	}
	return ""
}

// isOwn tells whether a domain belongs to the space's own namespace.
func (sp *space) isOwn(d *domain) bool { return d.Tenant == sp.name }

// isTop tells whether it is the space of the top level.
func (sp *space) isTop() bool { return sp.name == "" }

// triedIn asks the rules of a space, then those of the top level. The order of
// deny and relay does not matter; a tenant's routes come first.
func (q *query) triedIn(sp *space, of func(*space) *ruleset, stage Stage, v *view, do func(at int, t tri) bool) {
	v.space = sp
	if !sp.isTop() && !q.tried(stage, of(sp), v, do) {
		return
	}
	q.tried(stage, of(&q.Snapshot.space), v, do)
}

func denies(sp *space) *ruleset { return &sp.deny }
func relays(sp *space) *ruleset { return &sp.relay }
func routes(sp *space) *ruleset { return &sp.routes }

// hosted tells whether a domain is hosted here, by whomever.
func (q *query) hosted(name mail.Domain) tri {
	if d := q.domainAt(name); d == nil || d.cause == "" {
		return told(d != nil)
	}
	return unknown
}

// limited holds a message against what its tenant may have: its rate and share of
// the queue, which were charged before, and the size of a message.
func (j *judgment) limited() ruling {
	sp := j.space
	if sp.isTop() {
		return accepted()
	}
	if slices.Contains(j.in.Facts.Over, sp.name) {
		j.step(StageAdmit, Ref{Name: "tenant." + sp.name}, "beyond its rate or its share of the queue")
		return refused(mail.Reply{Code: 451, Enhanced: "4.7.1", Text: "Too much mail for now, try again later"})
	}
	size := j.in.Facts.Declared
	if j.final {
		size = j.in.Facts.Size
	}
	if sp.tenant != nil && sp.tenant.MaxSize > 0 && size > sp.tenant.MaxSize {
		j.step(StageAdmit, sp.tenant.Ref, "the message is larger than max_message_size")
		// Not 552: at RCPT that reads as too many recipients (RFC 5321 s4.5.3.1.10).
		return refused(mail.Reply{Code: 550, Enhanced: "5.2.3", Text: "Message is too big"})
	}
	return accepted()
}
