package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// leaseKeeper extends the lease of a job while an attempt lasts.
type leaseKeeper struct {
	*Runner
	job  *spool.Job              // as it was claimed
	lost context.CancelCauseFunc // ends the attempt when another has the job

	mu      sync.Mutex // guards what follows
	lease   spool.Lease
	timer   *time.Timer
	stopped bool
	began   time.Time // the attempt; zero: there is none
}

// hands are the leases of what this process has begun.
type hands struct {
	mu   sync.Mutex // guards what follows
	held map[handle]*leaseKeeper
	// claims are those under way. There is a channel while somebody waits for the end.
	claims map[spool.Lane]chan struct{}
}

func newHands() hands {
	return hands{held: map[handle]*leaseKeeper{}, claims: map[spool.Lane]chan struct{}{}}
}

// handle names a job.
type handle struct {
	message spool.ID
	job     int
}

func handleOf(l spool.Lease) handle { return handle{l.Message, l.Job} }

// keepLease begins to keep the lease of a job, extending it in time; false when it
// is gone.
func (r *Runner) keepLease(j *spool.Job, lost context.CancelCauseFunc) (*leaseKeeper, bool) {
	k, ok := r.holdLease(j, lost)
	if !ok {
		return nil, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.timer = time.AfterFunc(r.opt.LeaseFor/3, k.tick)
	return k, true
}

// holdLease takes a lease into our hands. A job may have waited in memory for
// long: when its lease has run out, another may have it, and who cannot ask must
// not begin.
func (r *Runner) holdLease(j *spool.Job, lost context.CancelCauseFunc) (*leaseKeeper, bool) {
	l := j.Lease
	k := &leaseKeeper{Runner: r, job: j, lost: lost, lease: l}
	if time.Until(l.Until) < r.opt.LeaseFor/2 && (!k.extend() || time.Until(k.current().Until) <= 0) {
		return nil, false
	}
	r.hands.mu.Lock()
	defer r.hands.mu.Unlock()
	r.hands.held[handleOf(l)] = k
	return k, true
}

// claim notes that a lane's jobs are about to be claimed. A lane has one claim at a
// time; begun is its end.
func (h *hands) claim(l spool.Lane) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claims[l] = nil
}

// claimed waits for the end of the claim of a lane, if one is under way.
func (h *hands) claimed(l spool.Lane) {
	h.mu.Lock()
	end, under := h.claims[l]
	if under && end == nil {
		end = make(chan struct{})
		h.claims[l] = end
	}
	h.mu.Unlock()
	if under {
		<-end
	}
}

// begun takes out of a claim what this process has begun already: its lease ran
// out while the store was away. The new one goes to the attempt that is on its
// way or waits to be written, since a second one would deliver twice. A job whose
// outcome was written is due at another time, and one that has its number after it
// was made then: neither is what was begun, though that may not have left yet.
func (h *hands) begun(l spool.Lane, claimed []spool.Job) []spool.Job {
	h.mu.Lock()
	defer h.mu.Unlock()
	if end := h.claims[l]; end != nil {
		close(end)
	}
	delete(h.claims, l)
	return slices.DeleteFunc(claimed, func(j spool.Job) bool {
		k := h.held[handleOf(j.Lease)]
		same := k != nil && k.job.Due.Equal(j.Due)
		if same {
			k.adopt(j.Lease)
		}
		return same
	})
}

// adopt goes on with another lease on the same job.
func (k *leaseKeeper) adopt(l spool.Lease) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lease = l
}

// extend asks for more time and tells whether the lease is ours still.
func (k *leaseKeeper) extend() bool {
	old := k.current()
	next, err := k.opt.Store.Extend(context.WithoutCancel(k.ctx), old, k.opt.LeaseFor)
	if err != nil {
		// Any other error may pass before the lease does.
		return k.replaced(old, err) || !errors.Is(err, spool.ErrFenced) && !errors.Is(err, spool.ErrNotFound)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lease == old { // else a new one came meanwhile
		k.lease = next
	}
	return true
}

// replaced tells, of a lease over which the store gave an error, whether a claim of
// our own has brought another. One that is under way may have been given it
// already, and is waited for.
func (k *leaseKeeper) replaced(old spool.Lease, err error) bool {
	if errors.Is(err, spool.ErrFenced) {
		k.hands.claimed(k.job.Lane)
	}
	return k.current() != old
}

func (k *leaseKeeper) tick() {
	if !k.extend() {
		k.lost(spool.ErrFenced)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stopped {
		k.timer.Reset(k.opt.LeaseFor / 3)
	}
}

func (k *leaseKeeper) current() spool.Lease {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lease
}

func (k *leaseKeeper) stop() {
	k.hands.mu.Lock()
	if at := handleOf(k.current()); k.hands.held[at] == k { // else a later job has the number
		delete(k.hands.held, at)
	}
	k.hands.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
}
