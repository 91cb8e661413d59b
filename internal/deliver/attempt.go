package deliver

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
)

// Attempt carries out one job by the current definition of its transport.
func (d *Deliverer) Attempt(ctx context.Context, a queue.Attempt) (res queue.Result) {
	d.counters.Attempts.Add(1)
	r := d.newRun(a)
	defer func() {
		if p := recover(); p != nil {
			d.counters.Panics.Add(1)
			d.o.Log.LogAttrs(ctx, slog.LevelError, "attempt panicked", slog.String("id", a.Job.Message.String()),
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			r.restWaits(mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "internal error"})
		}
		res = r.end(ctx)
	}()
	r.carryOut(ctx)
	return res
}

// run is one attempt under way.
type run struct {
	d     *Deliverer
	a     queue.Attempt
	cfg   *config.Config
	view  table.View
	t     *config.Transport
	begun time.Time
	slots []slot // one for each recipient of the job, in its order
	left  int    // slots not settled

	probing   bool // recipients are asked about, no message is offered
	spoke     bool // a host was offered the message
	tried     bool // every host of the plan was gone to
	heard     bool // a host, or DNS, said something that is no yes
	refused   bool // a host could not be reached, or did not get as far
	hold      bool
	noDSN     bool // an accepting host knows no DSN
	took      bool // a host accepted a recipient
	tls       string
	spawn     []spool.Draft // of a re-injection
	notBefore time.Time     // the remote wants to be asked no earlier

	prefix *[]byte // header lines in front, made once
	utf8   *bool   // needs SMTPUTF8, found out once
}

// slot is one recipient's way through the attempt.
type slot struct {
	rcpt    spool.Recipient
	settled bool
	state   spool.State
	reply   mail.Reply
	remote  string // who said the reply
	at      string // the last host tried, for the log

	last    failure // of the last host that did not settle it
	heard   bool    // last is set
	divided bool    // not every failure was unanimous

	home  decide.Home // of a homed job
	lane  spool.Lane  // state Moved: where it goes on
	notBy string      // state Moved: the transport that does not know it
}

func (d *Deliverer) newRun(a queue.Attempt) *run {
	a.Body = edited(a.Body, a.Job.Edits)
	r := &run{d: d, a: a, begun: time.Now(), slots: make([]slot, len(a.Job.Recipients))}
	for i, rcpt := range a.Job.Recipients {
		r.slots[i] = slot{rcpt: rcpt, settled: rcpt.State != spool.Waiting, state: rcpt.State, reply: rcpt.Reply, remote: rcpt.Remote}
		if rcpt.State == spool.Waiting {
			r.left++
		}
	}
	return r
}

// carryOut hands the job to its transport.
func (r *run) carryOut(ctx context.Context) {
	r.cfg, r.view = r.d.o.Pin()
	if r.a.Job.Homed {
		if r.findHomes(ctx); r.left == 0 {
			return
		}
	}
	r.t = r.cfg.Transports[r.a.Job.Lane.Transport]
	if r.t == nil {
		r.hold = true
		r.restWaits(mail.Reply{Code: 451, Enhanced: "4.3.5", Text: "mail system configuration changed"})
		return
	}
	switch r.t.Kind {
	case decide.KindReject:
		r.reject()
	case decide.KindDiscard:
		r.discard()
	case decide.KindMaildir:
		r.maildirs(ctx)
	case decide.KindReinject:
		r.reinject(ctx)
	case decide.KindWebhook:
		r.webhooks(ctx)
	case decide.KindPipe:
		r.pipes(ctx)
	default:
		r.hosts(ctx)
	}
}

// hosts tries the hosts of the transport until every recipient is settled.
func (r *run) hosts(ctx context.Context) {
	plan, err := r.d.planner.Plan(ctx, Query{
		Config: r.cfg, Transport: r.t.Name, Nexthops: r.a.Job.Nexthops, Domain: r.domain(),
	})
	if err != nil {
		r.unplanned(ctx, err)
		return
	}
	for n, h := range plan.Hosts {
		if r.left == 0 || ctx.Err() != nil {
			return
		}
		r.visitInTime(ctx, h, len(plan.Hosts)-n)
	}
	r.tried = len(plan.Hosts) > 0
}

