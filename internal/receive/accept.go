package receive

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Acceptor turns what a client said into durable mail. Every way in uses it,
// with its origin in the Facts: there is no other caller of Draft.Commit.
type Acceptor struct {
	store    spool.Store
	log      *slog.Logger
	counters *Counters
	quotas   *quotas // nil: a rehearsal charges nobody
	asides   asides
	markKey  []byte
	lookups  time.Duration
	heads    sync.Pool    // *[]byte: headers of messages coming in
	headers  atomic.Int64 // octets of large headers in memory
	crowds   crowds

	recipients atomic.Int64 // octets of recipients in memory, beyond what is usual
}

const defaultLookups = 20 * time.Second

// NewAcceptor makes an Acceptor; of the options it needs Store, Log, Counters,
// MarkKey and Lookups.
func NewAcceptor(o Options) *Acceptor {
	if o.Lookups <= 0 {
		o.Lookups = defaultLookups
	}
	if o.Counters == nil {
		o.Counters = &Counters{}
	}
	var q *quotas
	if o.Store != nil {
		q = newQuotas(o)
	}
	return &Acceptor{
		store: o.Store, quotas: q, log: o.Log, counters: o.Counters, markKey: o.MarkKey, lookups: o.Lookups,
		crowds: crowds{semaphore.NewWeighted(crowdsAtOnce)},
	}
}

// Ready tells why no message can be taken now, or gives no reply at all. A client
// that hears it at MAIL need not send its data in vain.
func (a *Acceptor) Ready() mail.Reply {
	if err := a.store.Health().Err; err != nil {
		return mail.ReplyOf(storeError(err))
	}
	return mail.Reply{}
}

const secondsOfDay = 24 * 60 * 60

// Begin opens a transaction that gen judges until it ends.
func (a *Acceptor) Begin(gen Generation, facts decide.Facts, e mail.Envelope) *Transaction {
	facts.Declared = e.Size
	facts.Day = int(time.Now().Unix() / secondsOfDay)
	facts.SRS = gen.Config.SRSSecrets()
	return &Transaction{
		acceptor: a,
		gen:      gen,
		facts:    facts,
		envelope: e,
		memo:     decide.Memo{View: gen.View},
	}
}

// Commit decides the message and makes it durable. The error is a *mail.Error
// with the one reply for all recipients; nothing is kept then. The transaction
// has ended either way.
func (t *Transaction) Commit(ctx context.Context) (spool.ID, error) {
	if t.isCrowd() {
		end, err := t.acceptor.crowds.begin(ctx, len(t.envelope.Recipients))
		if err != nil {
			return spool.ID{}, err
		}
		defer end()
	}
	p, err := t.settle(ctx)
	if err != nil {
		t.noteWaits()
		return spool.ID{}, err
	}
	id, jobs := t.body.draft.ID(), p.all()
	if len(jobs) == 0 {
		// Every recipient is an alias to nothing: there is nothing to keep.
		t.Abort()
	} else if err := t.body.draft.Commit(t.stored(p), jobs); err != nil {
		return spool.ID{}, storeError(err)
	}
	t.acceptor.quotas.took(t.gen.Config, jobs)
	t.count()
	t.logDecision(ctx, "message accepted", id, p)
	return id, nil
}

// Prepare decides the message and fixes it as a draft that spool.Store.Update
// writes in a batch of its own. nil without an error: there is nothing to write.
func (t *Transaction) Prepare(ctx context.Context) (spool.Draft, error) {
	p, err := t.settle(ctx)
	if err != nil {
		return nil, err
	}
	jobs := p.all()
	if len(jobs) == 0 {
		return nil, nil
	}
	draft, err := t.fix(t.stored(p), jobs)
	if err != nil {
		return nil, err
	}
	t.logDecision(ctx, "report prepared", draft.ID(), p)
	return draft, nil
}

