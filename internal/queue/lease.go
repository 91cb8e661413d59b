package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// leaseKeeper extends the lease of a job while an attempt lasts.
type leaseKeeper struct {
	*Runner
	lost context.CancelCauseFunc // ends the attempt when another has the job

	mu      sync.Mutex // guards what follows
	lease   spool.Lease
	timer   *time.Timer
	stopped bool
}

// keepLease begins to keep a lease. A job may have waited in memory for long; when
// its lease is gone, false.
func (r *Runner) keepLease(l spool.Lease, lost context.CancelCauseFunc) (*leaseKeeper, bool) {
	k := &leaseKeeper{Runner: r, lost: lost, lease: l}
	left := time.Until(l.Until)
	if left < r.opt.LeaseFor/2 && !k.extend() {
		return nil, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.timer = time.AfterFunc(r.opt.LeaseFor/3, k.tick)
	return k, true
}

// extend asks for more time and tells whether the lease is ours still.
func (k *leaseKeeper) extend() bool {
	next, err := k.opt.Store.Extend(context.WithoutCancel(k.ctx), k.current(), k.opt.LeaseFor)
	if err == nil {
		k.mu.Lock()
		k.lease = next
		k.mu.Unlock()
		return true
	}
	// Any other error may pass before the lease does.
	return !errors.Is(err, spool.ErrFenced) && !errors.Is(err, spool.ErrNotFound)
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
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	k.timer.Stop()
}
