package decide

import (
	"github.com/postroad/postroad/internal/mail"
)

// List is an address whose mail goes to many under a sender of its own. It is one
// delivery: its members are taken in again after the commit, so that none of them
// delays the answer to the client, and what cannot be delivered is told to the
// owner (RFC 5321 s3.9.2).
type List struct {
	Ref
	Tenant  string // whose it is; "": the top level's
	Address mail.Address
	Owner   mail.Address // who gets mail for owner-NAME
	Request mail.Address // who gets mail for NAME-request; zero: the owner
	Members []mail.Address
	Table   TableID // of members; NoTable when Members is set
	Listed  bool    // the table's keys are the members; else the values under the list's address are
}

// Sender is the reverse-path of mail to the members, unless it is a report, which
// nobody may report on.
func (l *List) Sender() mail.Address {
	return mail.Address{Local: "owner-" + l.Address.Local, Domain: l.Address.Domain}
}

func (l *List) request() mail.Address {
	return mail.Address{Local: l.Address.Local + "-request", Domain: l.Address.Domain}
}

// List gives the list at an address, or nil.
func (s *Snapshot) List(a mail.Address) *List { return s.lists[a.Key()] }

// compileLists notes the lists, and gives each the addresses of its owner, unless
// the domain has aliases of these names.
func (s *Snapshot) compileLists() error {
	for i := range s.Rules.Lists {
		l := &s.Rules.Lists[i]
		d := s.domains[l.Address.Domain]
		if d == nil || d.real != d || d.Tenant != l.Tenant {
			return missing(l.Ref, "domain of its own", string(l.Address.Domain))
		}
		if l.Table != NoTable && !s.hasTable(l.Table) {
			return missing(l.Ref, "table", "")
		}
		s.lists[l.Address.Key()] = l
		if d.aliases == nil {
			d.aliases = map[string]*Alias{}
		}
		to := l.Request
		if to.IsZero() {
			to = l.Owner
		}
		for _, a := range []Alias{
			{Address: l.Sender(), Targets: []mail.Address{l.Owner}, Source: l.Source},
			{Address: l.request(), Targets: []mail.Address{to}, Source: l.Source},
		} {
			if d.aliases[a.Address.Key()] == nil {
				d.aliases[a.Address.Key()] = &a
			}
		}
	}
	return nil
}

// namedList finds the list of that name.
func (q *query) namedList(_ *domain, s *subject) entry {
	l := q.lists[s.key]
	if l == nil && s.bare != "" {
		l = q.lists[s.bare]
	}
	if l == nil {
		return entry{}
	}
	return entry{kind: entryList, rule: l.Ref, list: l}
}

// list ends at a list, which is a recipient of its own.
func (x *expansion) list(b *branch, l *List) {
	b.address.Local = l.Address.Local
	if x.loops(b) {
		return
	}
	x.step(StageExpand, l.Ref, b.key, " is a list: its members are taken in again")
	x.take(member{address: b.address, expanded: b.expanded, aliased: b.aliased, list: l, ruling: accepted()})
}

// routeList sends a member that is a list on its way.
func (j *judgment) routeList(m *member) {
	c := choice{transport: j.transports[BuiltinList], rule: m.list.Ref}
	j.step(StageRoute, c.rule, m.address.Key(), " via ", BuiltinList)
	j.decided(m, &c)
}
