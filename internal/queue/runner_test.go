package queue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

func TestDeliveredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		pass(7 * time.Second)
		for range 100 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		}
		synctest.Wait()
		if len(b.left()) != 0 || len(b.attempts) != 100 {
			t.Fatalf("left %v, %d attempts", b.left(), len(b.attempts))
		}
		if at := b.attempts[99]; at != 7*time.Second {
			t.Errorf("attempt at %v: something waited for a timer", at)
		}
		if s := b.runner.Stats(); s.Delivered != 100 || s.Active != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestRetriesFollowTheProfileAndExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Waiting, 450) })
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		pass(48 * time.Hour)
		// After 0, 1m, 5m, 15m and 1h every 4h; the last one on the expiry, and then
		// the report of the failure.
		h, m := time.Hour, time.Minute
		want := []time.Duration{0, m, 6 * m, 21 * m, h + 21*m, 5*h + 21*m, 5*h + 21*m, 9*h + 21*m, 13*h + 21*m, 17*h + 21*m,
			21*h + 21*m, 24 * h, 24 * h}
		if !slices.Equal(b.attempts, want) {
			t.Errorf("attempts at %v\nwant %v", b.attempts, want)
		}
		for i, last := range b.lasts {
			if last != (i == len(b.lasts)-2) {
				t.Errorf("attempt %d: Last %v", i, last)
			}
		}
		if len(b.notices) != 2 || b.notices[0].Kind != queue.NoticeDelayed || b.notices[1].Kind != queue.NoticeFailed {
			t.Fatalf("notices %+v", b.notices)
		}
		if b.told[0] != 5*h+21*m || !b.notices[0].WillRetryUntil.Equal(b.start.Add(24*h)) {
			t.Errorf("warned at %v, tries until %v", b.told[0], b.notices[0].WillRetryUntil)
		}
		if r := b.notices[1].Recipients[0]; r.Reply.Enhanced != "5.4.7" || r.State != spool.Failed {
			t.Errorf("failed recipient %+v", r)
		}
		if len(b.left()) != 0 {
			t.Errorf("left %v", b.left())
		}
		if s := b.runner.Stats(); s.Expired != 1 || s.Delayed != 1 || s.Bounced != 1 || s.Failed != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestHeldUntilReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		hold := true
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
			res := all(a, spool.Delivered, 250)
			if hold {
				res = all(a, spool.Waiting, 451)
				res.Hold = true
			}
			return res
		}
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		pass(72 * time.Hour)
		if len(b.attempts) != 1 || b.left()["a.example"] != 1 || len(b.notices) != 0 {
			t.Fatalf("%d attempts, left %v, %d notices", len(b.attempts), b.left(), len(b.notices))
		}
		hold = false
		if _, err := b.store.Change(context.Background(), spool.Filter{}, spool.ActionRelease, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(b.left()) != 0 {
			t.Errorf("left %v", b.left())
		}
	})
}

func TestPanicCostsOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
			if a.Job.Attempts == 0 {
				panic("a defect")
			}
			return all(a, spool.Delivered, 250)
		}
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		pass(2 * time.Minute)
		if s := b.runner.Stats(); s.Panics != 1 || s.Deferred != 1 || s.Delivered != 1 || len(b.left()) != 0 {
			t.Errorf("stats %+v, left %v", s, b.left())
		}
		for range 50 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		}
		synctest.Wait()
		if s := b.runner.Stats(); s.Panics != 51 || b.runner.Lane(lane("a.example")).Dead {
			t.Errorf("what panics says that the host is away: stats %+v", s)
		}
	})
}

func TestStopLetsAttemptsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		b.deliver = func(ctx context.Context, a queue.Attempt) queue.Result {
			time.Sleep(30 * time.Second)
			return all(a, spool.Delivered, 250)
		}
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		synctest.Wait()
		b.stop()
		b.mail(spool.Job{Lane: lane("late.example"), Sender: sender})
		pass(time.Hour)
		if left := b.left(); len(left) != 1 || left["late.example"] != 1 {
			t.Errorf("left %v", left)
		}
		b.runner.Kick(lane("late.example")) // and does not block
	})
}

// slowUpdates takes its time to write outcomes.
type slowUpdates struct{ *spooltest.Mem }

func (s slowUpdates) Update(ctx context.Context, l spool.Lease, o spool.Outcome, d []spool.Draft) error {
	time.Sleep(5 * time.Second)
	return s.Mem.Update(ctx, l, o, d)
}

