package deliver

import (
	"context"
	"errors"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
)

// Homes is told what became of mail for mailboxes under migration. Its methods
// neither block nor fail, and may be called by several goroutines.
type Homes interface {
	Told(HomeEvent)
}

// HomeEvent is the end of one recipient's attempt at one side of a migration.
type HomeEvent struct {
	Domain  mail.Domain // under migration
	Address mail.Address
	Side    decide.Side // that was asked
	State   spool.State // Delivered or Failed; Moved: unknown there, the other side is asked
	Unknown bool        // Failed, Moved: the side does not know the address
	Only    bool        // Delivered: the other side does not know it
	Percent float64     // share of the migration, as configured
}

// lookupsMax is how long the look-ups for the homes of a job may take.
const lookupsMax = 20 * time.Second

// roundsMax bounds how often a home asks for more answers.
const roundsMax = 8

// errNoAnswer is why a table has none that is not remote.
var errNoAnswer = errors.New("deliver: no such remote table")

// findHomes looks up where each recipient lives now. Who does not live at the
// job's transport goes on to the lane in which mail for his home waits.
func (r *run) findHomes(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookupsMax)
	defer cancel()
	memo := decide.Memo{View: r.view, Answers: make(map[decide.Question]table.Answer)}
	for i := range r.slots {
		if !r.slots[i].settled {
			r.findHome(ctx, i, &memo)
		}
	}
}

func (r *run) findHome(ctx context.Context, i int, memo *decide.Memo) {
	s := &r.slots[i]
	h, status := homeOf(ctx, r.cfg.Snapshot, memo, s.rcpt.Final)
	switch status {
	case table.TryLater:
		r.settle(i, spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "cannot tell where the mailbox lives"}, "")
		return
	case table.NotFound: // nothing is said of it: by the way that it has
		return
	}
	s.home = h
	to := h.Transport
	if to == s.rcpt.NotBy && h.Other != "" {
		to = h.Other
	}
	if to != r.a.Job.Lane.Transport {
		r.move(i, to, s.rcpt.Reply, "")
	}
}

// HomeOf tells where mail for an address of a migrated domain goes now, as an
// attempt would find it.
func HomeOf(ctx context.Context, s *decide.Snapshot, view table.View, a mail.Address) (decide.Home, table.Status) {
	return homeOf(ctx, s, &decide.Memo{View: view, Answers: make(map[decide.Question]table.Answer)}, a)
}

func homeOf(ctx context.Context, s *decide.Snapshot, memo *decide.Memo, a mail.Address) (decide.Home, table.Status) {
	return asking(ctx, memo, func() (decide.Home, table.Status, []decide.Question) { return s.HomeOf(memo, a) })
}

// DomainAt gives a hosted domain, from its block or from a table.
func DomainAt(ctx context.Context, s *decide.Snapshot, view table.View, name mail.Domain) (decide.Domain, table.Status) {
	memo := &decide.Memo{View: view, Answers: make(map[decide.Question]table.Answer)}
	return asking(ctx, memo, func() (decide.Domain, table.Status, []decide.Question) { return s.DomainAt(memo, name) })
}

// asking asks decide, and looks up what it needs.
func asking[T any](ctx context.Context, memo *decide.Memo, ask func() (T, table.Status, []decide.Question)) (T, table.Status) {
	for range roundsMax {
		h, status, needs := ask()
		if len(needs) == 0 {
			return h, status
		}
		answers := make([]table.Answer, len(needs))
		each(len(needs), func(n int) { answers[n] = lookup(ctx, memo.View, needs[n]) })
		for n, q := range needs {
			memo.Answers[q] = answers[n]
		}
	}
	var none T
	return none, table.TryLater
}

func lookup(ctx context.Context, view table.View, q decide.Question) table.Answer {
	if int(q.Table) < 0 || int(q.Table) >= len(view) || view[q.Table].Remote == nil {
		return table.Answer{Status: table.TryLater, Cause: errNoAnswer}
	}
	return view[q.Table].Remote.Lookup(ctx, q.Key)
}

// move sends a recipient on to another transport, with the last word about him.
func (r *run) move(i int, transport string, reply mail.Reply, remote string) {
	s := &r.slots[i]
	s.lane = spool.Lane{Tenant: r.a.Job.Lane.Tenant, Transport: transport}
	if t := r.cfg.Transports[transport]; t != nil && t.Kind == decide.KindMX {
		s.lane.Nexthop = string(s.rcpt.Final.Domain)
	}
	r.settle(i, spool.Moved, reply, remote)
}

// unwelcome ends a recipient whom a host refused for good. Under a migration
// that tries the other side, one whom this side does not know is asked for there
// first, once: NotBy is stored with him and never taken away.
func (r *run) unwelcome(i int, said smtp.RecipientReply, reply mail.Reply, remote string) {
	s := &r.slots[i]
	if s.home.TryOther && s.rcpt.NotBy == "" && isUnknown(said) {
		s.notBy = r.a.Job.Lane.Transport
		r.move(i, s.elsewhere(s.notBy), reply, remote)
		return
	}
	r.settle(i, spool.Failed, reply, remote)
}

// elsewhere is the side of the home that is not this transport.
func (s *slot) elsewhere(here string) string {
	if here == s.home.Transport {
		return s.home.Other
	}
	return s.home.Transport
}

// isUnknown: 5.1.1, 5.1.10 or a bare 550 to RCPT (SEMANTICS 23). After the data,
// where LMTP has a reply for each recipient, a bare 550 may mean the message.
func isUnknown(said smtp.RecipientReply) bool {
	switch said.Stage {
	case smtp.StageRcpt:
		return isUnknownReply(said.Reply)
	case smtp.StageEnd:
		return said.Reply.Enhanced != "" && isUnknownReply(said.Reply)
	}
	return false
}

func isUnknownReply(r mail.Reply) bool {
	if r.Enhanced == "" {
		return r.Code == 550
	}
	return r.Permanent() && (r.Enhanced == "5.1.1" || r.Enhanced == "5.1.10")
}

// tellHome reports what one side said of a recipient.
func (r *run) tellHome(s *slot) {
	if r.d.o.Homes == nil || s.home.Domain == "" || s.state == spool.Waiting || s.remote == "" {
		return
	}
	e := HomeEvent{Domain: s.home.Domain, Address: s.rcpt.Final, Side: s.home.Side, State: s.state, Percent: s.home.Percent}
	if r.a.Job.Lane.Transport != s.home.Transport {
		e.Side = decide.SideNew - s.home.Side
	}
	e.Only = s.state == spool.Delivered && s.rcpt.NotBy != ""
	e.Unknown = s.state != spool.Delivered && isUnknownReply(s.reply)
	r.d.o.Homes.Told(e)
}
