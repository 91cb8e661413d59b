package queue

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// TestBulkDoesNotDelayOthers: with 100 000 jobs of one slow lane in the queue,
// a mail for another lane, of the same tenant, starts in the same instant.
func TestBulkDoesNotDelayOthers(t *testing.T) {
	s := NewScheduler(Limits{Attempts: 20}, func(string) int { return 20 }, func() float64 { return 0.5 })
	left := 100_000
	slow, other := laneOf("t/slow"), laneOf("t/other")
	serve := func(now time.Time) (slowStarts, otherStarts int) {
		for {
			a, ok := s.Next(now)
			switch {
			case !ok:
				return slowStarts, otherStarts
			case a.Kind == ActionScan:
				s.Scanned(now, a, nil, nil)
			case a.Kind == ActionClaim && a.Lane == slow:
				n := min(left, a.Max)
				left -= n
				jobs := make([]spool.Job, n)
				for i := range jobs {
					jobs[i] = spool.Job{Lane: slow}
				}
				s.Claimed(now, a, jobs, nil)
			case a.Kind == ActionClaim:
				s.Claimed(now, a, []spool.Job{{Lane: other}}, nil)
			case a.Lane == slow:
				slowStarts++ // and never ends
				defer s.Finished(now, a)
				defer s.Ended(now, a, FeedbackReached, Failure{})
			default:
				otherStarts++
			}
		}
	}
	// The slow lane grows to what it may have.
	s.Hint(epoch, spool.Hint{Lane: slow, Due: epoch})
	for i := range 30 {
		serve(epoch.Add(time.Duration(i) * time.Second))
	}
	now := epoch.Add(time.Minute)
	if n, _ := serve(now); n < 15 {
		t.Fatalf("the slow lane has %d attempts only; this tests nothing", n)
	}
	s.Hint(now, spool.Hint{Lane: other, Due: now})
	if _, n := serve(now); n != 1 {
		t.Errorf("%d starts of the other lane, want 1", n)
	}
	if s.held > s.limits.Jobs/10 {
		t.Errorf("the slow lane holds %d jobs in memory", s.held)
	}
}

// TestLargeMailsPayMore: of two tenants, the one with mails of 1 MB gets a start
// for sixteen of the other's.
func TestLargeMailsPayMore(t *testing.T) {
	sizes := map[string]int64{"large": 15 * smallSize, "small": 100}
	starts := endless(Limits{Attempts: 1}, 1700, func(l spool.Lane) spool.Job { return spool.Job{Lane: l, Size: sizes[l.Tenant]} },
		laneOf("large/a"), laneOf("small/a"))
	if l, s := starts[laneOf("large/a")], starts[laneOf("small/a")]; l < 95 || l > 105 {
		t.Errorf("%d starts of large mails, %d of small ones", l, s)
	}
	starts = endless(Limits{Attempts: 1}, 1700, func(l spool.Lane) spool.Job { return spool.Job{Lane: l, Size: sizes[l.Nexthop]} },
		laneOf("t/large"), laneOf("t/small"))
	if l, s := starts[laneOf("t/large")], starts[laneOf("t/small")]; l < 95 || l > 105 {
		t.Errorf("of one tenant: %d starts of large mails, %d of small ones", l, s)
	}
}

// TestBacklogHasItsTurn: mail of light senders that never ceases passes a
// backlog, which goes on in between.
func TestBacklogHasItsTurn(t *testing.T) {
	s := NewScheduler(Limits{Attempts: 1}, func(string) int { return 20 }, func() float64 { return 0.5 })
	l := laneOf("t/a")
	backlog, light := 0, 0
	for i := range 3000 {
		now := epoch.Add(time.Duration(i) * time.Millisecond)
		s.Hint(now, spool.Hint{Lane: l, Due: now, Sender: senderOf("bulk")})
		s.Hint(now, spool.Hint{Lane: l, Due: now, Sender: senderOf(fmt.Sprint("light", i%40))})
		a, ok := s.Next(now)
		switch {
		case !ok:
		case a.Kind == ActionScan:
			s.Scanned(now, a, nil, nil)
		case a.Kind == ActionClaim:
			if a.From.IsZero() {
				backlog++
			} else if a.Light {
				light++
			}
			s.Claimed(now, a, slices.Repeat([]spool.Job{{Lane: l, Sender: senderOf("x")}}, a.Max), nil)
		default:
			s.Ended(now, a, FeedbackReached, Failure{})
			s.Finished(now, a)
		}
	}
	if backlog < 50 || light < 50 {
		t.Errorf("%d claims of the backlog, %d of light mail", backlog, light)
	}
}

