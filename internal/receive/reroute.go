package receive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Rerouter decides anew by which way queued mail goes: the stage route, under the
// generation of now, with the facts that were stored. Nothing else of the decision
// changes: sender, edits and what was asked for a recipient stay.
type Rerouter struct {
	acceptor    *Acceptor
	generations Generations
}

// NewRerouter makes a Rerouter.
func NewRerouter(a *Acceptor, g Generations) *Rerouter {
	return &Rerouter{acceptor: a, generations: g}
}

// Rerouting is what a new decision makes of a job.
type Rerouting struct {
	Own  bool        // its way is no route's: a copy to a place of its own, a list, a refusal
	Ways []NewWay    // of the recipients that wait, unless Own
	Jobs []spool.Job // in its place, for spool.Store.Reassign; nil when all recipients stay
}

// NewWay of one recipient.
type NewWay struct {
	Recipient mail.Address
	Stays     bool // the way is the one that it had, or there is none
	Verdict   decide.Verdict
	Reply     mail.Reply // of a verdict that is not Accept: nothing is bounced for it
	Lane      spool.Lane
	Rule      string
	Steps     []decide.Step
}

// Plan decides for the recipients of a job that wait. It writes nothing. Errors are
// those of spool.Store.Open, and of a stored decision that cannot be read.
func (x *Rerouter) Plan(ctx context.Context, store spool.Store, e spool.Entry) (Rerouting, error) {
	gen := x.generations.Pin()
	if isOwnWay(gen, &e.Job) {
		return Rerouting{Own: true}, nil
	}
	r := reroute{gen: gen, entry: e}
	var err error
	if r.record, err = DecodeRecord(e.Envelope.Decision); err != nil {
		return Rerouting{}, err
	}
	if r.tx, err = x.open(ctx, store, gen, &r); err != nil {
		return Rerouting{}, err
	}
	return r.plan(ctx), nil
}

// isOwnWay tells of a job that no route had sent on its way.
func isOwnWay(gen Generation, j *spool.Job) bool {
	if j.Rule == "" || j.Lane.Transport == decide.BuiltinList {
		return true
	}
	if j.Copy == "" {
		return false
	}
	return !slices.ContainsFunc(gen.Config.Rules.Copies, func(c decide.Copy) bool { return c.Name == j.Copy && c.Via == "" })
}

// open begins a transaction that knows of the message what was known when it came.
func (x *Rerouter) open(ctx context.Context, store spool.Store, gen Generation, r *reroute) (*Transaction, error) {
	facts := r.record.facts()
	facts.Origin, facts.Tenant, facts.MarkKey = decide.OriginReroute, r.entry.Job.Lane.Tenant, x.acceptor.markKey
	t := x.acceptor.Begin(gen, facts, mail.Envelope{Sender: r.entry.Envelope.Sender, EnvID: r.entry.Job.EnvID, Ret: r.entry.Job.Ret})
	_, body, err := store.Open(ctx, r.entry.Job.Message)
	if err != nil {
		return nil, err
	}
	head, err := r.header(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, err
	}
	header, _ := mail.ScanHeader(head)
	size := r.record.Size
	if size == 0 {
		size = r.entry.Envelope.Size - int64(r.record.Own)
	}
	t.messageFacts(header, size)
	return t, nil
}

// reroute is one job under way.
type reroute struct {
	gen    Generation
	entry  spool.Entry
	record Record
	tx     *Transaction
	jobs   []spool.Job
}

// header reads the beginning of the message, behind our own fields.
func (r *reroute) header(body spool.Body) ([]byte, error) {
	own := min(int64(r.record.Own), body.Size())
	head := make([]byte, min(body.Size()-own, maxHeader))
	if _, err := body.ReadAt(head, own); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("receive: reading a header: %w", err)
	}
	return head, nil
}

func (r *reroute) plan(ctx context.Context) Rerouting {
	var out Rerouting
	moves := false
	for _, to := range r.entry.Job.Recipients {
		if to.State != spool.Waiting {
			continue
		}
		way, job := r.wayOf(ctx, to)
		out.Ways = append(out.Ways, way)
		moves = moves || !way.Stays
		r.put(job)
	}
	if moves {
		out.Jobs = r.jobs
	}
	return out
}

