package receive

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
)

// listPart members of a list are one message. So the decisions on a large list are
// never all in memory, and its body is stored a few times and not thousands.
const listPart = 2000

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

// list sends to the members of one list, part by part, under the list's own
// sender: what cannot be delivered is told to its owner. A report keeps the null
// sender.
func (r *reinjection) list(ctx context.Context, l *decide.List) error {
	m := mailing{reinjection: r, list: l}
	if !r.attempt.Job.Sender.IsNull() {
		m.sender.Address = l.Sender()
	}
	if err := m.members(ctx); err != nil {
		return err
	}
	return m.flush(ctx)
}

// mailing is one list under way.
type mailing struct {
	*reinjection
	list   *decide.List
	sender mail.Path
	part   []mail.Recipient
	begun  bool // a part was sent
}

func (m *mailing) add(ctx context.Context, text string) error {
	if !strings.Contains(text, "@") {
		text += "@" + string(m.list.Address.Domain)
	}
	a, err := mail.ParseAddress(text)
	if err != nil {
		return listError(fmt.Errorf("%w: %s: %q is no address", errMembers, m.list.Name, text))
	}
	m.part = append(m.part, mail.Recipient{Address: a})
	if len(m.part) < listPart {
		return nil
	}
	return m.flush(ctx)
}

func (m *mailing) flush(ctx context.Context) error {
	if len(m.part) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return listError(err)
	}
	e := m.envelope(m.sender)
	e.Recipients = m.part
	f := decide.Facts{Origin: decide.OriginReinjected, Tenant: m.list.Tenant, Continued: m.begun}
	m.part, m.begun = nil, true
	return m.send(ctx, arrival{facts: f, envelope: e, expanded: m.list.Address, bounces: true})
}

// members goes over the members, from memory or from the answer of a table.
func (m *mailing) members(ctx context.Context) error {
	for _, a := range m.list.Members {
		if err := m.add(ctx, a.String()); err != nil {
			return err
		}
	}
	if m.list.Table == decide.NoTable {
		return nil
	}
	v := m.gen.View[m.list.Table]
	if m.list.Listed {
		return m.keys(ctx, v)
	}
	var a table.Answer
	switch {
	case v.Content != nil:
		a = v.Content.Lookup(m.list.Address.Key())
	case v.Remote != nil:
		a = v.Remote.Lookup(ctx, m.list.Address.Key())
	}
	if a.Status == table.TryLater {
		return listError(fmt.Errorf("%w: table %s: %w", errMembers, v.Name, orCause(a.Cause, v.Cause)))
	}
	for _, value := range a.Values {
		for text := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
			if err := m.add(ctx, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// keys takes each key of a table in memory for a member.
func (m *mailing) keys(ctx context.Context, v table.Version) error {
	l, ok := v.Content.(interface {
		Each(f func(key string, a table.Answer) bool)
	})
	if !ok {
		return listError(fmt.Errorf("%w: table %s: %w", errMembers, v.Name, orCause(v.Cause, errNoTable)))
	}
	var err error
	l.Each(func(key string, _ table.Answer) bool {
		err = m.add(ctx, key)
		return err == nil
	})
	return err
}

func orCause(a, b error) error {
	if a != nil {
		return a
	}
	if b != nil {
		return b
	}
	return errNoTable
}

// listError waits: who wrote to a list is not told of what its administrator can
// mend.
func listError(cause error) error {
	return &mail.Error{Op: "receive.list", Cause: cause,
		Reply: mail.Reply{Code: 451, Enhanced: "4.3.5", Text: "the list cannot be expanded now"}}
}
