package decide

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// choice is the way that the rules choose for one final recipient.
type choice struct {
	transport *Transport
	rule      Ref
	nexthops  []string   // instead of the transport's own hosts
	reply     mail.Reply // instead of the transport's own
	fail      *ruling    // no way: why
	open      bool       // a rule before it waits for the message
	homed     bool       // the way is that of the recipient's home
	home      Home       // of homed
	both      bool       // homed: the other side gets a copy
}

// routeMember finds the way of one final recipient and completes its leg.
func (j *judgment) routeMember(m *member) {
	m.leg = j.legOf(m)
	if r := j.leave(m); r.verdict != Accept {
		m.ruling = r
		return
	}
	if m.list != nil {
		j.routeList(m)
		return
	}
	if d := j.crossing(j.space, m.address); d != nil {
		j.cross(m, d)
		return
	}
	c := j.choose(j.viewOf(j.subject(m.address)))
	j.decided(m, &c)
}

// decided completes the leg of a member with the way that was chosen.
func (j *judgment) decided(m *member, c *choice) {
	if c.fail != nil {
		m.ruling = *c.fail
		return
	}
	c.fill(&m.leg, m.mailbox)
	if c.transport.Kind == KindReject {
		m.ruling = refused(m.leg.Reply)
		// What the message may still change is not refused before it has come.
		if c.open {
			m.ruling, m.dropped = accepted(), true
		}
		return
	}
	if c.homed && j.settleHome(c, m) {
		return
	}
	if j.isMarked(m.leg) {
		j.step(StageRoute, c.rule, "loop: the message has been here on its way to ", m.address.Local, "@", string(m.address.Domain))
		m.ruling = mailLoops()
		m.leg.Reply = m.ruling.reply
	}
}

// choose asks the tenant's routes, then those of the top level in file order, then
// the hosted domain's own deliver, then the default, then plain mx.
func (q *query) choose(v *view) choice {
	var c choice
	q.triedIn(v.space, routes, StageRoute, v, q.following(&c, v))
	if c.isMade() {
		return c
	}
	q.chooseLast(&c, v)
	return c
}

// following takes the first route that certainly holds.
func (q *query) following(c *choice, v *view) func(at int, t tri) bool {
	return func(at int, t tri) bool {
		switch t {
		case later:
			c.open = true
			return true
		case unknown:
			c.failing(tryLater())
			return false
		}
		return !q.follow(c, v, &q.Rules.Routes[at])
	}
}

// chooseLast is for mail of which no route holds.
func (q *query) chooseLast(c *choice, v *view) {
	if d := q.domainAt(v.recipient.address.Domain); d != nil {
		if d.cause != "" {
			q.step(StageRoute, d.Ref, "cannot tell: ", d.cause)
			c.failing(tryLater())
			return
		}
		if q.goHome(c, v, d.real) {
			return
		}
		if d.real.Deliver != "" {
			q.take(c, v, d.real.Deliver, d.real.Ref)
			return
		}
	}
	if q.fallback != nil {
		switch q.holds(StageRoute, q.fallback, v) {
		case unknown:
			c.failing(tryLater())
		case later:
			c.open = true
		case yes:
			q.follow(c, v, q.Rules.Default)
		}
	}
	if !c.isMade() {
		q.take(c, v, BuiltinMX, builtinRule(BuiltinMX))
	}
}

// follow takes what a route that holds says. It tells whether that decides.
func (q *query) follow(c *choice, v *view, r *Route) bool {
	if r.Via != "" {
		q.take(c, v, r.Via, r.Ref)
		return true
	}
	return q.lookup(c, v, r)
}

// take chooses a transport by name. A name that does not exist can only come
// from a table: the mail waits until somebody mends it.
func (q *query) take(c *choice, v *view, name string, by Ref) {
	c.rule = by
	if c.transport = q.transports[name]; c.transport == nil {
		q.step(StageRoute, by, "no transport ", name)
		c.failing(misconfigured())
		return
	}
	q.step(StageRoute, by, v.recipient.key, " via ", name)
}

func (c *choice) failing(r ruling) { c.fail = &r }

func (c *choice) isMade() bool { return c.transport != nil || c.fail != nil }

// fill completes a leg with the way. A maildir belongs to a mailbox, so that its
// recipient is that and not one of its subaddresses.
func (c *choice) fill(leg *Delivery, mailbox mail.Address) {
	leg.Transport, leg.Kind, leg.Rule, leg.Nexthops = c.transport.Name, c.transport.Kind, c.rule, nil
	leg.Keep = c.transport.Keep
	switch leg.Kind {
	case KindMX, KindSMTP, KindLMTP:
		leg.Nexthops = c.nexthops
	case KindMaildir:
		if mailbox.IsZero() {
			break
		}
		if folder := subaddressOf(leg.Recipient, mailbox); c.transport.Folders && folder != "" {
			leg.Nexthops = []string{folder}
		}
		leg.Recipient = mailbox
	case KindReject:
		leg.Reply = c.reply
		if leg.Reply.IsZero() {
			leg.Reply = orReply(c.transport.Reply, 550, "5.7.1", "Mail for this address is not accepted")
		}
	}
}

// isMarked tells whether the message carries our mark of this very leg.
func (j *judgment) isMarked(leg Delivery) bool {
	f := &j.in.Facts
	if !j.final || f.MarkKey == nil || len(f.Marks) == 0 {
		return false
	}
	return slices.Contains(f.Marks, Mark(f.MarkKey, leg.Recipient, leg.Transport))
}

// subaddressOf gives what an address says behind its mailbox and the delimiter, as
// it is written; "" for nothing.
func subaddressOf(a, mailbox mail.Address) string {
	n := len(mailbox.Local)
	if a.Domain != mailbox.Domain || len(a.Local) <= n+1 || !strings.EqualFold(a.Local[:n], mailbox.Local) {
		return ""
	}
	return a.Local[n+1:]
}
