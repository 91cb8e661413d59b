package queue

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// ErrStopped is what a Runner says that was stopped, and the cause of the end of
// an attempt's context when Stop ran out of time.
var ErrStopped = errors.New("queue: stopped")

// stopGrace is how long attempts may take to end once their context has.
const stopGrace = 10 * time.Second

// Options of a Runner. Store, Deliverer, Notifier and Profiles must be given.
type Options struct {
	Store     spool.Store
	Deliverer Deliverer
	Notifier  Notifier
	Profiles  Profiles
	Limits    Limits
	Log       *slog.Logger          // nil: nothing is logged
	LeaseFor  time.Duration         // 10 minutes; extended while an attempt lasts
	Paused    func(spool.Lane) bool // nil: none is
	Random    func() float64        // in [0,1), for several goroutines; nil: math/rand
}

// Runner ties a Scheduler to a store and a deliverer. Its goroutines are the loop,
// which alone has the scheduler, and workers, which do one action after the
// other and tell the loop.
type Runner struct {
	opt   Options
	stats counters
	hands hands

	ctx    context.Context // of attempts; ends when Stop runs out of time
	cancel context.CancelCauseFunc
	work   chan Action // to the workers; has room for all that can be outstanding
	events chan event  // from the workers; has room for all that they tell
	asked  chan event  // from Kick, Reload and Lane
	stop   chan struct{}
	done   chan struct{} // closed when every action was answered and the loop has ended
	once   sync.Once     // of stop
}

// NewRunner makes a runner; Start sets it going.
func NewRunner(o Options) *Runner {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.LeaseFor <= 0 {
		o.LeaseFor = 10 * time.Minute
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	o.Limits = o.Limits.withDefaults()
	r := &Runner{
		opt:   o,
		asked: make(chan event),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
		hands: newHands(),
	}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	return r
}

// Start begins to work off the queue. It fails when the store cannot be watched.
// It may be called once.
func (r *Runner) Start() error {
	watch, unwatch := context.WithCancel(context.Background())
	hints, err := r.opt.Store.Watch(watch)
	if err != nil {
		unwatch()
		return err
	}
	// One more than every attempt and claim at once: the scan.
	outstanding := r.opt.Limits.Attempts + r.opt.Limits.Claims + 1
	r.work = make(chan Action, outstanding)
	r.events = make(chan event, 2*outstanding) // an attempt tells of its end twice
	l := &loop{
		Runner: r,
		hints:  hints,
		sched:  NewScheduler(r.opt.Limits, r.connections, r.opt.Random),
	}
	if r.opt.Paused != nil {
		l.sched.Pausing(r.opt.Paused)
	}
	go func() {
		defer close(r.done)
		defer unwatch()
		l.run()
	}()
	return nil
}

// Stop takes no more work and waits for the running attempts. When ctx ends,
// their contexts end with cause ErrStopped, and ctx's error is returned. What
// is unfinished stays in the store. Without a Start it must not be called.
func (r *Runner) Stop(ctx context.Context) error {
	r.once.Do(func() { close(r.stop) })
	defer r.cancel(ErrStopped)
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
	}
	r.cancel(ErrStopped)
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-r.done:
	case <-grace.C:
		r.opt.Log.Error("queue: attempts do not end", "active", r.stats.active.Load())
	}
	return ctx.Err()
}

// Kick tries the due jobs of a lane now, even when its hosts were given up for the
// moment. Jobs that are not due yet are made so by spool.Store.Change.
func (r *Runner) Kick(lane spool.Lane) { r.ask(event{kind: eventKick, lane: lane}) }

// Reload says that profiles or pauses may have changed. Lanes given up for the moment
// are tried again.
func (r *Runner) Reload() { r.ask(event{kind: eventReload}) }

func (r *Runner) ask(e event) {
	select {
	case r.asked <- e:
	case <-r.stop:
	}
}

func (r *Runner) connections(transport string) int {
	return r.opt.Profiles.Profile(transport).Connections
}
