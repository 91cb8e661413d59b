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
	if !j.final && !c.open && j.isUnknown(d, m.address) {
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
