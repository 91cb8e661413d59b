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
	if claimed["paused"] < 100 {
		t.Errorf("%d claims in the second after they go on", claimed["paused"])
	}
}
