package queue

import (
	"cmp"
	"fmt"
	"slices"
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
		for end := now.Add(d); now.Before(end); now = now.Add(time.Second) {
			for a, ok := s.Next(now); ok; a, ok = s.Next(now) {
				if a.Kind == ActionScan {
					s.Scanned(now, a, due[:min(a.Max, len(due))], nil)
					continue
				}
				claimed[a.Lane.Transport]++
				s.Claimed(now, a, nil, nil)
			}
		}
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

// TestManyDeadLanesHideNone: when there are more dead lanes than there is room for, a
// lane that lives finds some, by a hint and by a scan, and each dead one has its turn.
func TestManyDeadLanesHideNone(t *testing.T) {
	const crowd = 300
	s := NewScheduler(Limits{Lanes: 100}, func(string) int { return 0 }, func() float64 { return 0.5 })
	now := time.Unix(1_000_000, 0)
	tries := map[spool.Lane]int{}
	asleep := map[spool.Lane]bool{}
	live := map[spool.Lane]time.Time{} // due
	start := func(a Action) {
		tries[a.Lane]++
		_, lives := live[a.Lane]
		delete(live, a.Lane)
		f := FeedbackReached
		if !lives {
			f, asleep[a.Lane] = FeedbackUnreachable, true
		}
		s.Ended(now, a, f, Failure{})
		s.Finished(now, a)
	}
	claim := func(a Action) {
		var jobs []spool.Job
		if _, lives := live[a.Lane]; lives || a.Lane.Transport == "dead" && !(a.Asleep && asleep[a.Lane]) {
			jobs = []spool.Job{{Lane: a.Lane, Recipients: []spool.Recipient{{}}}}
		}
		s.Claimed(now, a, jobs, nil)
	}
	scan := func(a Action) {
		var due []spool.LaneDue
		for i := range crowd {
			key := spool.Lane{Transport: "dead", Nexthop: fmt.Sprint(i)}
			d := spool.LaneDue{Lane: key, Due: now, Jobs: 1}
			if asleep[key] {
				d.Due, d.Asleep = now.Add(4*time.Hour), true
			}
			due = append(due, d)
		}
		slices.SortStableFunc(due, func(a, b spool.LaneDue) int { return cmp.Compare(sleepers(b), sleepers(a)) })
		for key, at := range live {
			due = append(due, spool.LaneDue{Lane: key, Due: at, Jobs: 1})
		}
		s.Scanned(now, a, due[:min(a.Max, len(due))], nil)
	}
	tick := func(d time.Duration) {
		for end := now.Add(d); now.Before(end); now = now.Add(time.Second) {
			for a, ok := s.Next(now); ok; a, ok = s.Next(now) {
				switch a.Kind {
				case ActionScan:
					scan(a)
				case ActionClaim:
					claim(a)
				case ActionStart, ActionDefer:
					start(a)
				}
			}
		}
	}
	tick(time.Minute)
	if len(s.lanes) < 90 {
		t.Fatalf("only %d lanes in memory: nothing is full", len(s.lanes))
	}
	seen, heard := spool.Lane{Transport: "live", Nexthop: "seen"}, spool.Lane{Transport: "live", Nexthop: "heard"}
	live[seen] = now
	tick(time.Minute)
	live[heard] = now
	s.Hint(now, spool.Hint{Lane: heard, Due: now})
	tick(time.Second)
	if tries[seen] != 1 || tries[heard] != 1 {
		t.Errorf("mail for a host that lives was tried %d times after a scan, %d times after a hint", tries[seen], tries[heard])
	}
	tick(48 * time.Hour)
	for i := range crowd {
		if n := tries[spool.Lane{Transport: "dead", Nexthop: fmt.Sprint(i)}]; n == 0 {
			t.Errorf("dead lane %d was never tried", i)
		}
	}
}

func sleepers(d spool.LaneDue) int {
	if d.Asleep {
		return 1
	}
	return 0
}
