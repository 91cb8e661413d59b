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
	place := make(map[bond]int)
	for n := range d.Recipients {
		r := &d.Recipients[n]
		if r.Verdict != Accept {
			continue
		}
		for k := range r.Deliveries {
			leg := &r.Deliveries[k]
			b := bondOf(leg)
			i, ok := place[b]
			if !ok {
				i = len(out)
				place[b] = i
				out = append(out, groupOf(leg, b))
			}
			out[i].Deliveries = append(out[i].Deliveries, leg)
		}
	}
	return out
}

func bondOf(leg *Delivery) bond {
	return bond{
		tenant: leg.Tenant, transport: leg.Transport, copy: leg.Copy, envID: leg.EnvID,
		nexthops: strings.Join(leg.Nexthops, ","), nexthop: laneNexthop(leg),
		sender: leg.Sender, expanded: leg.Expanded, original: shownOriginal(leg),
		ret: leg.Ret, reply: leg.Reply, homed: leg.Homed, edits: editsText(leg.Edits),
	}
}

func groupOf(leg *Delivery, b bond) Group {
	return Group{
		Tenant: leg.Tenant, Transport: leg.Transport, Kind: leg.Kind, Nexthop: b.nexthop,
		Nexthops: leg.Nexthops, Sender: leg.Sender, Rule: leg.Rule, Copy: leg.Copy,
		Expanded: leg.Expanded, Original: b.original, EnvID: leg.EnvID, Ret: leg.Ret, Reply: leg.Reply,
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
