package decide

import "github.com/postroad/postroad/internal/mail"

// cross sends a member into the domain of another tenant, if that is where it
// leads and no route of its own tenant takes it elsewhere. What becomes of it
// there is decided when it comes in again, as mail from outside: by the other's
// rules, without the login that it had here.
//
// RCPT refuses whom the other tenant does not know, as a server elsewhere would
// have done; where that cannot be told now, the mail finds out.
func (j *judgment) cross(m *member, d *domain) {
	c := j.chooseOwn(j.viewOf(j.subject(m.address)))
	if c.isMade() {
		j.decided(m, &c)
		return
	}
	if !j.final && !c.open && j.schemeAt(m.address) == nil && j.isUnknown(d, m.address) {
		j.step(StageAddress, d.Ref, m.address.Key(), " is no mailbox or alias")
		m.ruling = unknownUser()
		m.leg.Reply = m.ruling.reply
		return
	}
	c.transport, c.rule = j.transports[BuiltinReinject], builtinRule(BuiltinReinject)
	if j.traced() {
		j.step(StageRoute, c.rule, m.address.Key(), " belongs to ", d.owner(), ": in again as mail from outside")
	}
	j.decided(m, &c)
}

// isUnknown tells whether a domain certainly does not know an address.
func (j *judgment) isUnknown(d *domain, a mail.Address) bool {
	a.Domain = d.real.Name
	s := j.subjectOf(a)
	return j.find(d.real, &s).kind == entryUnknown
}

// chooseOwn asks the tenant's routes alone: those of the top level are asked when
// the mail has come in again, with its recipients expanded. A route that concerns
// foreign mail only does not catch it, since it stays in the house.
func (q *query) chooseOwn(v *view) choice {
	var c choice
	if !v.space.isTop() {
		q.tried(StageRoute, &v.space.routes, v, q.following(&c, v))
	}
	return c
}

// crossing gives the domain of another tenant in which an address lies, or nil.
func (q *query) crossing(sp *space, a mail.Address) *domain {
	if d := q.domainAt(a.Domain); d != nil && d.cause == "" && !sp.isOwn(d) {
		return d
	}
	return nil
}

// known is subjectOf, without what only the subaddresses of another tenant's
// domain tell: mail that is neither to it nor from it knows nothing of them.
func (j *judgment) known(a mail.Address) subject {
	s := j.subjectOf(a)
	if s.bare == "" {
		return s
	}
	d := j.domainAt(a.Domain)
	if d.Tenant == "" || j.space.isOwn(d) {
		return s
	}
	if from := j.domainAt(j.in.Sender.Address.Domain); from == nil || from.Tenant != d.Tenant {
		s.bare, s.ext = "", ""
	}
	return s
}

// within holds what a tenant's rule made of an address against what is the
// tenant's: nobody writes in the name of another, whatever a table says.
func (j *judgment) within(n *renamer, to mail.Address) ruling {
	if n.Tenant == "" {
		return accepted()
	}
	d := j.domainAt(to.Domain)
	switch {
	case d == nil || j.space.isOwn(d):
		return accepted()
	case d.cause != "":
		j.step(StageRewrite, d.Ref, "cannot tell: ", d.cause)
		return tryLater()
	}
	j.step(StageRewrite, n.Ref, to.String(), " reaches outside: ", string(d.Name), " belongs to ", d.owner())
	return misconfigured()
}
