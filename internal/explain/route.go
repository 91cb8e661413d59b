package explain

import (
	"context"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/smtp"
	"github.com/postroad/postroad/internal/spool"
)

// Planner finds the hosts of an attempt; *deliver.Planner does.
type Planner interface {
	Plan(ctx context.Context, q deliver.Query) (deliver.Plan, error)
}

// Source is what a question is answered from.
type Source struct {
	Generation receive.Generation
	Planner    Planner // asked only for Query.DNS
	MarkKey    []byte  // of the loop marks; nil: they are not looked at
	// Paused gives the pause of a lane, or nil; nil: none is known of.
	Paused func(spool.Lane) *queue.Pause
}

// Route tells what would become of the message of q: the same calls, in the
// same order, as a session makes. Errors wrap ErrUsage.
func Route(ctx context.Context, src Source, q Query) (Result, error) {
	if len(q.Recipients) == 0 {
		return Result{}, fmt.Errorf("%w: no recipient", ErrUsage)
	}
	facts, err := q.facts(src.Generation.Config)
	if err != nil {
		return Result{}, err
	}
	facts.MarkKey = src.MarkKey
	sender, err := q.sender()
	if err != nil {
		return Result{}, err
	}
	r := route{src: src, query: q, facts: facts, sender: sender}
	return r.result(ctx), nil
}

// route is one question under way.
type route struct {
	src    Source
	query  Query
	facts  decide.Facts
	sender mail.Path
}

func (r *route) result(ctx context.Context) Result {
	out := Result{
		Sender: r.sender.String(), Client: r.facts.Client.String(), Login: r.facts.Login.String(),
		Listener: r.facts.Listener, Generation: r.src.Generation.Config.Generation,
	}
	var to []mail.Recipient
	var place []int // in out.Recipients, of each of to
	for _, text := range r.query.Recipients {
		a, err := smtp.ParseRcpt("TO:<" + text + ">")
		one := Recipient{Recipient: text, Deliveries: []Delivery{}, Steps: []Step{}}
		if err != nil {
			one.refuse(decide.Reject, mail.ReplyOf(err))
		} else {
			one.Recipient = a.Address.String()
			to, place = append(to, mail.Recipient{Address: a.Address}), append(place, len(out.Recipients))
		}
		out.Recipients = append(out.Recipients, one)
	}
	out.Again = r.decide(ctx, to, func(i int) *Recipient { return &out.Recipients[place[i]] })
	return out
}

// decide fills in each recipient: the refusal at RCPT, else what the end of data
// brings, and gives what comes in again.
func (r *route) decide(ctx context.Context, to []mail.Recipient, into func(int) *Recipient) []Entry {
	said := receive.Rehearse(ctx, r.src.Generation, r.facts, mail.Envelope{Sender: r.sender, Recipients: to, SMTPUTF8: true})
	next := 0 // in said.Message.Recipients
	for i, at := range said.Recipients {
		one := into(i)
		if at.Verdict != decide.Accept {
			one.Steps, one.Limits = Steps(at.Steps), r.limits(at.Tenant)
			one.refuse(at.Verdict, at.Reply)
			continue
		}
		var d decide.RecipientDecision
		if next < len(said.Message.Recipients) {
			d = said.Message.Recipients[next]
			next++
		}
		one.Steps, one.Limits = Steps(d.Steps), r.limits(d.Tenant)
		r.message(ctx, one, said.Message, d)
	}
	return r.again(ctx, said.Again)
}

// message is what the end of data brings to one recipient. SMTP has one reply
// then: a message that is deferred is deferred for all.
func (r *route) message(ctx context.Context, one *Recipient, whole decide.Decision, d decide.RecipientDecision) {
	switch {
	case whole.Verdict != decide.Accept && d.Verdict != whole.Verdict:
		one.refuse(whole.Verdict, whole.Reply)
	case d.Verdict != decide.Accept:
		one.refuse(d.Verdict, d.Reply)
	default:
		one.Verdict, one.Reply = d.Verdict.String(), ReplyOf(d.Reply)
		for _, leg := range d.Deliveries {
			one.Deliveries = append(one.Deliveries, r.delivery(ctx, leg))
		}
	}
}

// refuse ends with a verdict that is not accept.
func (r *Recipient) refuse(v decide.Verdict, reply mail.Reply) {
	r.Verdict, r.Reply = v.String(), ReplyOf(reply)
}

func (r *route) delivery(ctx context.Context, d decide.Delivery) Delivery {
	out := Delivery{
		Recipient: d.Recipient.String(), Original: d.Original.String(), Sender: d.Sender.String(), Tenant: d.Tenant,
		Transport: d.Transport, Kind: d.Kind, Rule: d.Rule.Name, Source: d.Rule.Source, Copy: d.Copy,
		Other: d.Other, Edits: edits(d.Changes),
		Keep: string(d.Keep),
	}
	out.Paused = r.paused(d)
	out.Nexthops, out.Order = nexthops(r.src.Generation.Config.Transports[d.Transport], d)
	if r.query.DNS && r.src.Planner != nil {
		r.resolve(ctx, &out, d)
	}
	return out
}

// paused is the pause in which a delivery would wait, or nil.
func (r *route) paused(d decide.Delivery) *queue.Pause {
	if r.src.Paused == nil {
		return nil
	}
	g := decide.Groups(decide.Decision{Recipients: []decide.RecipientDecision{{Verdict: decide.Accept, Deliveries: []decide.Delivery{d}}}})[0]
	return r.src.Paused(spool.Lane{Tenant: g.Tenant, Transport: g.Transport, Nexthop: g.Nexthop})
}

// nexthops are the hosts as configured, or the domain whose MX are looked up.
func nexthops(t *config.Transport, d decide.Delivery) ([]string, string) {
	switch {
	case t == nil || t.Kind != "mx" && t.Kind != "smtp" && t.Kind != "lmtp":
		return []string{}, ""
	case len(d.Nexthops) > 0:
		return d.Nexthops, "failover"
	case t.Kind == "mx":
		return []string{string(d.Recipient.Domain)}, "mx"
	}
	order := "failover"
	all := []string{}
	for _, tier := range t.Tiers {
		all = append(all, tier...)
		if len(tier) > 1 {
			order = "random"
		}
	}
	return all, order
}

func edits(all []decide.Change) []Edit {
	out := make([]Edit, 0, len(all))
	for _, c := range all {
		e := Edit{Part: string(c.Part), Field: c.Field, From: c.From.String(), To: c.To.String()}
		for _, by := range c.By {
			e.By = append(e.By, Rule{Rule: by.Name, Source: by.Source})
		}
		out = append(out, e)
	}
	return out
}

// Steps are the lines of a trace.
func Steps(all []decide.Step) []Step {
	out := make([]Step, 0, len(all))
	for _, s := range all {
		out = append(out, Step{Stage: string(s.Stage), Rule: s.Rule, Outcome: s.Outcome, Source: s.Source})
	}
	return out
}

// ReplyOf is a reply of a decision.
func ReplyOf(r mail.Reply) Reply {
	return Reply{Code: r.Code, Enhanced: r.Enhanced, Text: strings.TrimSpace(r.Text)}
}
