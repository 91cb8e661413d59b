package receive

import (
	"context"
	"errors"
	"fmt"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
)

const (
	// listPart members are decided at once and are one job at most, so that neither
	// the decisions on a large list nor its jobs are ever all in memory.
	listPart = 250
	// listMessage members are one message at most: one body on disk, and a batch that
	// memory holds.
	listMessage = 50_000
)

var (
	errNoList  = errors.New("receive: the list is not there any more")
	errMembers = errors.New("receive: the members of a list cannot be read")
)

// lists sends to the members of the lists that the waiting recipients are.
func (r *reinjection) lists(ctx context.Context) error {
	for _, to := range r.attempt.Job.Recipients {
		if to.State != spool.Waiting {
			continue
		}
		l, err := listAt(ctx, r.gen, to.Final)
		if err != nil {
			return err
		}
		m := mailing{reinjection: r, list: l}
		m.sender, m.asked = onBehalf(l, r.attempt.Job.Sender, mail.Recipient{Notify: to.Notify, ORCPT: to.ORCPT})
		if err := m.send(ctx); err != nil {
			return err
		}
	}
	return nil
}

// listAt gives the list at an address, or the alias there that leads to too many at
// once as one.
func listAt(ctx context.Context, gen Generation, a mail.Address) (*decide.List, error) {
	if l := gen.Config.Snapshot.List(a); l != nil {
		return l, nil
	}
	memo := decide.Memo{View: gen.View, Answers: make(map[decide.Question]table.Answer)}
	for range maxRounds {
		l, status, needs := gen.Config.Snapshot.Crowd(&memo, a)
		for _, q := range needs {
			memo.Answers[q] = table.Answer{Cause: errNoTable}
			if source := gen.View[q.Table].Remote; source != nil {
				memo.Answers[q] = source.Lookup(ctx, q.Key)
			}
		}
		switch {
		case len(needs) > 0:
		case status == table.Found:
			return l, nil
		case status == table.NotFound:
			return nil, listError(fmt.Errorf("%w: %s", errNoList, a))
		default:
			return nil, listError(fmt.Errorf("%w: %s", errMembers, a))
		}
	}
	return nil, listError(errRounds)
}

// mailing is one list under way.
type mailing struct {
	*reinjection
	list   *decide.List
	sender mail.Path
	asked  mail.Recipient   // what was asked for the members, where the sender stays
	part   []mail.Recipient // members that are not decided yet
	begun  bool             // a part was

	tx     *Transaction // the message being made, nil: none
	tenant string       // of it
	taken  int          // its members
	jobs   []spool.Job
}

// onBehalf gives the sender of mail to members, and what is asked for each of them.
// A list, and an alias with an owner, sends under an address of its own. Another
// alias keeps the sender, with what was asked but SUCCESS, which it has answered
// (RFC 3461 s5.2.7.1). A report keeps the null sender.
func onBehalf(l *decide.List, sender mail.Path, asked mail.Recipient) (mail.Path, mail.Recipient) {
	if !l.Owner.IsZero() {
		if sender.IsNull() {
			return sender, mail.Recipient{}
		}
		return mail.Path{Address: l.Sender()}, mail.Recipient{}
	}
	given := asked.Notify
	asked.Notify &^= mail.NotifySuccess
	if given != 0 && asked.Notify == 0 {
		asked.Notify = mail.NotifyNever
	}
	return sender, asked
}

// send sends to all members: what cannot be delivered is told to the owner, or to
// the sender where he stays.
func (m *mailing) send(ctx context.Context) error {
	defer m.abort()
	err := roster{gen: m.gen, list: m.list}.each(ctx, func(a mail.Address) error { return m.add(ctx, a) })
	if err != nil {
		return err
	}
	if err := m.decide(ctx); err != nil {
		return err
	}
	return m.close()
}

func (m *mailing) add(ctx context.Context, a mail.Address) error {
	to := m.asked
	to.Address = a
	m.part = append(m.part, to)
	if len(m.part) < listPart {
		return nil
	}
	return m.decide(ctx)
}

// decide decides for the members of a part and adds their jobs to the message.
func (m *mailing) decide(ctx context.Context) error {
	if len(m.part) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return listError(err)
	}
	if m.tx == nil {
		if err := m.begin(ctx); err != nil {
			return err
		}
	}
	m.tx.envelope.Recipients, m.tx.facts.Continued = m.part, m.begun
	p, err := m.tx.judge(ctx)
	if err != nil {
		return m.refused(ctx, err)
	}
	m.tx.logDecision(ctx, "list members taken in", m.tx.body.draft.ID(), p)
	if m.tenant == "" {
		m.tenant = p.tenant
	}
	m.taken, m.jobs = m.taken+len(m.part), append(m.jobs, p.all()...)
	m.part, m.begun = m.part[:0], true
	if m.taken < listMessage {
		return nil
	}
	return m.close()
}

// begin opens the message.
func (m *mailing) begin(ctx context.Context) (err error) {
	f := decide.Facts{Origin: decide.OriginReinjected, Tenant: m.list.Tenant}
	e := m.envelope(m.sender)
	if m.list.Owner.IsZero() {
		f.Alias, e.EnvID, e.Ret = m.list.Address, m.attempt.Job.EnvID, m.attempt.Job.Ret
	}
	m.tx, err = m.open(ctx, arrival{facts: f, envelope: e, expanded: m.list.Address, bounces: true})
	if err != nil {
		return err
	}
	return m.tx.complete()
}

// close makes a draft of the message. What is kept of the decision is that on the
// list, since its members stand in the jobs.
func (m *mailing) close() error {
	defer m.abort()
	if m.tx == nil || len(m.jobs) == 0 {
		return nil
	}
	p := plan{t: m.tx, tenant: m.tenant}
	p.note(&decide.RecipientDecision{Recipient: mail.Recipient{Address: m.list.Address}, Verdict: decide.Accept})
	draft, err := m.tx.fix(m.tx.stored(&p), m.jobs)
	if err != nil {
		return err
	}
	m.drafts = append(m.drafts, draft)
	return nil
}

// abort ends the message being made, unless it is a draft already.
func (m *mailing) abort() {
	if m.tx != nil {
		m.tx.Abort()
	}
	m.tx, m.tenant, m.taken, m.jobs = nil, "", 0, nil
}

// listError waits: who wrote to a list is not told of what its administrator can
// mend.
func listError(cause error) error {
	return &mail.Error{Op: "receive.list", Cause: cause,
		Reply: mail.Reply{Code: 451, Enhanced: "4.3.5", Text: "the list cannot be expanded now"}}
}
