package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// road serves tenants whose lanes lead to one next hop, each attempt taking so
// long, with all of a tenant's jobs in one lane.
type road struct {
	s      *Scheduler
	now    time.Time
	takes  time.Duration
	left   map[string]int // jobs by tenant, to be claimed
	starts map[string]int
	going  []Action
	ends   []time.Time // of going, in the same order
	first  map[string]time.Time
}

func newRoad(limits Limits, connections int, takes time.Duration) *road {
	return &road{
		s:   NewScheduler(limits, func(string) int { return connections }, func() float64 { return 0.5 }),
		now: epoch, takes: takes, left: map[string]int{}, starts: map[string]int{}, first: map[string]time.Time{},
	}
}

// send queues jobs of a tenant.
func (r *road) send(tenant string, n int) {
	r.left[tenant] += n
	r.s.Hint(r.now, spool.Hint{Lane: laneOf(tenant + "/one-hop"), Due: r.now})
}

// run serves for so long, in steps of ten milliseconds.
func (r *road) run(d time.Duration) {
	for end := r.now.Add(d); r.now.Before(end); r.now = r.now.Add(10 * time.Millisecond) {
		for len(r.going) > 0 && !r.ends[0].After(r.now) {
			r.s.Ended(r.now, r.going[0], FeedbackReached, Failure{})
			r.s.Finished(r.now, r.going[0])
			r.going, r.ends = r.going[1:], r.ends[1:]
		}
		for {
			a, ok := r.s.Next(r.now)
			if !ok {
				break
			}
			r.do(a)
		}
	}
}

func (r *road) do(a Action) {
	te := a.Lane.Tenant
	switch a.Kind {
	case ActionScan:
		r.s.Scanned(r.now, a, nil, nil)
	case ActionClaim:
		n := min(a.Max, r.left[te])
		r.left[te] -= n
		jobs := make([]spool.Job, n)
		for i := range jobs {
			jobs[i] = spool.Job{Lane: a.Lane, Sender: senderOf("s"), Size: 10_000}
		}
		r.s.Claimed(r.now, a, jobs, nil)
	default:
		if r.starts[te]++; r.first[te].IsZero() {
			r.first[te] = r.now
		}
		r.going = append(r.going, a)
		r.ends = append(r.ends, r.now.Add(r.takes))
	}
}

// TestTenantsShareANextHop: tenants whose lanes lead to one next hop get equal
// shares of the slots while one of them sends a bulk, and all of them while the
// others are silent.
func TestTenantsShareANextHop(t *testing.T) {
	for _, tenants := range []int{2, 5, 10} {
		t.Run(fmt.Sprint(tenants, " tenants"), func(t *testing.T) {
			r := newRoad(Limits{Attempts: 20}, 20, 100*time.Millisecond)
			r.send("bulk", 100_000)
			r.run(time.Minute)
			alone := r.starts["bulk"] // the last tenth of the slots is for lanes that have none
			if alone < 10_500 {
				t.Errorf("alone, the bulk has %d starts in a minute, of 12 000", alone)
			}
			clear(r.starts)
			for i := 1; i < tenants; i++ {
				r.send(fmt.Sprint("t", i), 50_000)
			}
			r.run(time.Minute)
			least, most := r.starts["bulk"], r.starts["bulk"]
			for i := 1; i < tenants; i++ {
				n := r.starts[fmt.Sprint("t", i)]
				least, most = min(least, n), max(most, n)
			}
			t.Logf("of %d starts in a minute, the bulk has %d, and each tenant %d to %d", alone, r.starts["bulk"], least, most)
			if share := alone / tenants; least < share*9/10 || most > share*11/10 {
				t.Errorf("%d to %d starts each, want %d", least, most, share)
			}
		})
	}
}

// TestTenantsWithLittleMailDoNotWait: beside the bulk of one tenant, the single
// mails of nine others to the same next hop start at the next free slot.
func TestTenantsWithLittleMailDoNotWait(t *testing.T) {
	r := newRoad(Limits{Attempts: 20}, 20, 100*time.Millisecond)
	r.send("bulk", 100_000)
	r.run(time.Minute)
	var longest time.Duration
	for round := range 20 {
		sent := r.now
		for i := 1; i < 10; i++ {
			te := fmt.Sprint("t", i)
			delete(r.first, te)
			r.send(te, 1)
		}
		r.run(time.Second + time.Duration(round)*10*time.Millisecond)
		for i := 1; i < 10; i++ {
			te := fmt.Sprint("t", i)
			if r.first[te].IsZero() {
				t.Fatalf("round %d: the mail of %s has not started within a second", round, te)
			}
			longest = max(longest, r.first[te].Sub(sent))
		}
	}
	t.Logf("longest wait %v, with attempts of %v", longest, r.takes)
	if longest > r.takes {
		t.Errorf("a single mail waits %v behind another tenant's bulk", longest)
	}
}