// visitInTime visits a host. A probe has a client that waits: it leaves as much
// time for each of the hosts to come, so that one which does not answer leaves
// some for the next.
func (r *run) visitInTime(ctx context.Context, h Host, left int) {
	if end, ok := ctx.Deadline(); ok && r.probing {
		share, cancel := context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
		defer cancel()
		ctx = share
	}
	r.visit(ctx, h)
}

// domain that an mx transport looks up. All recipients of a job share it.
func (r *run) domain() mail.Domain {
	if n := r.a.Job.Lane.Nexthop; n != "" || len(r.slots) == 0 {
		return mail.Domain(n)
	}
	return r.slots[0].rcpt.Final.Domain
}

// unplanned ends an attempt for which there is no host to try.
func (r *run) unplanned(ctx context.Context, err error) {
	r.d.o.Log.LogAttrs(ctx, slog.LevelDebug, "no host", slog.String("id", r.a.Job.Message.String()), slog.String("error", err.Error()))
	reply := mail.ReplyOf(err)
	for i := range r.slots {
		if reply.Permanent() {
			r.settle(i, spool.Failed, reply, "")
		} else {
			r.fail(i, failure{reply: reply})
		}
	}
}

// settle ends the attempt for one recipient; the first word counts.
func (r *run) settle(i int, state spool.State, reply mail.Reply, remote string) {
	s := &r.slots[i]
	if s.settled {
		return
	}
	s.settled, s.state, s.reply, s.remote = true, state, reply, remote
	r.left--
}

// fail notes that a host did not take a recipient, who goes on to the next.
func (r *run) fail(i int, f failure) {
	s := &r.slots[i]
	if s.settled {
		return
	}
	s.last, s.heard = f, true
	r.heard = r.heard || !f.isSilence()
	s.divided = s.divided || !f.unanimous
}

// failAll notes the same for all that are left, at the host of that name.
func (r *run) failAll(f failure, at string) {
	for i := range r.slots {
		if !r.slots[i].settled {
			r.slots[i].at = at
			r.fail(i, f)
		}
	}
}

// restWaits settles all that are left as waiting.
func (r *run) restWaits(reply mail.Reply) {
	for i := range r.slots {
		r.settle(i, spool.Waiting, reply, "")
	}
}

// conclude settles what no host settled.
func (r *run) conclude(ctx context.Context) {
	if ctx.Err() != nil {
		// We left, nobody failed: nothing becomes final.
		r.restWaits(mail.Reply{Code: 451, Enhanced: "4.3.2", Text: "delivery interrupted"})
		return
	}
	for i := range r.slots {
		s := &r.slots[i]
		final := s.last.unanimous && !s.divided || r.a.Last && s.last.final != ""
		switch {
		case s.settled:
		case !s.heard:
			r.settle(i, spool.Waiting, mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "no host could be tried"}, "")
		case final:
			r.settle(i, spool.Failed, s.last.asFinal(), s.last.remote)
		default:
			r.settle(i, spool.Waiting, s.last.reply, s.last.remote)
		}
	}
}

// isFinal tells whether mail ends here, so that who asked for SUCCESS hears that
// it was delivered. An LMTP host that took NOTIFY says so itself.
func (r *run) isFinal() bool {
	switch {
	case r.t == nil:
		return false
	case r.t.Kind == decide.KindLMTP:
		return !r.took || r.noDSN
	}
	switch r.t.Kind {
	case decide.KindReinject, decide.KindMaildir, decide.KindWebhook, decide.KindPipe, decide.KindDiscard:
		return true
	}
	return false
}

// end makes the result, counts and logs it.
func (r *run) end(ctx context.Context) queue.Result {
	r.conclude(ctx)
	res := queue.Result{
		Recipients:  make([]queue.RecipientResult, len(r.slots)),
		Unreachable: r.refused && !r.spoke && ctx.Err() == nil,
		Final:       r.isFinal(),
		Expanded:    r.a.Job.Lane.Transport == decide.BuiltinExpanded,
		Hold:        r.hold,
		DSNCapable:  r.took && !r.noDSN || r.carriesOn(),
		Spawn:       r.spawn,
		TLS:         r.tls,
		NotBefore:   r.notBefore,
	}
	for i := range r.slots {
		s := &r.slots[i]
		res.Recipients[i] = queue.RecipientResult{N: s.rcpt.N, State: s.state, Reply: s.reply, Remote: s.remote, Lane: s.lane, NotBy: s.notBy}
		if s.rcpt.State == spool.Waiting {
			r.tell(ctx, s)
			r.tellHome(s)
		}
	}
	return res
}
