package queue

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "live this one life of TestSimulation again")
	simDays  = flag.Int("sim.days", 0, "how long a life of TestSimulation is")
	simLives = flag.Int("sim.lives", 0, "how many lives TestSimulation lives")
)

// TestSimulation lives the life of a queue in virtual time, many times over:
// hosts come and go, the process crashes, the store is away, administrators
// interfere. What the queue promises is checked at every step. A life that fails
// prints the command that lives it again.
//
// The scheduler, the loop that feeds it, the judge and the writing of outcomes
// are the ones of the server; network, store and clock are made here, and one
// goroutine does everything, so that a seed fixes the order of all things.
// POSTROAD_SIMULATE is the number of lives; make simulate sets it.
func TestSimulation(t *testing.T) {
	first, lives, days := uint64(1), 10, 3
	if testing.Short() {
		lives = 2
	}
	if s := os.Getenv("POSTROAD_SIMULATE"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("POSTROAD_SIMULATE: %v", err)
		}
		lives, days = n, 60
	}
	if *simLives > 0 {
		lives = *simLives
	}
	if *simDays > 0 {
		days = *simDays
	}
	if *simSeed > 0 {
		first, lives = *simSeed, 1
	}
	var sum tally
	var taken atomic.Uint64
	t.Run("lives", func(t *testing.T) {
		for i := range min(lives, runtime.GOMAXPROCS(0)) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for n := taken.Add(1) - 1; n < uint64(lives); n = taken.Add(1) - 1 {
					w := liveOnce(t, first+n, days)
					sum.add(&w.tally)
				}
			})
		}
	})
	t.Log(&sum)
}

// TestSimulationReplays: the same seed gives the same life, to the last octet of
// its story.
func TestSimulationReplays(t *testing.T) {
	lives := uint64(3)
	if testing.Short() {
		lives = 1
	}
	for seed := range lives {
		a, b := liveOnce(t, seed, 3), liveOnce(t, seed, 3)
		if a.story.sum() != b.story.sum() {
			t.Errorf("two lives of seed %d differ: %d and %d lines", seed, a.story.lines, b.story.lines)
		}
	}
}

// liveOnce lives one life of so many days, and what it takes to empty the queue
// after it.
func liveOnce(t *testing.T, seed uint64, days int) *world {
	var w *world
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, seed, days)
		defer func() {
			if p := recover(); p != nil {
				w.failf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		w.live()
	})
	return w
}

// tally counts over lives.
type tally struct {
	mu                                               sync.Mutex // guards what follows, in the sum
	lives                                            int
	lived                                            time.Duration
	messages, recipients, reports, attempts          int
	delivered, failed, removed, moved                int
	duplicates                                       int
	crashes, restarts, outages, orders, reloads, mad int
	steady, light, idle                              time.Duration // longest waits
}

func (s *tally) add(o *tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range []struct{ to, from *int }{
		{&s.lives, &o.lives}, {&s.messages, &o.messages}, {&s.recipients, &o.recipients}, {&s.reports, &o.reports},
		{&s.attempts, &o.attempts}, {&s.delivered, &o.delivered}, {&s.failed, &o.failed}, {&s.removed, &o.removed},
		{&s.moved, &o.moved}, {&s.duplicates, &o.duplicates}, {&s.crashes, &o.crashes}, {&s.restarts, &o.restarts},
		{&s.outages, &o.outages}, {&s.orders, &o.orders}, {&s.reloads, &o.reloads}, {&s.mad, &o.mad},
	} {
		*f.to += *f.from
	}
	s.lived += o.lived
	s.steady, s.light, s.idle = max(s.steady, o.steady), max(s.light, o.light), max(s.idle, o.idle)
}

func (s *tally) String() string {
	return fmt.Sprintf(`%d lives, %.1f years in all
arrived: %d messages, %d recipients, %d reports among them; %d attempts
ended: %d delivered, %d failed, %d removed (%d moved before); %d delivered twice
suffered: %d crashes, %d restarts, %d outages of the store, %d panics, %d reloads, %d orders of administrators
longest wait of a job whose host is well: %v; of a light sender behind a bulk: %v; of a due job in a lane where nothing happens: %v`,
		s.lives, s.lived.Hours()/24/365.25, s.messages, s.recipients, s.reports, s.attempts,
		s.delivered, s.failed, s.removed, s.moved, s.duplicates,
		s.crashes, s.restarts, s.outages, s.mad, s.reloads, s.orders, s.steady, s.light, s.idle)
}
