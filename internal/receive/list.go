package receive

import (
	"context"
	"errors"
	"fmt"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
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
		l := r.gen.Config.Snapshot.List(to.Final)
		if l == nil {
			return listError(fmt.Errorf("%w: %s", errNoList, to.Final))
		}
		if err := r.list(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// list sends to the members of one list under the list's own sender: what cannot
// be delivered is told to its owner. A report keeps the null sender.
func (r *reinjection) list(ctx context.Context, l *decide.List) error {
	m := mailing{reinjection: r, list: l}
	if !r.attempt.Job.Sender.IsNull() {
		m.sender.Address = l.Sender()
	}
	defer m.abort()
	err := roster{gen: r.gen, list: l}.each(ctx, func(a mail.Address) error { return m.add(ctx, a) })
	if err != nil {
		return err
	}
	if err := m.decide(ctx); err != nil {
		return err
	}
	return m.close()
}

// mailing is one list under way.
type mailing struct {
	*reinjection
	list   *decide.List
	sender mail.Path
	part   []mail.Recipient // members that are not decided yet
	begun  bool             // a part was

	tx     *Transaction // the message being made, nil: none
	tenant string       // of it
	taken  int          // its members
	jobs   []spool.Job
}

func (m *mailing) add(ctx context.Context, a mail.Address) error {
	m.part = append(m.part, mail.Recipient{Address: a})
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
		f := decide.Facts{Origin: decide.OriginReinjected, Tenant: m.list.Tenant}
		tx, err := m.open(ctx, arrival{facts: f, envelope: m.envelope(m.sender), expanded: m.list.Address, bounces: true})
		if err != nil {
			return err
		}
		m.tx = tx
		if err := tx.complete(); err != nil {
			return err
		}
	}
	m.tx.envelope.Recipients, m.tx.facts.Continued = m.part, m.begun
	d, jobs, err := m.tx.judge(ctx)
	if err != nil {
		return m.refused(ctx, err)
	}
	m.tx.logDecision(ctx, "list members taken in", m.tx.body.draft.ID(), d)
	if m.tenant == "" {
		m.tenant = tenantOf(d)
	}
	m.taken, m.jobs = m.taken+len(m.part), append(m.jobs, jobs...)
	m.part, m.begun = m.part[:0], true
	if m.taken < listMessage {
		return nil
	}
	return m.close()
}

// close makes a draft of the message. What is kept of the decision is that on the
// list, since its members stand in the jobs.
func (m *mailing) close() error {
	defer m.abort()
	if m.tx == nil || len(m.jobs) == 0 {
		return nil
	}
	to := decide.RecipientDecision{Recipient: mail.Recipient{Address: m.list.Address}, Verdict: decide.Accept}
	e := m.tx.stored(decide.Decision{Verdict: decide.Accept, Recipients: []decide.RecipientDecision{to}})
	e.Tenant = m.tenant
	draft, err := m.tx.fix(e, m.jobs)
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
