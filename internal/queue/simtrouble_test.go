package queue

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

// What a simStore does not do.
const (
	nothing = iota
	claims
	updates
	opens
	everything
	troubles
)

// simStore is a store that is away at times.
type simStore struct {
	*spooltest.Mem
	*world
	down int
}

// away tells whether a kind of call fails now.
func (s *simStore) away(what int) error {
	if s.down == what || s.down == everything || s.chance(s.nature.quirks/4) {
		return spool.ErrUnavailable
	}
	return nil
}

func (s *simStore) CreateReport(ctx context.Context) (spool.Draft, error) { return s.Create(ctx) }

func (s *simStore) Create(ctx context.Context) (spool.Draft, error) {
	if s.down == everything {
		return nil, spool.ErrUnavailable
	}
	d, err := s.Mem.Create(ctx)
	if err != nil {
		return nil, err
	}
	return &simDraft{Draft: d}, nil
}

func (s *simStore) Lanes(ctx context.Context, before time.Time, most int) ([]spool.LaneDue, error) {
	if err := s.away(claims); err != nil {
		return nil, err
	}
	return s.Mem.Lanes(ctx, before, most)
}

func (s *simStore) Claim(ctx context.Context, req spool.ClaimReq) ([]spool.Job, error) {
	if err := s.away(claims); err != nil {
		return nil, err
	}
	return s.Mem.Claim(ctx, req)
}

func (s *simStore) Open(ctx context.Context, id spool.ID) (spool.Envelope, spool.Body, error) {
	if err := s.away(opens); err != nil {
		return spool.Envelope{}, nil, err
	}
	return s.Mem.Open(ctx, id)
}

func (s *simStore) Extend(ctx context.Context, l spool.Lease, d time.Duration) (spool.Lease, error) {
	if err := s.away(everything); err != nil {
		return spool.Lease{}, err
	}
	return s.Mem.Extend(ctx, l, d)
}

func (s *simStore) Update(ctx context.Context, l spool.Lease, o spool.Outcome, spawn []spool.Draft) error {
	if err := s.away(updates); err != nil {
		return err
	}
	inner := make([]spool.Draft, len(spawn))
	for i, d := range spawn {
		inner[i] = d.(*simDraft).Draft
	}
	return s.Mem.Update(ctx, l, o, inner)
}

// simDraft knows what a report tells.
type simDraft struct {
	spool.Draft
	kind  NoticeKind
	about []*parcel
	to    spool.Recipient // of the report
	lane  spool.Lane
	ended bool
}

func (d *simDraft) Abort() {
	d.ended = true
	d.Draft.Abort()
}

// outage takes a part of the store away, for a second or for hours.
func (w *world) outage() {
	if w.store.down != nothing {
		return
	}
	w.outages++
	w.store.down = 1 + w.rnd.IntN(troubles-1)
	w.tell("outage %d", w.store.down)
	w.disturbed()
	w.in(time.Duration(float64(20*time.Minute)*w.rnd.ExpFloat64()), func() {
		w.store.down = nothing
		w.disturbed()
		w.tell("the store is back")
	})
}

// crash ends the process at once: what it had in its hands happens again, if the
// outcome was not written.
func (w *world) crash() {
	if w.process == nil {
		return
	}
	w.crashes++
	w.tell("crash")
	w.bury()
	w.in(w.pause(time.Second, time.Hour), w.again)
}

// restart stops the process: what is on its way is cut short, and written.
func (w *world) restart() {
	p := w.process
	if p == nil {
		return
	}
	w.restarts++
	w.tell("restart")
	p.loop.cancel(ErrStopped)
	for _, e := range p.errands() {
		if !e.told && e.action.Kind == ActionStart {
			e.told, e.met = true, time.Now()
			v, drafts := e.decide(e.meet(e.ctx))
			p.write(e, v, drafts, updateFirst)
		}
	}
	w.bury()
	w.in(w.pause(time.Millisecond, 5*time.Second), w.again)
}

// errands in a fixed order.
func (p *process) errands() []*errand {
	var out []*errand
	for _, e := range p.going {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *errand) int {
		return cmp.Compare(a.job.Lease.Token, b.job.Lease.Token)
	})
	return out
}

// bury ends the process.
func (w *world) bury() {
	p := w.process
	for _, e := range p.errands() {
		w.book.loses(e)
		e.cancel(ErrStopped)
	}
	p.loop.cancel(ErrStopped)
	p.dead = true
	w.process = nil
	for len(w.hints) > 0 {
		<-w.hints
	}
}

func (w *world) again() {
	if w.process == nil {
		w.start()
	}
}

// order is an administrator's word.
func (w *world) order() {
	w.orders++
	f := spool.Filter{Limit: w.some(1, 50)}
	switch w.rnd.IntN(4) {
	case 0:
		f.Tenant = w.tenant()
	case 1:
		f.Transport = w.transport()
	case 2:
		f.Domain = w.anyHost().domain()
	case 3:
		f.Sender = w.from(w.rnd.IntN(w.nature.senders)).String()
	}
	actions := []spool.Action{spool.ActionHold, spool.ActionRelease, spool.ActionRetry, spool.ActionRelease, spool.ActionRetry}
	if f.Domain != "" && w.chance(0.5) {
		w.change(f, spool.ActionRemove)
		return
	}
	w.change(f, actions[w.rnd.IntN(len(actions))])
}

// change does what the control socket does.
func (w *world) change(f spool.Filter, a spool.Action) {
	again := a == spool.ActionRetry || a == spool.ActionRelease
	if again {
		w.reconfigure()
	}
	w.book.changes(f, a)
	n, err := w.mem.Change(context.Background(), f, a, nil)
	if err != nil {
		w.failf("change: %v", err)
	}
	w.tell("order %d: %d jobs", a, n.Jobs)
	if n.Jobs > 0 && again {
		w.reconfigure()
	}
	if a != spool.ActionRemove {
		w.disturbed()
	}
}

// reload brings other profiles.
func (w *world) reload() {
	w.reloads++
	w.reprofile()
	w.tell("reload")
	w.reconfigure()
}

func (w *world) reconfigure() {
	if w.process != nil {
		w.process.loop.event(event{kind: eventReload})
		w.process.revived = time.Now()
	}
}
