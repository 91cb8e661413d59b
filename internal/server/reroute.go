package server

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// reroutesAtOnce is how many jobs are decided and written side by side, so that
// they share the disk's time.
const reroutesAtOnce = 64

// Reroute decides anew by which way queued mail goes.
func (b backend) Reroute(ctx context.Context, o control.RerouteOrder, each func(control.Rerouted) error) error {
	filter, err := o.Filter()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := rerouting{backend: b, rerouter: receive.NewRerouter(b.receiver.Acceptor(), b), dryRun: o.DryRun}
	results, scanned := r.all(ctx, filter)
	done := make(map[string]int)
	for one := range results {
		told := <-one
		if told == nil || err != nil {
			continue
		}
		done[told.Outcome]++
		if err = each(*told); err != nil {
			cancel()
		}
	}
	if err == nil {
		err = <-scanned
	}
	b.log.Info("queue rerouted", "dry_run", o.DryRun, "moved", done[control.RerouteMoved], "same", done[control.RerouteSame],
		"kept", done[control.RerouteKept], "busy", done[control.RerouteBusy], "own", done[control.RerouteOwn], "error", err)
	return err
}

// rerouting is one order under way.
type rerouting struct {
	backend
	rerouter *receive.Rerouter
	dryRun   bool
}

// all works on the jobs of a filter side by side, and gives the results in their
// order.
func (r rerouting) all(ctx context.Context, f spool.Filter) (<-chan chan *control.Rerouted, <-chan error) {
	results, scanned := make(chan chan *control.Rerouted, reroutesAtOnce), make(chan error, 1)
	go func() {
		defer close(results)
		scanned <- r.store.Scan(ctx, f, func(e spool.Entry) error {
			one := make(chan *control.Rerouted, 1)
			select {
			case results <- one:
			case <-ctx.Done():
				return ctx.Err()
			}
			go func() { one <- r.one(context.WithoutCancel(ctx), e) }() // what is begun is done and told
			return nil
		})
	}()
	return results, scanned
}

// one decides and writes one job; nil when it has gone. A panic costs that job
// only.
func (r rerouting) one(ctx context.Context, e spool.Entry) (out *control.Rerouted) {
	out = &control.Rerouted{
		ID: e.Job.Message.String(), Job: e.Job.N, Transport: e.Job.Lane.Transport, Nexthop: e.Job.Lane.Nexthop,
		Tenant: e.Job.Lane.Tenant, Rule: e.Job.Rule, Held: e.Job.Held, Recipients: []control.ReroutedRecipient{},
	}
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("panic in a reroute", "id", out.ID, "panic", p, "stack", string(debug.Stack()))
			out.Outcome, out.Error = control.RerouteKept, "internal error"
		}
	}()
	plan, err := r.rerouter.Plan(ctx, r.store, e)
	if err == nil && plan.Jobs != nil && !r.dryRun {
		err = r.store.Reassign(ctx, e.Job, plan.Jobs)
	}
	out.Outcome = outcomeOf(plan)
	switch {
	case errors.Is(err, spool.ErrNotFound):
		return nil
	case errors.Is(err, spool.ErrBusy), errors.Is(err, spool.ErrFenced):
		out.Outcome = control.RerouteBusy
		return out
	case err != nil:
		out.Outcome, out.Error = control.RerouteKept, err.Error()
	}
	for _, w := range plan.Ways {
		out.Recipients = append(out.Recipients, rerouted(w))
	}
	if out.Outcome == control.RerouteMoved && !r.dryRun {
		r.logMoved(e.Job, out.Recipients)
	}
	return out
}

// logMoved writes a line for each recipient that has another way now.
func (r rerouting) logMoved(j spool.Job, recipients []control.ReroutedRecipient) {
	for _, to := range recipients {
		if to.Outcome == control.RerouteMoved {
			r.log.Info("rerouted", "id", j.Message.String(), "job", j.N, "tenant", j.Lane.Tenant, "transport", j.Lane.Transport,
				"nexthop", j.Lane.Nexthop, "sender", j.Sender.String(), "recipient", to.Recipient, "rule", to.Rule,
				"to", to.Transport, "to_nexthop", to.Nexthop)
		}
	}
}

func outcomeOf(p receive.Rerouting) string {
	switch {
	case p.Own:
		return control.RerouteOwn
	case p.Jobs != nil:
		return control.RerouteMoved
	}
	for _, w := range p.Ways {
		if w.Verdict != decide.Accept {
			return control.RerouteKept
		}
	}
	return control.RerouteSame
}

func rerouted(w receive.NewWay) control.ReroutedRecipient {
	out := control.ReroutedRecipient{
		Recipient: w.Recipient.String(), Outcome: control.RerouteMoved, Verdict: w.Verdict.String(),
		Transport: w.Lane.Transport, Nexthop: w.Lane.Nexthop, Tenant: w.Lane.Tenant, Rule: w.Rule, Steps: explain.Steps(w.Steps),
	}
	switch {
	case w.Verdict != decide.Accept:
		reply := explain.ReplyOf(w.Reply)
		out.Outcome, out.Reply = control.RerouteKept, &reply
	case w.Stays:
		out.Outcome = control.RerouteSame
	}
	return out
}
