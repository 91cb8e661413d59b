package receive

import (
	"context"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// Transaction is one envelope on its way in, from MAIL to the end of data, under
// one generation. It belongs to one goroutine. Abort ends it at any time and
// may be called again.
type Transaction struct {
	acceptor *Acceptor
	gen      Generation
	facts    decide.Facts
	envelope mail.Envelope // Recipients: those accepted so far
	memo     decide.Memo
	body     *Body
	header   mail.Header

	charged map[string]bool // tenants whose quota was asked
	crowd   map[string]int  // recipients by tenant, where the tenant has a limit
	aside   map[string]bool // tenants whose recipients wait
	waits   []string        // tenants for whom alone the message is put off
	octets  int64           // that the recipients take, about
	held    int64           // of the memory for recipients
	bounces bool            // a message that is refused for all is kept, and bounces
}

// Envelope is what the transaction holds so far.
func (t *Transaction) Envelope() *mail.Envelope { return &t.envelope }

// Abort throws the transaction away, unless it was committed.
func (t *Transaction) Abort() {
	t.acceptor.recipients.Add(-t.held)
	t.held = 0
	if t.body != nil {
		t.body.release()
	}
}

func (t *Transaction) input(trace bool) decide.Input {
	return decide.Input{
		Facts: t.facts, Sender: t.envelope.Sender, EnvID: t.envelope.EnvID, Ret: t.envelope.Ret,
		Memo: &t.memo, Trace: trace,
	}
}

// Recipient decides one recipient with what is known before the data, and adds it
// to the envelope when it is accepted. A refusal comes with its steps.
func (t *Transaction) Recipient(ctx context.Context, to mail.Recipient) decide.RecipientDecision {
	d := t.ofRecipient(ctx, to)
	if d.Verdict == decide.Accept && t.overdrawn(ctx, d.Tenant) {
		d = t.ofRecipient(ctx, to)
	}
	if d.Verdict == decide.Accept && t.isAside(d.Tenant) {
		d.Verdict, d.Reply = decide.Defer, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "Temporary failure, try again later"}
		d.Steps = []decide.Step{{Stage: decide.StageAdmit, Outcome: "waits: held up what the sender's last message brought for others"}}
		return d
	}
	if d.Verdict == decide.Accept && t.crowded(d.Tenant) {
		// RFC 5321 s4.5.3.1.10: the client sends the rest in another transaction.
		d.Verdict, d.Reply = decide.Defer, mail.Reply{Code: 452, Enhanced: "4.5.3", Text: "too many recipients"}
		return d
	}
	if d.Verdict == decide.Accept && !t.hold(to) {
		d.Verdict, d.Reply = decide.Defer, mail.Reply{Code: 452, Enhanced: "4.3.1", Text: "too many recipients at once, try again later"}
		return d
	}
	if d.Verdict == decide.Accept {
		t.envelope.Recipients = append(t.envelope.Recipients, to)
		return d
	}
	// Once more with a trace, for the log; the common case does without.
	if traced, needs := t.gen.Config.Snapshot.Recipient(t.input(true), to); len(needs) == 0 {
		d = traced
	}
	return d
}

func (t *Transaction) ofRecipient(ctx context.Context, to mail.Recipient) (d decide.RecipientDecision) {
	err := t.answer(ctx, func() (needs []decide.Question) {
		d, needs = t.gen.Config.Snapshot.Recipient(t.input(false), to)
		return needs
	})
	if err != nil {
		return decide.RecipientDecision{Recipient: to, Verdict: decide.Defer, Reply: mail.ReplyOf(err)}
	}
	return d
}

// decide is the decision on the whole message. A tenant that no RCPT has asked
// about, since the mail did not come in by SMTP, is held against its quota now.
func (t *Transaction) decide(ctx context.Context) (decide.Decision, error) {
	d, err := t.ofMessage(ctx)
	if err == nil && t.facts.Origin != decide.OriginReport && t.overdrawnAny(ctx, d) {
		return t.ofMessage(ctx)
	}
	return d, err
}

func (t *Transaction) ofMessage(ctx context.Context) (decide.Decision, error) {
	var d decide.Decision
	err := t.answer(ctx, func() []decide.Question {
		d = t.gen.Config.Snapshot.Message(t.input(false), t.envelope.Recipients)
		return d.Needs
	})
	return d, err
}

// ofCrowd decides a message to very many and gives each recipient to take. All came
// by RCPT, where their tenants were held against their quotas.
func (t *Transaction) ofCrowd(ctx context.Context, take func(*decide.RecipientDecision)) (decide.Decision, error) {
	var d decide.Decision
	err := t.answer(ctx, func() []decide.Question {
		d = t.gen.Config.Snapshot.Each(t.input(false), t.envelope.Recipients, take)
		return d.Needs
	})
	return d, err
}

// maxTraceFields bounds what a header can make us parse.
const maxTraceFields = 256

// messageFacts adds what the message itself says.
func (t *Transaction) messageFacts(h mail.Header, size int64) {
	f := &t.facts
	f.HasMessage = true
	f.Header = h
	f.Size = size
	f.Received = h.Count("Received")
	f.Marks = decide.Marks(bounded(h.All(decide.MarkField)))
	for _, v := range bounded(h.All("Delivered-To")) {
		if a, err := mail.ParseAddress(v); err == nil {
			f.DeliveredTo = append(f.DeliveredTo, a)
		}
	}
}

func bounded(values []string) []string {
	return values[:min(len(values), maxTraceFields)]
}

// stored is the envelope as the spool keeps it.
func (t *Transaction) stored(p *plan) spool.Envelope {
	return spool.Envelope{
		Sender: t.envelope.Sender, Body: t.envelope.Body, SMTPUTF8: t.envelope.SMTPUTF8,
		Origin: uint8(t.facts.Origin), Arrived: t.body.arrived, Generation: t.gen.Config.Generation,
		Client: t.clientName(), Helo: t.facts.Helo, Login: t.facts.Login.String(), Listener: t.facts.Listener,
		MessageID: t.messageID(), Tenant: p.tenant, Size: t.body.size,
		Decision: p.kept().Encode(), Plain: t.body.plain,
	}
}

func (t *Transaction) clientName() string {
	if !t.facts.Client.IsValid() {
		return ""
	}
	return t.facts.Client.String()
}

const maxMessageID = 255

func (t *Transaction) messageID() string {
	if t.body.messageID != "" {
		return t.body.messageID
	}
	id, _ := t.header.Get("Message-ID")
	return id[:min(len(id), maxMessageID)]
}

// now is the time of arrival.
func now() time.Time { return time.Now().UTC() }
