package queue

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// openAgain is the pause after a message could not be opened.
const openAgain = 30 * time.Second

// errPanic is why an attempt ended, or a report was not made, that panicked.
var errPanic = errors.New("queue: panic")

// errOpen tells settle of a message that could not be opened.
var errOpen = errors.New("queue: message cannot be opened")

// try is one job in the hands of a worker.
type try struct {
	*Runner
	action  Action
	job     *spool.Job
	lease   *leaseKeeper
	profile Profile
	env     spool.Envelope
	body    spool.Body // nil until opened
	ended   bool       // the loop knows
}

// carryOut does a start or a deferral to its end: attempt, notices, update.
// A panic anywhere in it costs that attempt only.
func (r *Runner) carryOut(a Action) {
	r.stats.active.Add(1)
	defer r.stats.active.Add(-1)
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	t := &try{Runner: r, action: a, job: a.Job, profile: r.opt.Profiles.Profile(a.Job.Lane.Transport)}
	defer t.end(FeedbackNone, Failure{})
	var ok bool
	if t.lease, ok = r.keepLease(a.Job, cancel); !ok {
		return // claimed again by another, or removed
	}
	defer t.lease.stop()
	defer t.close()
	defer func() {
		if p := recover(); p != nil {
			r.stats.panics.Add(1)
			t.logger().Error("queue: panic outside of delivery", "panic", p, "stack", string(debug.Stack()))
			t.giveBack()
		}
	}()
	if a.Kind == ActionDefer {
		t.settle(t.putOff())
		return
	}
	t.lease.begin()
	t.attempt(ctx)
}

// end frees the place in the lane, once.
func (t *try) end(f Feedback, why Failure) {
	if !t.ended {
		t.ended = true
		t.events <- event{kind: eventEnded, action: t.action, feedback: f, why: why}
	}
}

// attempt delivers and settles.
func (t *try) attempt(ctx context.Context) {
	if err := t.open(ctx); err != nil {
		if o, back := t.unopened(err); back {
			t.update(o, nil)
		}
		return
	}
	t.settle(t.meet(ctx))
}

// meet delivers, and frees the place in the lane.
func (t *try) meet(ctx context.Context) ending {
	a := Attempt{Job: *t.job, Envelope: t.env, Body: t.body, Last: isLast(t.profile, t.job, time.Now())}
	a.Job.Lease = t.lease.current()
	res, err := t.deliver(ctx, a)
	e := t.ending(res, ctx.Err() != nil)
	if err == nil {
		t.end(e.feedback())
	}
	return e
}

// deliver calls the deliverer. What panics is deferred with a reply of our own;
// nothing is known of the remote then.
func (t *try) deliver(ctx context.Context, a Attempt) (res Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.panicked("queue: panic in delivery", p)
			why := Failure{Reply: mail.Reply{Code: 451, Enhanced: "4.3.0", Text: "internal error"}}
			res, err = allWaiting(t.job, why), errPanic
		}
	}()
	return t.opt.Deliverer.Attempt(ctx, a), nil
}

// panicked counts and tells a panic, from where it was recovered.
func (t *try) panicked(where string, p any) {
	t.stats.panics.Add(1)
	t.logger().Error(where, "panic", p, "stack", string(debug.Stack()))
}

// putOff is the ending of a job that is not attempted.
func (t *try) putOff() ending {
	e := t.ending(allWaiting(t.job, t.action.Failure), false)
	e.asleep = true
	return e
}

func (t *try) ending(res Result, cut bool) ending {
	return ending{result: res, now: time.Now(), cut: cut, jitter: t.opt.Random(), profile: t.profile}
}

// open makes envelope and body ready, once.
func (t *try) open(ctx context.Context) error {
	if t.body != nil {
		return nil
	}
	env, body, err := t.opt.Store.Open(ctx, t.job.Message)
	if err != nil {
		return errors.Join(errOpen, err)
	}
	t.env, t.body = env, body
	return nil
}

func (t *try) close() {
	if t.body != nil {
		_ = t.body.Close() // it was only read
	}
}

// unopened gives the outcome that puts a job back whose message could not be
// read: held when it is damaged, since trying again cannot help.
func (t *try) unopened(err error) (o spool.Outcome, back bool) {
	if errors.Is(err, spool.ErrNotFound) {
		return o, false // removed meanwhile
	}
	t.stats.storeErrors.Add(1)
	o = spool.Outcome{Uncount: true, Next: time.Now().Add(spread(openAgain, t.opt.Random()))}
	o.Held = errors.Is(err, spool.ErrDamaged)
	t.logger().Error("queue: the message cannot be read", "held", o.Held, "error", err)
	return o, true
}
