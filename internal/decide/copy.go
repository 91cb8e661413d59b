package decide

import "github.com/postroad/postroad/internal/mail"

// copies adds the copies of a message that is accepted: one for each copy rule
// that holds for any of its final recipients, standing with the first recipient
// that is accepted. Our own reports and queued mail are not copied. It gives the
// ruling of the message: a rule that cannot be told defers it.
func (q *query) copies(d *Decision, sender *subject) ruling {
	if o := q.in.Facts.Origin; o == OriginReport || o == OriginReroute {
		return accepted()
	}
	host := firstAccepted(d.Recipients)
	if host == nil {
		return accepted()
	}
	q.steps = host.Steps
	defer func() { host.Steps = q.steps }()
	for i := range q.Rules.Copies {
		c := &q.Rules.Copies[i]
		switch q.copied(d.Recipients, i, sender) {
		case unknown:
			return tryLater()
		case yes:
			leg, r := q.copyLeg(c, sender)
			if r.verdict != Accept {
				return r
			}
			host.Deliveries = append(host.Deliveries, leg)
		}
	}
	return accepted()
}

func firstAccepted(list []RecipientDecision) *RecipientDecision {
	for i := range list {
		if list[i].Verdict == Accept {
			return &list[i]
		}
	}
	return nil
}

// copied asks one copy rule about every final recipient, as alternatives. What
// goes to the copy's own target is not a reason for another copy to it.
func (q *query) copied(list []RecipientDecision, n int, sender *subject) tri {
	r, to := &q.Snapshot.copies.rules[n], q.Rules.Copies[n].To
	t, why := no, "no recipient"
	for i := range list {
		original := q.subjectOf(list[i].Recipient.Address)
		for k := range list[i].Deliveries {
			leg := &list[i].Deliveries[k]
			if leg.Copy != "" || leg.Recipient.Key() == to.Key() {
				continue
			}
			holds, reason := r.ask(q.viewed(q.subjectOf(leg.Recipient), &original, sender))
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
func (q *query) copyLeg(c *Copy, sender *subject) (Delivery, ruling) {
	q.step(StageCopy, c.Ref, "copy to ", c.To.Local, "@", string(c.To.Domain))
	leg := Delivery{Recipient: c.To, Original: c.To, Sender: q.in.Sender, Copy: c.Name, Notify: mail.NotifyNever}
	to := q.subjectOf(c.To)
	v := q.viewed(to, &to, sender)
	var way choice
	if c.Via != "" {
		q.take(&way, v, c.Via, c.Ref)
	} else {
		way = q.choose(v)
	}
	if way.fail != nil {
		return leg, *way.fail
	}
	way.fill(&leg, q.mailboxOf(c.To))
	return leg, accepted()
}
