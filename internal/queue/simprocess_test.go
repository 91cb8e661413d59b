package queue

import (
	"context"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// process is one run of the server: the loop with its scheduler, and what
// workers would have in their hands. It does what Runner does, one step at a
// time, and holds it against the promises.
type process struct {
	*world
	loop    *loop
	hints   chan spool.Hint
	dead    bool
	wake    time.Time // of the Tick on the agenda
	active  int       // attempts that are not finished
	claims  int
	inLane  map[spool.Lane]int // attempts that have not ended
	going   map[job]*errand
	drafts  []*simDraft
	lastOut map[spool.Lane]time.Time // when a lane had its last start
	lastEnd map[spool.Lane]time.Time // when an attempt of it ended
	crowded time.Time                // when slots or memory were scarce
	revived time.Time                // when every lane had another chance
	vain    map[vain]int             // attempts
}

// vain names a time in which the host of a lane was away and nobody said that it
// might be back.
type vain struct {
	lane  spool.Lane
	since time.Time
}

// spares holds what is tried at a host that is away: a window of attempts or two,
// and a probe now and then.
func (p *process) spares(l spool.Lane, h *host) {
	v := vain{l, latest(h.changed, p.revived)}
	p.vain[v]++
	if n, d := p.vain[v], time.Since(v.since); n > 30+int(d/(2*time.Minute)) {
		p.failf("%d attempts in %v at the host of %v, which is away for %v", n, d, l, d)
	}
}

// job names a job.
type job struct {
	id spool.ID
	n  int
}

func jobOf(j *spool.Job) job { return job{j.Message, j.N} }

// errand is an attempt on its way.
type errand struct {
	*try
	cancel context.CancelCauseFunc
	ctx    context.Context
	told   bool      // the remote has answered, and the outcome is to be written
	left   bool      // its lane
	untold bool      // the failure could not be reported
	asked  time.Time // NotBefore
	met    time.Time // when the outcome was decided
	took   []*parcel // delivered, as far as the remote knows
}

// start begins a process. The store is opened anew for it.
func (w *world) start() {
	w.mem.Restart()
	r := NewRunner(Options{Store: w.store, Deliverer: w, Notifier: w, Profiles: w, Limits: w.limits, Random: w.rnd.Float64})
	r.work = make(chan Action, 2*maxDrain)
	r.events = make(chan event, 2*maxDrain)
	p := &process{world: w, hints: make(chan spool.Hint, 64), inLane: map[spool.Lane]int{}, going: map[job]*errand{},
		lastOut: map[spool.Lane]time.Time{}, lastEnd: map[spool.Lane]time.Time{}, vain: map[vain]int{}, revived: time.Now()}
	p.loop = &loop{Runner: r, hints: p.hints, sched: NewScheduler(r.opt.Limits, r.connections, r.opt.Random)}
	p.loop.workers = 1 << 30 // the world carries out what is to be done
	w.process = p
	w.disturbed()
	w.tell("start")
}

// in does something later, if this process lives to see it.
func (p *process) in(d time.Duration, do func()) {
	p.world.in(d, func() {
		if !p.dead {
			do()
		}
	})
}

// pump lets the loop hear everything and do what it wants.
func (p *process) pump() {
	p.overhear()
	for {
		// What has come of both kinds would be taken in random order.
		p.loop.hints = nil
		p.loop.more()
		p.loop.hints = p.hints
		p.loop.more()
		p.loop.dispatch()
		if len(p.loop.work) == 0 && len(p.loop.events) == 0 && len(p.hints) == 0 {
			break
		}
		for len(p.loop.work) > 0 {
			p.begin(<-p.loop.work)
		}
	}
	if !p.hasRoom() {
		p.crowded = time.Now()
	}
	s := p.loop.sched
	if s.held+s.promised > p.limits.Jobs {
		p.failf("%d jobs in memory and %d to come, limit %d", s.held, s.promised, p.limits.Jobs)
	}
	wake := s.Wake()
	if !wake.After(time.Now()) {
		p.failf("the scheduler wants to be woken at %v, now is %v", wake, time.Now())
	}
	if p.wake.After(time.Now()) && !wake.Before(p.wake) {
		return
	}
	p.wake = wake
	p.in(time.Until(wake), func() {})
}

// overhear takes the hints of the store to the loop; some are lost.
func (p *process) overhear() {
	for len(p.world.hints) > 0 {
		h := <-p.world.hints
		if p.chance(p.nature.loss) {
			continue
		}
		select {
		case p.hints <- h:
		default:
		}
	}
}

// begin begins what the loop gave out.
func (p *process) begin(a Action) {
	switch a.Kind {
	case ActionClaim:
		if p.claims++; p.claims > p.limits.Claims {
			p.failf("%d claims at once", p.claims)
		}
		p.in(p.pause(0, 2*time.Millisecond), func() { p.ask(a) })
	case ActionScan:
		p.in(p.pause(0, 5*time.Millisecond), func() { p.ask(a) })
	default:
		p.attempt(a)
	}
}

// ask asks the store for work, and brings its answer a little later.
func (p *process) ask(a Action) {
	e := p.loop.do(a)
	p.in(p.pause(0, 2*time.Millisecond), func() {
		if a.Kind == ActionClaim {
			p.claims--
		}
		p.loop.event(e)
	})
}

// attempt begins a start or a deferral.
func (p *process) attempt(a Action) {
	lane := a.Job.Lane
	p.active++
	if a.Kind == ActionStart {
		p.inLane[lane]++
	}
	if n := p.inLane[lane]; n > p.Profile(lane.Transport).Connections || p.active > p.limits.Attempts {
		p.failf("%d attempts at once in %v, %d in all", n, lane, p.active)
	}
	ctx, cancel := context.WithCancelCause(p.loop.ctx)
	e := &errand{ctx: ctx, cancel: cancel, try: &try{
		Runner: p.loop.Runner, action: a, job: a.Job, profile: p.Profile(lane.Transport),
	}}
	var ok bool
	if e.lease, ok = p.loop.holdLease(a.Job, cancel); !ok {
		p.over(e) // claimed again, or removed
		return
	}
	if p.going[jobOf(a.Job)] != nil {
		p.failf("job %d of %v goes twice at once", a.Job.N, a.Job.Message)
	}
	p.attempts++
	p.book.begins(a)
	p.lastOut[lane] = time.Now()
	p.going[jobOf(a.Job)] = e
	p.keep(e)
	if a.Kind == ActionDefer {
		p.in(time.Millisecond, func() { p.settle(e, e.putOff()) })
		return
	}
	if err := e.open(ctx); err != nil {
		o, back := e.unopened(err)
		if !back {
			p.over(e)
			return
		}
		p.write(e, verdict{outcome: o}, nil, updateFirst)
		return
	}
	takes := p.hostOf(lane).takes(p.world)
	p.in(takes, func() { p.meet(e) })
}

// keep extends the lease of an errand while it lasts.
func (p *process) keep(e *errand) {
	p.in(p.loop.opt.LeaseFor/3, func() {
		if p.going[jobOf(e.job)] != e {
			return
		}
		if !e.lease.extend() {
			e.cancel(spool.ErrFenced)
			return
		}
		p.keep(e)
	})
}

// meet is when the remote answers.
func (p *process) meet(e *errand) {
	if e.told || p.going[jobOf(e.job)] != e {
		return // a stop has cut it
	}
	end := e.meet(e.ctx)
	p.leave(e)
	p.settle(e, end)
}

// leave counts an attempt out of its lane, when the loop does.
func (p *process) leave(e *errand) {
	if e.ended && !e.left && e.action.Kind == ActionStart {
		e.left = true
		p.lastEnd[e.job.Lane] = time.Now()
		p.inLane[e.job.Lane]--
	}
}

// settle writes an ending.
func (p *process) settle(e *errand, end ending) {
	e.told = true
	e.met = time.Now()
	v, drafts := e.decide(end)
	e.untold = len(v.failed) < len(judge(e.job, end).failed)
	if p.nature.crashes > 0 && p.chance(0.0005) {
		p.in(0, p.crash) // at the worst of times
	}
	p.in(p.pause(0, 5*time.Millisecond), func() { p.write(e, v, drafts, updateFirst) })
}

// write writes an outcome, again and again while the store is away.
func (p *process) write(e *errand, v verdict, drafts []spool.Draft, wait time.Duration) {
	e.told = true
	stands, again := e.try.write(v.outcome, drafts)
	if again {
		p.in(wait, func() { p.write(e, v, drafts, min(2*wait, updateLongest)) })
		return
	}
	if stands {
		p.book.settles(e, v, drafts)
	} else {
		p.book.loses(e)
	}
	p.over(e)
}

func (p *process) idle() bool { return p != nil && p.active == 0 && p.claims == 0 }

// hasRoom tells whether neither slots nor memory are scarce.
func (p *process) hasRoom() bool {
	return p.active < p.limits.Attempts/2 && p.loop.sched.held < p.limits.Jobs/2
}

// over ends an errand.
func (p *process) over(e *errand) {
	e.close()
	if e.lease != nil {
		e.lease.stop()
	}
	e.end(FeedbackNone, Failure{})
	p.leave(e)
	e.cancel(nil)
	if p.going[jobOf(e.job)] == e {
		delete(p.going, jobOf(e.job))
	}
	p.in(p.pause(0, time.Millisecond), func() {
		p.active--
		p.loop.event(event{kind: eventFinished, action: e.action})
	})
}