// TestStopWaitsForOutcomes: an attempt that is over has not ended before it is written.
func TestStopWaitsForOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(m *spooltest.Mem) spool.Store { return slowUpdates{m} })
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
			time.Sleep(time.Second)
			return all(a, spool.Delivered, 250)
		}
		for range 20 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		}
		synctest.Wait()
		b.stop()
		if n := b.tried() + b.left()["a.example"]; n != 20 {
			t.Errorf("after the stop %d of 20 mails are left, %d were attempted", b.left()["a.example"], b.tried())
		}
	})
}

// TestStopCutsAttempts: what was cut short does not count, keeps what had ended,
// tells of what failed, and is due at the next start.
func TestStopCutsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		b.deliver = func(ctx context.Context, a queue.Attempt) queue.Result {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), queue.ErrStopped) {
				t.Errorf("cause %v", context.Cause(ctx))
			}
			res := all(a, spool.Waiting, 421)
			res.Recipients[0].State, res.Recipients[1].State = spool.Delivered, spool.Failed
			return res
		}
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender, Recipients: []spool.Recipient{
			{Final: sender.Address}, {Final: sender.Address}, {Final: sender.Address}}})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := b.runner.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop: %v", err)
		}
		jobs, err := b.store.Claim(context.Background(), spool.ClaimReq{Lane: lane("a.example"), Before: time.Now(), Max: 9, LeaseFor: time.Hour})
		if err != nil || len(jobs) != 1 || len(jobs[0].Recipients) != 1 || jobs[0].Attempts != 0 {
			t.Errorf("%v, jobs %+v", err, jobs)
		}
		if len(b.notices) != 1 || b.notices[0].Kind != queue.NoticeFailed {
			t.Errorf("notices %+v", b.notices)
		}
	})
}

// TestDeadHost: a host that is down costs a few attempts, not one for each job,
// and a kick tries it again at once.
func TestDeadHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		var mu sync.Mutex
		down := true
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
			time.Sleep(10 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			if !down {
				return all(a, spool.Delivered, 250)
			}
			res := all(a, spool.Waiting, 451)
			res.Unreachable = true
			return res
		}
		for range 200 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		}
		pass(50 * time.Second)
		if n := len(b.attempts); n > 10 {
			t.Errorf("%d attempts at a host that is down", n)
		}
		if s := b.runner.Stats(); s.Deferred != 200 {
			t.Errorf("stats %+v, want all deferred", s)
		}
		mu.Lock()
		down = false
		mu.Unlock()
		b.runner.Kick(lane("a.example")) // before the jobs are due, or some are put off once more
		if _, err := b.store.Change(context.Background(), spool.Filter{}, spool.ActionRetry, nil); err != nil {
			t.Fatal(err)
		}
		b.runner.Kick(lane("a.example"))
		pass(5 * time.Minute)
		if len(b.left()) != 0 {
			t.Errorf("left %v, stats %+v", b.left(), b.runner.Stats())
		}
	})
}

// TestWorkersAreReused: one message after the other takes one worker.
func TestWorkersAreReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		for range 200 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
			synctest.Wait()
		}
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		if n := strings.Count(stacks, "queue.(*Runner).worker("); n > 3 {
			t.Errorf("%d workers", n)
		}
	})
}

// BenchmarkRunner takes messages from their commit to the end of their jobs, from
// one session and from many, with a deliverer that takes no time. us/attempt is
// the time from the begin of a commit to its attempt.
func BenchmarkRunner(b *testing.B) {
	for _, sessions := range []int{1, 20} {
		b.Run(fmt.Sprint("sessions=", sessions), func(b *testing.B) {
			store, err := spool.Open(spool.Options{Dir: b.TempDir(), MinFree: -1, Ballast: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			relay(b, &bench{TB: b, store: store, quiet: true}, sessions)
		})
	}
}

func relay(b *testing.B, h *bench, sessions int) {
	var attempts, late atomic.Int64
	h.run(h.store)
	h.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
		late.Add(int64(time.Since(a.Job.Arrived)))
		attempts.Add(1)
		return all(a, spool.Delivered, 250)
	}
	b.ReportAllocs()
	b.SetParallelism(max(1, sessions/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	if sessions == 1 {
		for range b.N {
			h.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		}
	} else {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				h.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
			}
		})
	}
	for attempts.Load() < int64(b.N) {
		runtime.Gosched()
	}
	b.StopTimer()
	b.ReportMetric(float64(late.Load())/float64(b.N)/1000, "us/attempt")
	h.stop()
}
