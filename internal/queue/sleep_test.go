package queue_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

// countedStore counts what is written of attempts.
type countedStore struct {
	spool.Store
	updates atomic.Int64
}

func (s *countedStore) Update(ctx context.Context, l spool.Lease, o spool.Outcome, d []spool.Draft) error {
	s.updates.Add(1)
	return s.Store.Update(ctx, l, o, d)
}

// host is one that can be away: an attempt that finds it so takes ten seconds.
type host struct{ away atomic.Bool }

func (h *host) answer(_ context.Context, a queue.Attempt) queue.Result {
	if a.Job.Lane.Nexthop == "dsn.example" || !h.away.Load() {
		time.Sleep(100 * time.Millisecond)
		return all(a, spool.Delivered, 250)
	}
	time.Sleep(10 * time.Second)
	res := all(a, spool.Waiting, 451)
	res.Unreachable = true
	return res
}

// untried counts what has never had an attempt. The others, with which it was
// found out that the host is away, keep to their profile.
func (b *bench) untried() int {
	n := 0
	b.each(func(j *spool.Job) {
		if j.Attempts == 0 {
			n++
		}
	})
	return n
}

// TestWhatSleptGoesWithItsHost: mail for a host that was away for hours goes when
// it is back, however old it is and however often it was put off; until then a
// mail costs one write in hours, and none an attempt of its profile.
func TestWhatSleptGoesWithItsHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		h.away.Store(true)
		counted := &countedStore{}
		b := setup(t, func(m *spooltest.Mem) spool.Store { counted.Store = m; return counted })
		defer b.stop()
		b.deliver = answer(h.answer)
		for range 200 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
			pass(10 * time.Second)
		}
		pass(3 * time.Hour)
		probes := b.tried()
		if n := counted.updates.Load(); n > 200+int64(2*probes) || probes > 60 {
			t.Errorf("%d writes and %d attempts at 200 mails for a host that is away", n, probes)
		}
		h.away.Store(false)
		pass(6 * time.Minute) // the longest sleep, an attempt that began before, and 200 mails by five
		if n := b.untried(); n != 0 || b.left()["a.example"] > 20 {
			t.Errorf("%d left, %d of them never tried; stats %+v", b.left()["a.example"], n, b.runner.Stats())
		}
		pass(4 * time.Hour)
		if n := b.tried(); n != probes+200 || len(b.left()) != 0 {
			t.Errorf("%d attempts since the host is back, want 200", n-probes)
		}
	})
}

// TestWhatSleepsGrowsOlder: it is warned of and given up on time, and says why.
func TestWhatSleepsGrowsOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		h.away.Store(true)
		b := setup(t, nil)
		defer b.stop()
		b.deliver = answer(h.answer)
		for range 20 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		}
		pass(4*time.Hour + time.Minute)
		if len(b.told) < 10 || b.told[0] < 4*time.Hour {
			t.Errorf("%d warnings at %v, want one for each that sleeps", len(b.told), b.told)
		}
		asleep := 0
		b.each(func(j *spool.Job) {
			if r := j.Recipients[0]; j.Asleep && j.Attempts == 0 && r.Reply.Code == 451 && r.Warned {
				asleep++
			}
		})
		if asleep < 5 {
			t.Errorf("%d of 20 sleep untried, know the answer of the others and are warned of", asleep)
		}
		pass(20 * time.Hour)
		if len(b.left()) != 0 || b.runner.Stats().Expired != 20 {
			t.Errorf("left %v, stats %+v", b.left(), b.runner.Stats())
		}
		if last := b.told[len(b.told)-1]; last > 24*time.Hour+30*time.Second {
			t.Errorf("the last was given up at %v", last)
		}
	})
}

// TestRestartWakes: a process that begins finds what sleeps, and need not know
// that a lane was dead.
func TestRestartWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		h.away.Store(true)
		mem := spooltest.Memory()
		b := &bench{TB: t, store: mem}
		b.run(mem)
		b.deliver = answer(h.answer)
		for range 20 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		}
		pass(2 * time.Hour)
		b.stop()
		mem.Restart()
		h.away.Store(false)
		b.run(mem)
		defer b.stop()
		pass(10 * time.Second)
		if n := b.untried(); n != 0 {
			t.Errorf("%d not tried ten seconds after the start", n)
		}
	})
}

// TestCloseDues: each of several retries of a lane comes at its time, though a
// scan tells of the first one only.
func TestCloseDues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.profile.After = []time.Duration{10 * time.Minute}
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result {
			if a.Job.Attempts == 0 {
				return all(a, spool.Waiting, 450)
			}
			return all(a, spool.Delivered, 250)
		})
		var want []time.Duration
		for i := range 40 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
			at := time.Duration(i) * 3 * time.Second
			want = append(want, at, at+10*time.Minute)
			pass(3 * time.Second)
		}
		pass(20 * time.Minute)
		slices.Sort(want)
		if !slices.Equal(b.attempts, want) {
			t.Error(firstDifference(b.attempts, want))
		}
	})
}

func firstDifference(got, want []time.Duration) string {
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return fmt.Sprintf("attempt %d: %v, want %v", i, got[i:min(i+1, len(got))], want[i])
		}
	}
	return fmt.Sprintf("%d attempts, want %d", len(got), len(want))
}
