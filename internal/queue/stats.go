package queue

import "sync/atomic"

// counters of a runner.
type counters struct {
	active, lanes, held                           atomic.Int64
	delivered, deferred, failed, expired, delayed atomic.Int64
	bounced, dropped                              atomic.Int64
	panics, noticeErrors, storeErrors             atomic.Int64
}

// Stats of a runner, since its start but for the first three.
type Stats struct {
	Active int64 // attempts on their way
	Held   int64 // jobs in memory
	Lanes  int64 // in memory

	// Recipients.
	Delivered int64
	Deferred  int64 // once for each attempt
	Failed    int64
	Expired   int64 // those of Failed whose time had run out
	Delayed   int64 // warned of

	Bounced      int64 // reports of failure sent
	Dropped      int64 // recipients that failed with nobody to tell: null sender
	Panics       int64
	NoticeErrors int64 // reports that could not be made
	StoreErrors  int64 // calls of the store that failed
}

// Stats gives the numbers as of now.
func (r *Runner) Stats() Stats {
	c := &r.stats
	return Stats{
		Active: c.active.Load(), Held: c.held.Load(), Lanes: c.lanes.Load(),
		Delivered: c.delivered.Load(), Deferred: c.deferred.Load(), Failed: c.failed.Load(),
		Expired: c.expired.Load(), Delayed: c.delayed.Load(),
		Bounced: c.bounced.Load(), Dropped: c.dropped.Load(),
		Panics: c.panics.Load(), NoticeErrors: c.noticeErrors.Load(), StoreErrors: c.storeErrors.Load(),
	}
}
