package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// TestManyPausedLanesHideNone: however many lanes are paused, a lane that is not is
// found by a scan, and so are all of them when they go on.
func TestManyPausedLanesHideNone(t *testing.T) {
	const crowd = 3 * scanLanes
	paused := true
	s := NewScheduler(Limits{Lanes: 100}, func(string) int { return 0 }, func() float64 { return 0.5 })
	s.Pausing(func(l spool.Lane) bool { return paused && l.Transport == "paused" })
	now := time.Unix(1_000_000, 0)
	var due []spool.LaneDue
	for i := range crowd {
		due = append(due, spool.LaneDue{Lane: spool.Lane{Transport: "paused", Nexthop: fmt.Sprint(i)}, Due: now.Add(4 * time.Hour), Jobs: 1, Asleep: true})
	}
	due = append(due, spool.LaneDue{Lane: spool.Lane{Transport: "other"}, Due: now, Jobs: 1})
	claimed := map[string]int{}
	tick := func(d time.Duration) {
		now = passing(s, now, d, func(a Action, now time.Time) {
			if a.Kind == ActionScan {
				s.Scanned(now, a, due[:min(a.Max, len(due))], nil)
				return
			}
			claimed[a.Lane.Transport]++
			s.Claimed(now, a, nil, nil)
		})
	}
	tick(30 * time.Second)
	if claimed["other"] == 0 || claimed["paused"] > 0 || len(s.lanes) > 1 {
		t.Errorf("%d claims of a lane beside %d that sleep and are asked %d times; %d in memory", claimed["other"], crowd, claimed["paused"], len(s.lanes))
	}
	paused = false
	s.Configure(now, Limits{Lanes: 100})
	tick(time.Second)
	if claimed["paused"] < 90 { // a tenth of the room is for others
		t.Errorf("%d claims in the second after they go on", claimed["paused"])
	}
}

// passing does what a scheduler says, second by second, until the time has passed.
func passing(s *Scheduler, now time.Time, d time.Duration, do func(a Action, now time.Time)) time.Time {
	for end := now.Add(d); now.Before(end); now = now.Add(time.Second) {
		for a, ok := s.Next(now); ok; a, ok = s.Next(now) {
			do(a, now)
		}
	}
	return now
}

// TestManyDeadLanesHideNone: when there are more dead lanes than there is room for, a
// lane that lives finds some, by a hint and by a scan, and each dead one has its turn.
func TestManyDeadLanesHideNone(t *testing.T) {
	s := NewScheduler(Limits{Lanes: 100}, func(string) int { return 0 }, func() float64 { return 0.5 })
	c := &crowd{s: s, now: time.Unix(1_000_000, 0), dead: 300, tries: map[spool.Lane]int{}, asleep: map[spool.Lane]bool{}, live: map[spool.Lane]time.Time{}}
	c.pass(time.Minute)
	if len(s.lanes) < 90 {
		t.Fatalf("only %d lanes in memory: nothing is full", len(s.lanes))
	}
	seen, heard := spool.Lane{Transport: "live", Nexthop: "seen"}, spool.Lane{Transport: "live", Nexthop: "heard"}
	c.live[seen] = c.now
	c.pass(time.Minute)
	c.live[heard] = c.now
	s.Hint(c.now, spool.Hint{Lane: heard, Due: c.now})
	c.pass(time.Second)
	if c.tries[seen] != 1 || c.tries[heard] != 1 {
		t.Errorf("mail for a host that lives was tried %d times after a scan, %d times after a hint", c.tries[seen], c.tries[heard])
	}
	c.pass(24 * time.Hour)
	for i := range c.dead {
		if c.tries[deadLane(i)] == 0 {
			t.Errorf("dead lane %d was never tried", i)
		}
	}
}

// crowd is a store with a job for each of many dead hosts and a few that live.
type crowd struct {
	s      *Scheduler
	now    time.Time
	dead   int                      // hosts
	tries  map[spool.Lane]int       // attempts
	asleep map[spool.Lane]bool      // lanes whose job is asleep
	live   map[spool.Lane]time.Time // when the job of a host that lives came due
}

func deadLane(i int) spool.Lane { return spool.Lane{Transport: "dead", Nexthop: fmt.Sprint(i)} }

// pass lets time pass.
func (c *crowd) pass(d time.Duration) { c.now = passing(c.s, c.now, d, c.answer) }

// answer does what the scheduler says.
func (c *crowd) answer(a Action, now time.Time) {
	c.now = now
	switch a.Kind {
	case ActionScan:
		due := c.due()
		c.s.Scanned(now, a, due[:min(a.Max, len(due))], nil)
	case ActionClaim:
		c.s.Claimed(now, a, c.claim(a), nil)
	case ActionStart, ActionDefer:
		c.s.Ended(now, a, c.attempt(a.Lane), Failure{})
		c.s.Finished(now, a)
	}
}

// due lists lanes as a store does, those with jobs asleep first.
func (c *crowd) due() []spool.LaneDue {
	var sleep, wake []spool.LaneDue
	for i := range c.dead {
		if key := deadLane(i); c.asleep[key] {
			sleep = append(sleep, spool.LaneDue{Lane: key, Due: c.now.Add(4 * time.Hour), Jobs: 1, Asleep: true})
		} else {
			wake = append(wake, spool.LaneDue{Lane: key, Due: c.now, Jobs: 1})
		}
	}
	for key, at := range c.live {
		wake = append(wake, spool.LaneDue{Lane: key, Due: at, Jobs: 1})
	}
	return append(sleep, wake...)
}

// claim gives the job of a lane, but one asleep only when the lane is not.
func (c *crowd) claim(a Action) []spool.Job {
	_, lives := c.live[a.Lane]
	if !lives && (a.Lane.Transport != "dead" || a.Asleep && c.asleep[a.Lane]) {
		return nil
	}
	return []spool.Job{{Lane: a.Lane, Recipients: []spool.Recipient{{}}}}
}

// attempt delivers to a host that lives; the jobs of others sleep from then on.
func (c *crowd) attempt(key spool.Lane) Feedback {
	c.tries[key]++
	if _, lives := c.live[key]; lives {
		delete(c.live, key)
		return FeedbackReached
	}
	c.asleep[key] = true
	return FeedbackUnreachable
}
