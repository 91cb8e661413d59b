package queue

import (
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// LaneState is how a lane is, for people to see. The zero value is a lane of which
// the scheduler knows nothing: it has done nothing lately.
type LaneState struct {
	Active int // attempts under way
	Limit  int // attempts that may be under way at once, now
	// Dead: a whole round of attempts reached nobody. Nothing is tried before Until,
	// and one attempt after that. Why is the last failure.
	Dead  bool
	Until time.Time
	Why   Failure
}

// State tells how a lane is.
func (s *Scheduler) State(now time.Time, key spool.Lane) LaneState {
	s.Tick(now)
	l := s.lanes[key]
	if l == nil {
		return LaneState{}
	}
	w := &l.window
	out := LaneState{Active: l.active, Dead: w.dead, Until: w.until}
	if !l.asleep(now) {
		out.Limit = w.slots(now)
	}
	if w.dead {
		out.Why = w.why
	}
	return out
}

// Lane tells how a lane is. It waits for its turn in the loop, as an event does.
func (r *Runner) Lane(key spool.Lane) LaneState {
	answer := make(chan LaneState, 1)
	select {
	case r.asked <- event{kind: eventLook, lane: key, look: answer}:
		return <-answer
	case <-r.stop:
		return LaneState{}
	}
}

// Attempted tells since when a job is being attempted; zero: it is not.
func (r *Runner) Attempted(message spool.ID, job int) time.Time {
	r.hands.mu.Lock()
	k := r.hands.held[handle{message, job}]
	r.hands.mu.Unlock()
	if k == nil {
		return time.Time{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.began
}

// begin notes that the attempt begins.
func (k *leaseKeeper) begin() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.began = time.Now()
}
