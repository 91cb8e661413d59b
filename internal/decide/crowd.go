package decide

import (
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// crowd is the alias of an expansion that has more recipients than may be delivered
// at once.
type crowd struct {
	branch  *branch
	rule    Ref
	targets []mail.Address
}

// becomeList ends at the alias that was given, as if it were a list: what it names
// is taken in again after the commit. The alias itself among its targets is the
// mailbox of that name, as ever.
func (x *expansion) becomeList() {
	x.members, x.seen, x.open = nil, nil, nil
	b := x.top.branch
	x.step(StageExpand, x.top.rule, b.key, " has more than ", strconv.Itoa(x.limits.AliasFanout), " recipients: they are taken in again, as those of a list")
	l := &List{Ref: x.top.rule, Tenant: x.space.name, Address: b.address, Table: NoTable}
	x.members = append(x.members, member{address: b.address, expanded: b.expanded, aliased: b.aliased, list: l, ruling: accepted()})
	for _, to := range x.top.targets {
		if to.Key() == b.key {
			x.members = append(x.members, member{address: to, mailbox: x.mailboxOf(to), expanded: b.address, aliased: true, ruling: accepted()})
			return
		}
	}
}

// Crowd gives an alias as a list, with what it names for members: NotFound when it
// is none any more. It has an owner where the domain names the address owner-NAME;
// else its mail keeps its sender (RFC 5321 s3.9.1). Questions mean that nothing
// else counts, as in Recipient.
func (s *Snapshot) Crowd(memo *Memo, a mail.Address) (*List, table.Status, []Question) {
	q := s.query(&Input{Memo: memo}, true)
	d := q.domainAt(a.Domain)
	switch {
	case d == nil:
		return nil, table.NotFound, nil
	case d.cause != "":
		return nil, table.TryLater, q.needs
	}
	sub := q.subjectOf(a)
	e := q.find(d.real, &sub)
	l := &List{Ref: e.rule, Tenant: d.Tenant, Address: a, Table: NoTable}
	owner := l.Sender()
	sub = q.subjectOf(owner)
	switch by := q.find(d.real, &sub); {
	case e.kind == entryAway || by.kind == entryAway:
		return nil, table.TryLater, q.needs
	case e.kind != entryAlias:
		return nil, table.NotFound, nil
	case by.kind != entryUnknown && !by.wild:
		l.Owner = owner
	}
	x := expansion{judgment: &judgment{query: q, space: q.spaceOf(d.Tenant)}}
	targets, ok := x.targets(&branch{address: a, key: a.Key()}, e)
	if !ok {
		return nil, table.TryLater, q.needs
	}
	for _, to := range targets {
		if !strings.EqualFold(to.Local, a.Local) || to.Domain != a.Domain {
			l.Members = append(l.Members, to)
		}
	}
	return l, table.Found, q.needs
}