// wayOf decides for one recipient, and gives the job in which it goes on.
func (r *reroute) wayOf(ctx context.Context, to spool.Recipient) (NewWay, spool.Job) {
	old := &r.entry.Job
	stays := *old
	stays.Recipients = []spool.Recipient{to}
	way := NewWay{Recipient: to.Final, Stays: true, Lane: old.Lane, Rule: old.Rule}
	d := r.decide(ctx, to)
	way.Verdict, way.Reply, way.Steps = d.Verdict, d.Reply, d.Steps
	if d.Verdict != decide.Accept || len(d.Deliveries) == 0 {
		return way, stays
	}
	next := r.job(to, d.Deliveries[0])
	if isSameWay(&next, &stays) {
		return way, stays
	}
	way.Stays, way.Lane, way.Rule = false, next.Lane, next.Rule
	return way, next
}

// decide asks the stage route about a recipient.
func (r *reroute) decide(ctx context.Context, to spool.Recipient) (d decide.RecipientDecision) {
	in := r.tx.input(true)
	in.Sender, in.Original = r.record.asked(to.Original, in.Sender), to.Original
	rcpt := mail.Recipient{Address: asRouted(&r.entry.Job, to), Notify: to.Notify, ORCPT: to.ORCPT}
	err := r.tx.answer(ctx, func() (needs []decide.Question) {
		d, needs = r.gen.Config.Snapshot.Recipient(in, rcpt)
		return needs
	})
	if err != nil {
		return decide.RecipientDecision{Verdict: decide.Defer, Reply: mail.ReplyOf(err)}
	}
	return d
}

// asRouted is the address about which routes are asked. On its way to a maildir a
// recipient has lost its subaddress, which stands in the one that was given.
func asRouted(j *spool.Job, to spool.Recipient) mail.Address {
	n := len(to.Final.Local)
	o := to.Original
	if j.Expanded.IsZero() && o.Domain == to.Final.Domain && len(o.Local) > n &&
		strings.EqualFold(o.Local[:n], to.Final.Local) {
		return o
	}
	return to.Final
}

// job is the one in which a recipient goes on by a new way: it begins anew there,
// but for the age of the message.
func (r *reroute) job(to spool.Recipient, leg decide.Delivery) spool.Job {
	old := &r.entry.Job
	leg.Original, leg.Expanded = to.Original, old.Expanded
	g := decide.Groups(decide.Decision{Recipients: []decide.RecipientDecision{{Verdict: decide.Accept, Deliveries: []decide.Delivery{leg}}}})[0]
	next := *old
	next.Lane = spool.Lane{Tenant: g.Tenant, Transport: g.Transport, Nexthop: g.Nexthop}
	next.Nexthops, next.Rule, next.Original, next.Homed = g.Nexthops, ruleName(g.Rule), g.Original, g.Homed
	next.Attempts, next.LastTry, next.Due = 0, time.Time{}, time.Time{}
	to.Final, to.NotBy = leg.Recipient, leg.NotBy
	next.Recipients = []spool.Recipient{to}
	return next
}

// isSameWay tells whether a recipient goes by the way that it has. Where that is
// its home it is looked up at each attempt.
func isSameWay(next, old *spool.Job) bool {
	if next.Homed && old.Homed {
		return true
	}
	return next.Lane == old.Lane && slices.Equal(next.Nexthops, old.Nexthops) && next.Homed == old.Homed &&
		next.Original == old.Original && next.Recipients[0].Final == old.Recipients[0].Final
}

// put adds the recipient of a job to the one that goes the same way at the same
// time.
func (r *reroute) put(j spool.Job) {
	at := slices.IndexFunc(r.jobs, func(o spool.Job) bool {
		return o.Lane == j.Lane && slices.Equal(o.Nexthops, j.Nexthops) && o.Homed == j.Homed &&
			o.Original == j.Original && o.Due.Equal(j.Due)
	})
	if at < 0 {
		r.jobs = append(r.jobs, j)
		return
	}
	r.jobs[at].Recipients = append(r.jobs[at].Recipients, j.Recipients...)
}