// endless serves lanes that always have jobs, each of which takes a millisecond,
// and counts the starts.
func endless(limits Limits, starts int, job func(spool.Lane) spool.Job, lanes ...spool.Lane) map[spool.Lane]int {
	s := NewScheduler(limits, func(string) int { return 20 }, func() float64 { return 0.5 })
	for _, l := range lanes {
		s.Hint(epoch, spool.Hint{Lane: l, Due: epoch})
	}
	out := map[spool.Lane]int{}
	var going []Action
	for now := epoch; starts > 0; {
		a, ok := s.Next(now)
		switch {
		case !ok:
			now = now.Add(time.Millisecond)
			for _, a := range going {
				s.Ended(now, a, FeedbackReached, Failure{})
				s.Finished(now, a)
			}
			going = nil
		case a.Kind == ActionScan:
			s.Scanned(now, a, nil, nil)
		case a.Kind == ActionClaim:
			jobs := make([]spool.Job, a.Max)
			for i := range jobs {
				jobs[i] = job(a.Lane)
			}
			s.Claimed(now, a, jobs, nil)
		default:
			starts--
			out[a.Lane]++
			going = append(going, a)
		}
	}
	return out
}

// TestBusyLaneIsNotStarved: a lane with one slow attempt on its way goes on while
// mails for idle lanes never cease.
func TestBusyLaneIsNotStarved(t *testing.T) {
	s := NewScheduler(Limits{Attempts: 20}, func(string) int { return 20 }, func() float64 { return 0.5 })
	busy := laneOf("t/busy")
	s.Hint(epoch, spool.Hint{Lane: busy, Due: epoch})
	left, got, fresh := 100, 0, 0
	var going []Action
	for i := range 400 {
		now := epoch.Add(time.Duration(i) * time.Millisecond)
		for range 20 {
			fresh++
			s.Hint(now, spool.Hint{Lane: laneOf(fmt.Sprint("t/", fresh)), Due: now})
		}
		for {
			a, ok := s.Next(now)
			if !ok {
				break
			}
			switch {
			case a.Kind == ActionScan:
				s.Scanned(now, a, nil, nil)
			case a.Kind == ActionClaim && a.Lane == busy:
				n := min(left, a.Max)
				left -= n
				s.Claimed(now, a, slices.Repeat([]spool.Job{{Lane: busy}}, n), nil)
			case a.Kind == ActionClaim:
				s.Claimed(now, a, []spool.Job{{Lane: a.Lane}}, nil)
			case a.Lane == busy && got == 0:
				got++ // and never ends
			default:
				if a.Lane == busy {
					got++
				}
				going = append(going, a)
			}
		}
		for range min(4, len(going)) {
			s.Ended(now, going[0], FeedbackReached, Failure{})
			s.Finished(now, going[0])
			going = going[1:]
		}
	}
	if got != 100 {
		t.Errorf("%d of 100 jobs of the busy lane have gone", got)
	}
}

// BenchmarkScheduler measures a job through hint, claim, start and end, among
// many lanes.
func BenchmarkScheduler(b *testing.B) {
	for _, lanes := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint("lanes=", lanes), func(b *testing.B) {
			s := NewScheduler(Limits{}, func(string) int { return 20 }, func() float64 { return 0.5 })
			keys := make([]spool.Lane, lanes)
			for i := range keys {
				keys[i] = spool.Lane{Tenant: fmt.Sprint("t", i%10), Transport: "mx", Nexthop: fmt.Sprint("h", i)}
			}
			now, done := epoch, 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now = now.Add(10 * time.Microsecond)
				s.Hint(now, spool.Hint{Lane: keys[i%lanes], Due: now})
				for {
					a, ok := s.Next(now)
					if !ok {
						break
					}
					switch a.Kind {
					case ActionScan:
						s.Scanned(now, a, nil, nil)
					case ActionClaim:
						s.Claimed(now, a, []spool.Job{{Lane: a.Lane}}, nil)
					case ActionStart:
						done++
						s.Ended(now, a, FeedbackReached, Failure{})
						s.Finished(now, a)
					}
				}
			}
			if done < b.N {
				b.Fatalf("%d of %d jobs done", done, b.N)
			}
		})
	}
}
