package queue

import "time"

const (
	initialWindow = 5 // attempts at once to a lane of which nothing is known
	defaultLimit  = 20
	cohortLimit   = 1 // unreachable cohorts after which a lane is dead
	deadFirst     = time.Minute
	deadLongest   = 5 * time.Minute // a probe costs one connection, so that the wait need not grow further
)

// window is the concurrency of a lane, by the feedback of Postfix's scheduler
// with its default feedback of one: it grows by one for each attempt that reached
// the remote while the lane uses what it has, and shrinks by one for each that did
// not. When a whole cohort was unreachable, the lane is dead until a time; after
// that one attempt probes it.
type window struct {
	size    int
	limit   int
	cohorts float64 // unreachable ones in a row
	deaths  int     // in a row
	dead    bool
	until   time.Time
	why     Failure
}

func newWindow(limit int) window {
	w := window{size: initialWindow}
	w.bound(limit)
	return w
}

// bound sets the limit, from a new configuration too.
func (w *window) bound(limit int) {
	if limit <= 0 {
		limit = defaultLimit
	}
	w.limit = limit
	w.size = min(w.size, limit)
}

// slots tells how many attempts may run at once.
func (w *window) slots(now time.Time) int {
	switch {
	case w.asleep(now):
		return initialWindow // jobs are deferred unattempted, a few at a time
	case w.dead:
		return 1 // the probe
	}
	return w.size
}

// asleep tells whether jobs are to be deferred without an attempt.
func (w *window) asleep(now time.Time) bool { return w.dead && now.Before(w.until) }

// plain tells whether the window says no more than a new one would.
func (w *window) plain() bool {
	return !w.dead && w.cohorts == 0 && w.size == min(initialWindow, w.limit)
}

// reached notes an attempt that reached the remote, with busy of them running,
// itself included.
func (w *window) reached(busy int) {
	if w.dead {
		*w = window{size: max(min(initialWindow, w.limit), min(busy, w.limit)), limit: w.limit}
		return
	}
	w.cohorts = 0
	if w.size < w.limit && w.size < busy+initialWindow {
		w.size++
	}
}

// unreachable notes an attempt that did not. jitter in [0,1) spreads the probes.
func (w *window) unreachable(now time.Time, why Failure, jitter float64) {
	if w.asleep(now) {
		return // an attempt that began before
	}
	w.why = why
	w.cohorts += 1 / float64(w.size)
	if w.dead || w.cohorts >= cohortLimit {
		w.die(now, jitter)
		return
	}
	w.size = max(1, w.size-1)
}

func (w *window) die(now time.Time, jitter float64) {
	wait := min(deadFirst<<min(w.deaths, 8), deadLongest)
	w.deaths++
	w.dead = true
	w.until = now.Add(spread(wait, jitter))
}

// revive forgets that the lane was dead: an administrator or a new configuration
// knows better.
func (w *window) revive() {
	if w.dead {
		*w = newWindow(w.limit)
	}
}
