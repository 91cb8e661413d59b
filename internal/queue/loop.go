package queue

import (
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// maxDrain bounds the events that are taken before actions are looked for.
const maxDrain = 256

type eventKind uint8

const (
	eventClaimed eventKind = iota
	eventScanned
	eventEnded
	eventFinished
	eventKick
	eventReload
	eventLook
)

// event is what workers and callers tell the loop.
type event struct {
	kind     eventKind
	action   Action // that it answers
	jobs     []spool.Job
	due      []spool.LaneDue
	err      error
	feedback Feedback
	why      Failure
	lane     spool.Lane       // eventKick, eventLook
	look     chan<- LaneState // eventLook: has room for the answer
}

// loop is the goroutine that has the scheduler.
type loop struct {
	*Runner
	hints       <-chan spool.Hint
	sched       *Scheduler
	outstanding int // actions given out and not answered
	workers     int
}

// run takes events and gives out actions until Stop, then waits for the workers.
// A hint leads to its attempt without a timer in between.
func (l *loop) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case h, ok := <-l.hints:
			l.hint(h, ok)
		case e := <-l.events:
			l.event(e)
		case e := <-l.asked:
			l.event(e)
		case <-timer.C:
		case <-l.stop:
			l.drain()
			return
		}
		l.more()
		l.dispatch()
		timer.Reset(max(0, time.Until(l.sched.Wake())))
		l.stats.lanes.Store(int64(len(l.sched.lanes)))
		l.stats.held.Store(int64(l.sched.held))
	}
}

// hint feeds a hint. A store that ends its watch leaves the scans. A channel
// that was full has likely lost some, and whoever wrote the last of them would
// wait for a scan.
func (l *loop) hint(h spool.Hint, ok bool) {
	if !ok {
		l.hints = nil
		return
	}
	now := time.Now()
	l.sched.Hint(now, h)
	if room := cap(l.hints); room > 0 && len(l.hints) >= room-1 {
		l.sched.Lost(now)
	}
}

// more takes what else has come, without waiting.
func (l *loop) more() {
	for range maxDrain {
		select {
		case h, ok := <-l.hints:
			l.hint(h, ok)
		case e := <-l.events:
			l.event(e)
		default:
			return
		}
	}
}

func (l *loop) event(e event) {
	now := time.Now()
	switch e.kind {
	case eventClaimed:
		l.outstanding--
		l.sched.Claimed(now, e.action, e.jobs, e.err)
	case eventScanned:
		l.outstanding--
		l.sched.Scanned(now, e.action, e.due, e.err)
	case eventEnded:
		l.sched.Ended(now, e.action, e.feedback, e.why)
	case eventFinished:
		l.outstanding--
		l.sched.Finished(now, e.action)
	case eventKick:
		l.sched.Kick(now, e.lane)
	case eventReload:
		l.sched.Configure(now, l.opt.Limits)
	case eventLook:
		e.look <- l.sched.State(now, e.lane)
	}
}

// dispatch gives out all actions that the scheduler wants. It never blocks:
// the channel has room for all that can be outstanding, and there are as many
// workers as ever were outstanding at once.
func (l *loop) dispatch() {
	now := time.Now()
	for {
		a, ok := l.sched.Next(now)
		if !ok {
			return
		}
		if l.outstanding++; l.outstanding > l.workers {
			l.workers++
			go l.worker()
		}
		l.work <- a
	}
}

// drain waits for the workers. Claimed jobs that were not begun keep their
// leases until these run out or the store is opened again.
func (l *loop) drain() {
	for l.outstanding > 0 {
		if e := <-l.events; e.kind != eventEnded {
			l.outstanding--
		}
	}
	close(l.work)
}

// worker does one action after the other.
func (r *Runner) worker() {
	for a := range r.work {
		r.events <- r.do(a)
	}
}

// do does one action and gives its answer.
func (r *Runner) do(a Action) event {
	e := event{action: a}
	switch a.Kind {
	case ActionClaim:
		e.kind = eventClaimed
		req := spool.ClaimReq{Lane: a.Lane, From: a.From, Before: a.Before, Asleep: a.Asleep, Max: a.Max, LeaseFor: r.opt.LeaseFor}
		r.hands.claim(a.Lane)
		e.jobs, e.err = r.opt.Store.Claim(r.ctx, req)
		e.jobs = r.hands.begun(a.Lane, e.jobs)
	case ActionScan:
		e.kind = eventScanned
		e.due, e.err = r.opt.Store.Lanes(r.ctx, a.Before, a.Max)
	case ActionStart, ActionDefer:
		e.kind = eventFinished
		r.carryOut(a)
	}
	if e.err != nil {
		r.stats.storeErrors.Add(1)
		r.opt.Log.Error("queue: the store does not give work", "transport", a.Lane.Transport, "nexthop", a.Lane.Nexthop, "error", e.err)
	}
	return e
}
