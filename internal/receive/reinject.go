package receive

import (
	"context"
	"io"
	"log/slog"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// Reinjector brings queued mail in again by the one way in, as mail from outside
// comes: decided anew, with OriginReinjected and the generation of now. It is the
// deliver.Reinjector of a running server.
type Reinjector struct {
	acceptor    *Acceptor
	generations Generations
}

// NewReinjector makes a Reinjector.
func NewReinjector(a *Acceptor, g Generations) *Reinjector {
	return &Reinjector{acceptor: a, generations: g}
}

// Reinject prepares the message of an attempt for the recipients that wait. After
// an error, which is a *mail.Error, there is no draft.
func (x *Reinjector) Reinject(ctx context.Context, a queue.Attempt) (drafts []spool.Draft, err error) {
	r := reinjection{x: x, gen: x.generations.Pin(), attempt: a}
	done := false
	defer func() {
		if !done { // a panic goes on to the attempt, which waits
			r.abort()
		}
	}()
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	done = true
	return r.drafts, nil
}

// reinjection is one attempt under way.
type reinjection struct {
	x       *Reinjector
	gen     Generation
	attempt queue.Attempt
	drafts  []spool.Draft
}

func (r *reinjection) abort() {
	for _, d := range r.drafts {
		d.Abort()
	}
	r.drafts = nil
}

func (r *reinjection) run(ctx context.Context) error {
	if r.attempt.Job.Lane.Transport == decide.BuiltinList {
		return r.lists(ctx)
	}
	return r.themselves(ctx)
}

// themselves sends the recipients on their way again, with what was asked for
// them.
func (r *reinjection) themselves(ctx context.Context) error {
	job := &r.attempt.Job
	e := r.envelope(job.Sender)
	e.EnvID, e.Ret = job.EnvID, job.Ret
	for _, to := range job.Recipients {
		if to.State == spool.Waiting {
			e.Recipients = append(e.Recipients, mail.Recipient{Address: to.Final, Notify: to.Notify, ORCPT: to.ORCPT})
		}
	}
	return r.send(ctx, arrival{facts: decide.Facts{Origin: decide.OriginReinjected}, envelope: e, expanded: job.Expanded})
}

func (r *reinjection) envelope(sender mail.Path) mail.Envelope {
	job := &r.attempt.Job
	return mail.Envelope{Sender: sender, Body: job.Body, SMTPUTF8: job.SMTPUTF8, Size: r.attempt.Body.Size()}
}

// arrival is a message as it comes in again.
type arrival struct {
	facts    decide.Facts
	envelope mail.Envelope
	expanded mail.Address // that led here: in Delivered-To it ends a loop (RFC 9228)
	bounces  bool         // refusals are told to the sender, even when all are
}

// send decides a message and prepares it.
func (r *reinjection) send(ctx context.Context, a arrival) error {
	tx, err := r.open(ctx, a)
	if err != nil {
		return err
	}
	defer tx.Abort()
	draft, err := tx.Prepare(ctx)
	if err != nil {
		return r.refused(ctx, err)
	}
	if draft != nil {
		r.drafts = append(r.drafts, draft)
	}
	return nil
}

// open begins a transaction that has the message of the attempt. The caller ends
// it.
func (r *reinjection) open(ctx context.Context, a arrival) (*Transaction, error) {
	a.facts.MarkKey = r.x.acceptor.markKey
	tx := r.x.acceptor.Begin(r.gen, a.facts, a.envelope)
	tx.bounces = a.bounces
	if err := r.fill(ctx, tx, a.expanded); err != nil {
		tx.Abort()
		return nil, err
	}
	return tx, nil
}

func (r *reinjection) fill(ctx context.Context, tx *Transaction, expanded mail.Address) error {
	body, err := tx.Body(ctx, Hop{By: string(r.gen.Config.Hostname)})
	if err != nil {
		return err
	}
	if !expanded.IsZero() {
		if _, err := io.WriteString(body, deliveredTo(expanded)); err != nil {
			return err
		}
	}
	if _, err := io.Copy(body, io.NewSectionReader(r.attempt.Body, 0, r.attempt.Body.Size())); err != nil {
		return storeError(err)
	}
	return nil
}

// refused logs why a message was not taken in again.
func (r *reinjection) refused(ctx context.Context, err error) error {
	r.x.acceptor.log.LogAttrs(ctx, slog.LevelInfo, "message not taken in again",
		slog.String("id", r.attempt.Job.Message.String()), slog.String("reply", mail.ReplyOf(err).String()))
	return err
}
