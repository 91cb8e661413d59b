package receive

import (
	"context"
	"log/slog"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// Rehearsal is what a session would be told, and what would be kept.
type Rehearsal struct {
	Recipients []decide.RecipientDecision // at RCPT, one for each
	Message    decide.Decision            // after the data, of those that RCPT accepted; zero when it accepted none
	Again      []Reentry                  // what comes in again then, and what becomes of that
}

// Rehearse decides a message as a session does, by the same calls, but with
// traces, and keeps nothing: RCPT for each recipient with the facts of the
// session, then the end of data with the header and size in the facts, then what
// comes in again of the message.
func Rehearse(ctx context.Context, gen Generation, facts decide.Facts, e mail.Envelope) Rehearsal {
	acceptor := NewAcceptor(Options{Log: slog.New(slog.DiscardHandler), MarkKey: facts.MarkKey})
	to := e.Recipients
	e.Recipients = nil
	session := facts
	session.HasMessage, session.Header, session.Size, session.Tags = false, nil, 0, nil
	t := acceptor.Begin(gen, session, e)
	var out Rehearsal
	for _, r := range to {
		out.Recipients = append(out.Recipients, t.rehearseRecipient(ctx, r))
	}
	if len(t.envelope.Recipients) > 0 {
		t.facts.Tags = facts.Tags
		t.messageFacts(facts.Header, facts.Size)
		t.addFrom()
		out.Message = t.rehearseMessage(ctx)
		r := rehearsal{acceptor: acceptor, gen: gen, markKey: facts.MarkKey}
		out.Again = r.again(ctx, out.Message, t.kept(t.hop()), 0)
	}
	return out
}

// rehearseRecipient is Recipient, with the steps of an accepted one too.
func (t *Transaction) rehearseRecipient(ctx context.Context, r mail.Recipient) decide.RecipientDecision {
	d := t.Recipient(ctx, r)
	if d.Verdict != decide.Accept {
		return d
	}
	if traced, needs := t.gen.Config.Snapshot.Recipient(t.input(true), r); len(needs) == 0 {
		d.Steps = traced.Steps
	}
	return d
}

// rehearseMessage is decide, then once more for the steps: all answers are there.
func (t *Transaction) rehearseMessage(ctx context.Context) decide.Decision {
	d, err := t.decide(ctx)
	if err != nil {
		return decide.Decision{Generation: t.gen.Config.Generation, Verdict: decide.Defer, Reply: mail.ReplyOf(err)}
	}
	if traced := t.gen.Config.Snapshot.Message(t.input(true), t.envelope.Recipients); len(traced.Needs) == 0 {
		return traced
	}
	return d
}
