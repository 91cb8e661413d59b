package decide

import (
	"slices"

	"github.com/postroad/postroad/internal/mail"
)

// judgment is one recipient on its way through the stages.
type judgment struct {
	*query
	given    mail.Recipient
	space    *space  // whose mail it is
	original subject // the address as the client gave it
	sender   *subject
	from     mail.Path    // the sender, rewritten
	entry    mail.Address // the recipient, rewritten
	held     []int        // the rewrite rules that hold
	changes  []Change     // of the envelope as it came in
	orcpt    string
	members  []member // final recipients, in the order in which they were found
}

// member is one final recipient of a judgment, and what became of it.
type member struct {
	address  mail.Address
	mailbox  mail.Address // without the subaddress; zero when foreign
	expanded mail.Address // the address from which it came, zero: it is the one that was given
	aliased  bool         // it came by an alias
	list     *List        // it is one; nil: it is not
	ruling   ruling
	leg      Delivery
	twin     *Delivery // to the other side of a migration as well
	dropped  bool      // refused before the message by a route that the message may change
}

// judge takes one recipient through the stages.
func (q *query) judge(r mail.Recipient, sender *subject) RecipientDecision {
	j := &judgment{query: q, given: r, sender: sender}
	q.steps = nil
	j.original = q.subjectOf(r.Address)
	j.orcpt = originalRecipient(r)
	j.charge()
	out := j.decide()
	out.Recipient, out.Tenant = r, j.space.name
	out.Steps, out.sender = q.steps, j.sender
	return out
}

// decide is the order of the stages. Chain, the gateways still to be passed,
// comes between expand and copy when there are gateways; copy belongs to the
// message and not to a recipient, see copies.
func (j *judgment) decide() RecipientDecision {
	if r := j.admit(); r.verdict != Accept {
		return decided(r)
	}
	if r := j.rewrite(); r.verdict != Accept {
		return decided(r)
	}
	if r := j.findMembers(); r.verdict != Accept {
		return decided(r)
	}
	for i := range j.members {
		if m := &j.members[i]; m.ruling.verdict == Accept {
			j.routeMember(m)
		}
	}
	return j.sum()
}

func decided(r ruling) RecipientDecision {
	return RecipientDecision{Verdict: r.verdict, Reply: r.reply}
}

// findMembers gives the final recipients. Queued mail has passed the stages
// before; what stands there is final.
func (j *judgment) findMembers() ruling {
	if j.in.Facts.Origin == OriginReroute {
		if !j.in.Original.IsZero() {
			j.original = j.subjectOf(j.in.Original)
		}
		j.members = []member{{address: j.given.Address, mailbox: j.mailboxOf(j.given.Address), ruling: accepted()}}
		return accepted()
	}
	return j.expand()
}

// sum makes one answer of the members: one that cannot be told defers all,
// since SMTP has one reply; what is refused among others is told to the sender.
func (j *judgment) sum() RecipientDecision {
	out := decided(accepted())
	taken := 0
	for i := range j.members {
		m := &j.members[i]
		switch m.ruling.verdict {
		case Defer:
			return decided(m.ruling)
		case Reject:
			out.Refused = append(out.Refused, m.leg)
			continue
		}
		taken++
		if m.dropped {
			continue
		}
		if out.Deliveries == nil {
			out.Deliveries = make([]Delivery, 0, len(j.members)-i)
		}
		out.Deliveries = append(out.Deliveries, m.leg)
		if m.twin != nil {
			out.Deliveries = append(out.Deliveries, *m.twin)
		}
	}
	if taken == 0 {
		return decided(refusalOf(j.members))
	}
	return out
}

// refusalOf speaks for members that are all refused: unknown is an alias only
// when all of them are, else what RCPT accepted could be unknown after the message.
func refusalOf(members []member) ruling {
	for i := range members {
		if r := members[i].ruling; r.reply != unknownUser().reply {
			return r
		}
	}
	return members[0].ruling
}

// asGiven is the view of deny and relay: the recipient as the client gave it.
func (j *judgment) asGiven() *view { return j.viewOf(j.original) }

func (j *judgment) viewOf(recipient subject) *view {
	v := j.viewed(recipient, &j.original, j.sender)
	v.space = j.space
	return v
}

// subject is subjectOf, without the work for the address that was given.
func (j *judgment) subject(a mail.Address) subject {
	if a == j.original.address {
		return j.original
	}
	return j.subjectOf(a)
}

// viewed fills the scratch view, which is good until the next call.
func (q *query) viewed(recipient subject, original, sender *subject) *view {
	q.look = view{query: q, recipient: recipient, original: original, sender: sender, space: &q.Snapshot.space,
		hosted: q.hosted(recipient.address.Domain)}
	return &q.look
}

// legOf begins the delivery of a member: everything but the way.
func (j *judgment) legOf(m *member) Delivery {
	return Delivery{
		Recipient: m.address, Original: j.original.address, Sender: j.from, Expanded: m.expanded,
		Tenant: j.space.name, Notify: notifyOf(j.given.Notify, m.aliased), ORCPT: j.orcpt, EnvID: j.in.EnvID, Ret: j.in.Ret,
		Changes: slices.Clone(j.changes),
	}
}
