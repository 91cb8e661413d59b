package queue

import (
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// TestFullChannelOfHints: when it was full, some were lost likely, and who they
// told of does not wait for the scan of its own time.
func TestFullChannelOfHints(t *testing.T) {
	hints := make(chan spool.Hint, 4)
	l := &loop{Runner: NewRunner(Options{}), hints: hints,
		sched: NewScheduler(Limits{}, func(string) int { return 20 }, func() float64 { return 0.5 })}
	now := time.Now()
	first, _ := l.sched.Next(now)
	l.sched.Scanned(now, first, nil, nil)
	scans := func() (n int) {
		for {
			a, ok := l.sched.Next(time.Now())
			if !ok {
				return n
			}
			if a.Kind == ActionScan {
				n++
			}
		}
	}
	hints <- spool.Hint{Lane: laneOf("t/a"), Due: now}
	l.more()
	if n := scans(); n != 0 {
		t.Errorf("%d scans after one hint", n)
	}
	for range cap(hints) {
		hints <- spool.Hint{Lane: laneOf("t/a"), Due: now}
	}
	l.more()
	if n := scans(); n != 1 {
		t.Errorf("%d scans after a full channel, want 1", n)
	}
}
