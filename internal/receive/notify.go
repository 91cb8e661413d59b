package receive

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/report"
	"github.com/postroad/postroad/internal/smtp"
	"github.com/postroad/postroad/internal/spool"
)

// Notifier makes reports of our own and sends them by the way on which all mail
// comes in. It is the queue.Notifier of a running server.
type Notifier struct {
	acceptor    *Acceptor
	generations Generations
}

var _ queue.Notifier = (*Notifier)(nil)

// NewNotifier makes a Notifier.
func NewNotifier(a *Acceptor, g Generations) *Notifier {
	return &Notifier{acceptor: a, generations: g}
}

// Notify composes the report of n and prepares it as mail from <> to the sender
// of the job. nil without an error: nobody may be told, or there is no way to the
// sender. An error means that it cannot be decided or stored now.
func (n *Notifier) Notify(ctx context.Context, notice queue.Notice, body spool.Body) (spool.Draft, error) {
	gen := n.generations.Pin()
	text, err := compose(reporter(gen.Config, notice), notice, body)
	if errors.Is(err, report.ErrNotWanted) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tx := n.acceptor.Begin(gen, decide.Facts{
		Origin: decide.OriginReport, Tenant: notice.Job.Lane.Tenant, MarkKey: n.acceptor.markKey,
	}, mail.Envelope{
		SMTPUTF8: report.SMTPUTF8(notice), Body: bodyType(text), Size: int64(len(text)),
	})
	defer tx.Abort()
	// A report on a report is never asked for (RFC 3461 s6.1).
	to := mail.Recipient{Address: notice.Job.Sender.Address, Notify: mail.NotifyNever}
	if d := tx.Recipient(ctx, to); d.Verdict != decide.Accept {
		return nil, n.noWay(notice, d)
	}
	b, err := tx.Body(ctx, Hop{})
	if err != nil {
		return nil, err
	}
	if _, err := b.Write(text); err != nil {
		return nil, err
	}
	draft, err := tx.Prepare(ctx)
	if err != nil && mail.ReplyOf(err).Permanent() {
		n.logNoWay(notice, mail.ReplyOf(err))
		return nil, nil
	}
	return draft, err
}

// reporter is the name under which a tenant's reports are sent.
func reporter(c *config.Config, notice queue.Notice) mail.Domain {
	if t := c.Tenants[notice.Job.Lane.Tenant]; t != nil && t.Hostname != "" {
		return t.Hostname
	}
	return c.Hostname
}

// noWay: a sender whom we would not take mail for cannot be told. One about whom
// we cannot tell may be told later.
func (n *Notifier) noWay(notice queue.Notice, d decide.RecipientDecision) error {
	if d.Verdict == decide.Defer {
		return &mail.Error{Op: "receive.notify", Reply: d.Reply}
	}
	n.logNoWay(notice, d.Reply)
	return nil
}

func (n *Notifier) logNoWay(notice queue.Notice, r mail.Reply) {
	n.acceptor.log.Warn("no way to the sender, report dropped", "id", notice.Job.Message.String(),
		"sender", notice.Job.Sender.String(), "reply", r.String())
}

func compose(hostname mail.Domain, notice queue.Notice, body spool.Body) ([]byte, error) {
	in := report.Input{Hostname: hostname, Now: time.Now(), Token: rand.Text(), Notice: notice}
	if body != nil {
		in.Original = io.NewSectionReader(body, 0, body.Size())
	}
	return report.Compose(in)
}

func bodyType(text []byte) mail.BodyType {
	if smtp.IsASCII(string(text)) {
		return mail.Body7Bit
	}
	return mail.Body8BitMIME
}
