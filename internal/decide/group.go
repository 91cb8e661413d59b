package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// Group is the deliveries of a message that travel as one: one job, one copy of
// the body, one transaction where the other side allows it.
type Group struct {
	Tenant    string
	Transport string
	Kind      string
	Nexthop   string   // name of the lane: the domain for mx, the override joined, else ""
	Nexthops  []string // override of the transport's own hosts, nil: none
	Sender    mail.Path
	Rule      Ref    // of its first delivery
	Copy      string // rule of the copy, "" when it is none
	Expanded  mail.Address
	Original  mail.Address // as a header field tells it; zero when none does
	EnvID     string
	Ret       mail.Ret
	Reply     mail.Reply
	Homed     bool
	Edits     []Edit

	Deliveries []*Delivery // of the decision: a message may have very many
}

// bond is what the deliveries of one group have in common.
type bond struct {
	tenant, transport, nexthops, nexthop, copy, envID string
	sender                                            mail.Path
	expanded, original                                mail.Address
	ret                                               mail.Ret
	reply                                             mail.Reply
	homed                                             bool
	edits                                             string
}

// Groups puts the deliveries of the accepted recipients into groups, in the
// order in which each first appears. What is refused is in no group.
func Groups(d Decision) []Group {
	var out []Group
	var by Grouping
	for n := range d.Recipients {
		r := &d.Recipients[n]
		if r.Verdict != Accept {
			continue
		}
		for k := range r.Deliveries {
			leg := &r.Deliveries[k]
			at, fresh := by.Of(leg)
			if fresh {
				out = append(out, GroupOf(leg))
			}
			out[at].Deliveries = append(out[at].Deliveries, leg)
		}
	}
	return out
}

// Grouping finds the groups of deliveries that come one by one. The zero Grouping
// has none. It keeps no delivery.
type Grouping struct {
	last  bond // and its place: neighbours mostly go together
	at    int
	place map[bond]int // nil while there is one group at most
	n     int
}

// Of gives the number of a delivery's group, from 0 on in the order in which each
// first appears; fresh for the first delivery of a group.
func (g *Grouping) Of(leg *Delivery) (at int, fresh bool) {
	b := bondOf(leg)
	if g.n > 0 && b == g.last {
		return g.at, false
	}
	at, known := g.place[b]
	if !known {
		at = g.n
		g.n++
		g.put(b, at)
	}
	g.last, g.at = b, at
	return at, !known
}

// put remembers a group from the second on, and the first one then.
func (g *Grouping) put(b bond, at int) {
	if at == 0 {
		return
	}
	if g.place == nil {
		g.place = map[bond]int{g.last: 0}
	}
	g.place[b] = at
}

func bondOf(leg *Delivery) bond {
	return bond{
		tenant: leg.Tenant, transport: leg.Transport, copy: leg.Copy, envID: leg.EnvID,
		nexthops: strings.Join(leg.Nexthops, ","), nexthop: laneNexthop(leg),
		sender: leg.Sender, expanded: leg.Expanded, original: shownOriginal(leg),
		ret: leg.Ret, reply: leg.Reply, homed: leg.Homed, edits: editsText(leg.Edits),
	}
}

// GroupOf is the group that a delivery begins, without deliveries.
func GroupOf(leg *Delivery) Group {
	return Group{
		Tenant: leg.Tenant, Transport: leg.Transport, Kind: leg.Kind, Nexthop: laneNexthop(leg),
		Nexthops: leg.Nexthops, Sender: leg.Sender, Rule: leg.Rule, Copy: leg.Copy,
		Expanded: leg.Expanded, Original: shownOriginal(leg), EnvID: leg.EnvID, Ret: leg.Ret, Reply: leg.Reply,
		Homed: leg.Homed, Edits: leg.Edits,
	}
}

// laneNexthop names what shares a schedule beside the transport: without an
// override only mx goes to a different place for each domain.
func laneNexthop(leg *Delivery) string {
	if leg.Kind == KindMaildir {
		return "" // its folders share a schedule
	}
	if len(leg.Nexthops) > 0 {
		return strings.Join(leg.Nexthops, ",")
	}
	if leg.Kind == KindMX || leg.Kind == KindReinject {
		return string(leg.Recipient.Domain)
	}
	return ""
}

// shownOriginal is the address that a header field tells: none where nothing was
// rewritten and the transport keeps none, so that such recipients share one copy of
// the message. Those who do not learn of no address but their own.
func shownOriginal(leg *Delivery) mail.Address {
	if leg.Expanded.IsZero() && leg.Keep.Field() == "" {
		return mail.Address{}
	}
	return leg.Original
}
