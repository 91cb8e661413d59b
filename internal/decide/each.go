package decide

import (
	"cmp"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// Each is Message for very many recipients. It holds the decision on one of them
// at a time, which take is lent, in their order, once all of the message is
// accepted; so it decides twice, and the Decision that it gives lists nobody. It
// fills no Steps.
func (s *Snapshot) Each(in Input, rs []mail.Recipient, take func(*RecipientDecision)) Decision {
	in.Trace = false
	q := s.query(&in, true)
	v := survey{query: q, sender: q.subjectOf(in.Sender.Address), whole: total(nil), late: map[string]bool{}, tenants: map[string]bool{}}
	for _, r := range rs {
		v.add(r)
	}
	copies := v.copies()
	d := Decision{Generation: s.Rules.Generation, Verdict: v.whole.verdict, Needs: q.needs}
	switch {
	case len(d.Needs) > 0:
		return d
	case d.Verdict == Defer:
		d.Waits = v.waits()
	}
	if d.Verdict != Accept {
		d.Reply = v.whole.reply
		return d
	}
	twice := namedTwice(rs)
	seen := make(map[repetition]bool)
	for _, r := range rs {
		one := q.message(r, &v.sender)
		if twice[r.Address] {
			one.dropSeen(seen)
		}
		if one.Verdict == Accept {
			one.Deliveries, copies = append(one.Deliveries, copies...), nil
		}
		take(&one)
	}
	return d
}

// survey is what a message with very many recipients comes to, before any of it
// is given out.
type survey struct {
	*query
	sender  subject
	whole   ruling
	seen    int             // recipients
	late    map[string]bool // tenants of what is deferred
	tenants map[string]bool // of all recipients

	spaces []*space      // whose copy rules concern the message: the top level's first
	copied map[*rule]tri // whether they hold for any recipient so far
}

// add decides one recipient, as total and copies look at it.
func (v *survey) add(r mail.Recipient) {
	one := []RecipientDecision{v.message(r, &v.sender)}
	d := &one[0]
	switch {
	case v.whole.verdict == Defer:
	case d.Verdict == Accept:
		v.whole = accepted()
	case d.Verdict == Defer || v.seen == 0:
		v.whole = ruling{d.Verdict, d.Reply}
	}
	v.seen++
	v.tenants[d.Tenant] = true
	if d.Verdict == Defer {
		v.late[d.Tenant] = true
	}
	if d.Verdict != Accept || !v.mayCopy() {
		return
	}
	for _, sp := range v.copying(one) {
		v.ask(sp, one)
	}
}

// ask asks the copy rules of a space about one recipient.
func (v *survey) ask(sp *space, one []RecipientDecision) {
	if !slices.Contains(v.spaces, sp) {
		v.spaces = append(v.spaces, sp)
	}
	for i := range sp.copies.rules {
		r := &sp.copies.rules[i]
		if v.copied[r] == yes {
			continue
		}
		if v.copied == nil {
			v.copied = map[*rule]tri{}
		}
		v.copied[r] = or(v.copied[r], v.query.copied(one, sp, r))
	}
}

// copies gives the copies of a message that is accepted.
func (v *survey) copies() []Delivery {
	var out []Delivery
	if v.whole.verdict != Accept {
		return nil
	}
	for _, sp := range v.spaces {
		for i := range sp.copies.rules {
			r := &sp.copies.rules[i]
			way := accepted()
			switch v.copied[r] {
			case unknown:
				way = tryLater()
			case yes:
				var leg Delivery
				if leg, way = v.copyLeg(sp, &v.Rules.Copies[r.at], &v.sender); way.verdict == Accept {
					out = append(out, leg)
				}
			}
			if way.verdict != Accept {
				v.hold(sp, way)
				return nil
			}
		}
	}
	return out
}

// hold notes whose copy holds the message up.
func (v *survey) hold(sp *space, way ruling) {
	if v.whole = way; !sp.isTop() {
		v.late[sp.name] = true
	}
}

// waits gives the tenants that the message waits for; nil when that is everybody.
func (v *survey) waits() []string {
	var out []string
	others := false
	for name := range v.tenants {
		others = others || !v.late[name]
	}
	for name := range v.late {
		if others {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// namedTwice gives the addresses that stand among the recipients more than once:
// only their deliveries can be those of another recipient as well.
func namedTwice(rs []mail.Recipient) map[mail.Address]bool {
	order := make([]int32, len(rs))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &rs[a].Address, &rs[b].Address
		return cmp.Or(strings.Compare(x.Local, y.Local), strings.Compare(string(x.Domain), string(y.Domain)))
	})
	var twice map[mail.Address]bool
	for i := 1; i < len(order); i++ {
		if a := rs[order[i]].Address; a == rs[order[i-1]].Address {
			if twice == nil {
				twice = map[mail.Address]bool{}
			}
			twice[a] = true
		}
	}
	return twice
}