// fix makes a draft of the message, which is the caller's from then on.
func (t *Transaction) fix(e spool.Envelope, jobs []spool.Job) (spool.Draft, error) {
	draft := t.body.draft
	if err := draft.Prepare(e, jobs); err != nil {
		return nil, storeError(err)
	}
	t.body.draft = nil
	t.acceptor.quotas.took(t.gen.Config, jobs)
	return draft, nil
}

// settle completes body and facts and decides.
func (t *Transaction) settle(ctx context.Context) (*plan, error) {
	if err := t.complete(); err != nil {
		return nil, err
	}
	return t.judge(ctx)
}

// complete ends the body and adds what the message says to the facts.
func (t *Transaction) complete() error {
	if err := t.body.finish(); err != nil {
		return err
	}
	t.messageFacts(t.header, t.body.received)
	return nil
}

// judge decides for the recipients of the envelope.
func (t *Transaction) judge(ctx context.Context) (*plan, error) {
	p := &plan{t: t}
	var d decide.Decision
	var err error
	if t.isCrowd() {
		d, err = t.ofCrowd(ctx, p.add)
	} else {
		d, err = t.decide(ctx)
	}
	if err != nil {
		return nil, err
	}
	t.waits = d.Waits
	if d.Verdict != decide.Accept && !(t.bounces && d.Verdict == decide.Reject) {
		return nil, &mail.Error{Op: "receive.decide", Reply: d.Reply}
	}
	for i := range d.Recipients {
		p.add(&d.Recipients[i])
	}
	return p, nil
}

func (t *Transaction) count() {
	c := t.acceptor.counters
	c.Messages.Add(1)
	c.Recipients.Add(int64(len(t.envelope.Recipients)))
	c.Bytes.Add(t.body.size)
}

// storeError gives an error of the spool the reply that a client gets for it.
func storeError(err error) error {
	var known *mail.Error
	if errors.As(err, &known) {
		return err
	}
	r := mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "cannot store the message now, try again later"}
	switch {
	case errors.Is(err, spool.ErrFull):
		r = mail.Reply{Code: 452, Enhanced: "4.3.1", Text: "insufficient storage, try again later"}
	case errors.Is(err, spool.ErrTooBig):
		r = mail.Reply{Code: 552, Enhanced: "5.3.4", Text: "message is too big"}
	}
	return &mail.Error{Op: "receive.store", Reply: r, Cause: err}
}

// logDecision writes a line for the message and one for each delivery.
func (t *Transaction) logDecision(ctx context.Context, what string, id spool.ID, p *plan) {
	log := t.acceptor.log
	if !log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	ref := slog.String("id", id.String())
	log.LogAttrs(ctx, slog.LevelInfo, what, ref,
		slog.String("sender", t.envelope.Sender.String()),
		slog.Int64("size", t.body.size),
		slog.String("client", t.clientName()),
		slog.String("helo", t.facts.Helo),
		slog.String("login", t.facts.Login.String()),
		slog.String("listener", t.facts.Listener),
		slog.String("message_id", t.messageID()),
		slog.Int("recipients", len(t.envelope.Recipients)))
	for n := range p.refuse {
		for _, to := range p.refuse[n].Recipients {
			log.LogAttrs(ctx, slog.LevelInfo, "recipient refused after data", ref,
				slog.String("recipient", to.Final.String()), slog.String("reply", to.Reply.String()))
		}
	}
	for n := range p.jobs {
		job := &p.jobs[n]
		for i := range job.Recipients {
			rule := p.rule(n, i)
			log.LogAttrs(ctx, slog.LevelInfo, "recipient accepted", ref,
				slog.String("recipient", job.Recipients[i].Original.String()),
				slog.String("final", job.Recipients[i].Final.String()),
				slog.String("tenant", job.Lane.Tenant),
				slog.String("transport", job.Lane.Transport),
				slog.String("rule", rule.Name),
				slog.String("source", rule.Source),
				slog.String("copy", job.Copy))
		}
	}
}
