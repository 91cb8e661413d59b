package decide

import (
	"slices"

	"github.com/postroad/postroad/internal/mail"
)

// copies adds the copies of a message that is accepted: one for each copy rule
// that holds for any of its final recipients, standing with the first recipient
// that is accepted. Our own reports and queued mail are not copied. It gives the
// ruling of the message: a rule that cannot be told defers it.
func (q *query) copies(d *Decision, sender *subject) ruling {
	host := firstAccepted(d.Recipients)
	if host == nil || !q.mayCopy() {
		return accepted()
	}
	q.steps = host.Steps
	defer func() { host.Steps = q.steps }()
	for _, sp := range q.copying(d.Recipients) {
		for i := range sp.copies.rules {
			r := &sp.copies.rules[i]
			switch q.copied(d.Recipients, sp, r) {
			case unknown:
				return d.waitFor(sp, tryLater())
			case yes:
				leg, way := q.copyLeg(sp, &q.Rules.Copies[r.at], sender)
				if way.verdict != Accept {
					return d.waitFor(sp, way)
				}
				host.Deliveries = append(host.Deliveries, leg)
			}
		}
	}
	return accepted()
}

// mayCopy tells whether copy rules are asked about the message at all.
func (q *query) mayCopy() bool {
	f := &q.in.Facts
	return f.Origin != OriginReport && f.Origin != OriginReroute && !f.Continued
}

// waitFor notes whose copy holds the message up. One of the top level concerns
// all of it.
func (d *Decision) waitFor(sp *space, r ruling) ruling {
	if !sp.isTop() {
		d.Waits = append(d.Waits, sp.name)
	}
	return r
}

// copying gives the spaces whose copy rules concern the message: the top level,
// then the tenants whose mail it is for some recipient.
func (q *query) copying(list []RecipientDecision) []*space {
	out := append(make([]*space, 0, 2), &q.Snapshot.space)
	for i := range list {
		if list[i].Tenant == "" || list[i].Verdict != Accept {
			continue
		}
		sp := q.spaceOf(list[i].Tenant)
		if len(sp.copies.rules) > 0 && !slices.Contains(out, sp) {
			out = append(out, sp)
		}
	}
	return out
}

func firstAccepted(list []RecipientDecision) *RecipientDecision {
	for i := range list {
		if list[i].Verdict == Accept {
			return &list[i]
		}
	}
	return nil
}

// copied asks one copy rule about every final recipient, as alternatives; a
// tenant's about those of its own mail. What goes to the copy's own target is not
// a reason for another copy to it.
func (q *query) copied(list []RecipientDecision, sp *space, r *rule) tri {
	to := q.Rules.Copies[r.at].To
	t, why := no, "no recipient"
	for i := range list {
		if !sp.isTop() && list[i].Tenant != sp.name {
			continue
		}
		original := q.subjectOf(list[i].Recipient.Address)
		for k := range list[i].Deliveries {
			leg := &list[i].Deliveries[k]
			if leg.Copy != "" || leg.Recipient.Key() == to.Key() {
				continue
			}
			holds, reason := r.ask(q.viewed(q.subjectOf(leg.Recipient), &original, list[i].sender))
			if holds == yes {
				return yes
			}
			if t = or(t, holds); t == holds {
				why = reason
			}
		}
	}
	q.stepNot(StageCopy, r, t, why)
	return t
}

// copyLeg is the delivery of a copy in BCC form. It is routed and not expanded.
// Nobody is told what becomes of it, since nobody who wrote asked for it
// (SEMANTICS 16).
func (q *query) copyLeg(sp *space, c *Copy, sender *subject) (Delivery, ruling) {
	q.step(StageCopy, c.Ref, "copy to ", c.To.Local, "@", string(c.To.Domain))
	leg := Delivery{Recipient: c.To, Original: c.To, Sender: q.in.Sender, Tenant: c.Tenant, Copy: c.Name, Notify: mail.NotifyNever}
	to := q.subjectOf(c.To)
	v := q.viewed(to, &to, sender)
	v.space = sp
	var way choice
	switch {
	case c.Via != "":
		q.take(&way, v, c.Via, c.Ref)
	case q.crossing(sp, c.To) != nil:
		if way = q.chooseOwn(v); !way.isMade() {
			q.take(&way, v, BuiltinReinject, c.Ref)
		}
	default:
		way = q.choose(v)
	}
	if way.fail != nil {
		return leg, *way.fail
	}
	way.fill(&leg, q.mailboxOf(c.To))
	return leg, accepted()
}
