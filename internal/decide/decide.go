package decide

import (
	"fmt"
	"slices"

	"github.com/postroad/postroad/internal/mail"
)

// Input of one decision.
type Input struct {
	Facts    Facts
	Sender   mail.Path
	Original mail.Address // OriginReroute: the address as the client gave it; zero: the recipient's own
	EnvID    string
	Ret      mail.Ret
	Memo     *Memo
	Trace    bool // fill Steps
}

// Recipient answers at RCPT with what is known then. A rule that waits for the
// message (tag, header, size) neither refuses nor grants for good: the recipient
// is accepted unless no message could save it, and Message tells. Questions that
// are not empty mean that nothing else counts: ask, add to the Memo, call again.
func (s *Snapshot) Recipient(in Input, r mail.Recipient) (RecipientDecision, []Question) {
	q := s.query(&in, in.Facts.HasMessage)
	sender := q.subjectOf(in.Sender.Address)
	d := q.judge(r, &sender)
	return d, q.needs
}

// Message completes the decision after the filters, with tags, header and size:
// each recipient by itself, then the copies, then the one reply that SMTP has
// for all.
func (s *Snapshot) Message(in Input, rs []mail.Recipient) Decision {
	q := s.query(&in, true)
	d := Decision{Generation: s.Rules.Generation, Recipients: make([]RecipientDecision, len(rs))}
	sender := q.subjectOf(in.Sender.Address)
	for i, r := range rs {
		d.Recipients[i] = q.message(r, &sender)
	}
	dropRepeated(d.Recipients)
	whole := total(d.Recipients)
	if whole.verdict == Accept {
		whole = q.copies(&d, &sender)
	}
	d.Verdict, d.Needs = whole.verdict, q.needs
	if whole.verdict == Defer {
		d.Waits = waiting(d.Recipients, d.Waits)
	}
	if whole.verdict != Accept {
		d.Reply = whole.reply
	}
	return d
}

// message decides one recipient of a message that has come, unless the message
// goes round in circles (RFC 5321 s6.3).
func (q *query) message(r mail.Recipient, sender *subject) RecipientDecision {
	n := q.in.Facts.Received
	if n <= q.limits.MaxReceived || q.in.Facts.Origin == OriginReroute {
		return q.judge(r, sender)
	}
	q.steps = nil
	q.step(StageAdmit, Ref{}, fmt.Sprintf("loop: %d Received fields, more than %d", n, q.limits.MaxReceived))
	d := decided(mailLoops())
	d.Recipient, d.Steps = r, q.steps
	return d
}

// total makes the one reply: any that cannot be decided 4xx, all refused 5xx,
// else accepted (CONFIG.md, "After DATA").
func total(list []RecipientDecision) ruling {
	whole := ruling{verdict: Reject, reply: mail.Reply{Code: 554, Enhanced: "5.5.1", Text: "No valid recipients"}}
	for i := range list {
		switch d := &list[i]; {
		case d.Verdict == Defer:
			return ruling{Defer, d.Reply}
		case d.Verdict == Accept:
			whole = accepted()
		case i == 0:
			whole.reply = d.Reply
		}
	}
	return whole
}

// waiting gives the tenants that a message waits for, besides those of copies that
// cannot be told; nil when that is everybody.
func waiting(list []RecipientDecision, copies []string) []string {
	out, others := copies, false
	for i := range list {
		if d := &list[i]; d.Verdict == Defer && !slices.Contains(out, d.Tenant) {
			out = append(out, d.Tenant)
		}
	}
	for i := range list {
		others = others || !slices.Contains(out, list[i].Tenant)
	}
	if !others {
		return nil
	}
	return out
}

// dropRepeated leaves out a delivery that an earlier recipient of the message has
// with the same words to the same end (Postfix: same original, notify and final).
func dropRepeated(list []RecipientDecision) {
	if len(list) < 2 {
		return
	}
	seen := make(map[repetition]bool, len(list))
	for i := range list {
		list[i].dropSeen(seen)
	}
}

// dropSeen leaves out the deliveries that were seen and notes the others. Those of
// one recipient are no repetitions of each other: its expansion had each address
// once, and two of them may be one mailbox by their subaddress, as final recipients
// are two for Postfix.
func (d *RecipientDecision) dropSeen(seen map[repetition]bool) {
	d.Deliveries = slices.DeleteFunc(d.Deliveries, func(leg Delivery) bool { return seen[leg.repetition()] })
	for i := range d.Deliveries {
		seen[d.Deliveries[i].repetition()] = true
	}
}

func (d *Delivery) repetition() repetition {
	return repetition{d.Recipient, d.Original, d.Expanded, d.ORCPT, d.Copy, d.Notify}
}

// repetition is what makes two deliveries of a message one.
type repetition struct {
	recipient, original, expanded mail.Address
	orcpt, copy                   string
	notify                        mail.Notify
}
