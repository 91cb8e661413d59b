package queue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

// bench is a runner on a store in memory, with everything told.
type bench struct {
	testing.TB
	store    *spooltest.Mem
	runner   *queue.Runner
	start    time.Time
	profile  queue.Profile
	deliver  func(ctx context.Context, a queue.Attempt) queue.Result
	noNotice error // what Notify says
	wrap     func(spool.Draft) spool.Draft
	mute     bool // Notify makes no draft

	mu       sync.Mutex // guards what follows
	attempts []time.Duration
	lasts    []bool
	notices  []queue.Notice
	told     []time.Duration
}

func (b *bench) Profile(string) queue.Profile { return b.profile }

func (b *bench) Attempt(ctx context.Context, a queue.Attempt) queue.Result {
	b.mu.Lock()
	b.attempts = append(b.attempts, time.Since(b.start))
	b.lasts = append(b.lasts, a.Last)
	b.mu.Unlock()
	return b.deliver(ctx, a)
}

func (b *bench) Notify(ctx context.Context, n queue.Notice, body spool.Body) (spool.Draft, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.noNotice != nil && (body != nil || !errors.Is(b.noNotice, spool.ErrDamaged)) {
		return nil, b.noNotice
	}
	b.notices = append(b.notices, n)
	b.told = append(b.told, time.Since(b.start))
	if b.mute {
		return nil, nil
	}
	d, err := b.store.Create(ctx)
	if err != nil {
		return nil, err
	}
	job := spool.Job{Lane: lane("dsn.example"), Arrived: time.Now(), Due: time.Now(),
		Recipients: []spool.Recipient{{Final: n.Job.Sender.Address}}}
	if err := d.Prepare(spool.Envelope{Arrived: time.Now()}, []spool.Job{job}); err != nil || b.wrap == nil {
		return d, err
	}
	return b.wrap(d), nil
}

// store that the runner sees; a test may put its own around Mem.
func setup(tb testing.TB, wrap func(*spooltest.Mem) spool.Store) *bench {
	b := &bench{TB: tb, store: spooltest.Memory(), start: time.Now()}
	b.profile = queue.Profile{
		After: []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}, Then: 4 * time.Hour,
		Warn: 4 * time.Hour, GiveUp: 24 * time.Hour,
	}
	b.deliver = func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Delivered, 250) }
	var store spool.Store = b.store
	if wrap != nil {
		store = wrap(b.store)
	}
	b.runner = queue.NewRunner(queue.Options{Store: store, Deliverer: b, Notifier: b, Profiles: b,
		Random: func() float64 { return 0.5 }})
	if err := b.runner.Start(); err != nil {
		tb.Fatal(err)
	}
	return b
}

func (b *bench) stop() {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.runner.Stop(ctx); err != nil {
		b.Error(err)
	}
}

func lane(host string) spool.Lane { return spool.Lane{Transport: "mx", Nexthop: host} }

// mail puts a message into the store.
func (b *bench) mail(job spool.Job) {
	b.Helper()
	d, err := b.store.Create(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.Write([]byte("Subject: x\r\n\r\nbody\r\n")); err != nil {
		b.Fatal(err)
	}
	job.Arrived, job.Due = time.Now(), time.Now()
	if job.Recipients == nil {
		job.Recipients = []spool.Recipient{{Final: mail.Address{Local: "r", Domain: "r.example"}}}
	}
	if err := d.Commit(spool.Envelope{Arrived: time.Now(), Sender: job.Sender}, []spool.Job{job}); err != nil {
		b.Fatal(err)
	}
}

var sender = mail.Path{Address: mail.Address{Local: "ann", Domain: "example.org"}}

func all(a queue.Attempt, s spool.State, code int) queue.Result {
	var res queue.Result
	for _, r := range a.Job.Recipients {
		res.Recipients = append(res.Recipients, queue.RecipientResult{N: r.N, State: s, Reply: mail.Reply{Code: code}, Remote: "mx.example"})
	}
	return res
}

// left counts the jobs in the store by next hop.
func (b *bench) left() map[string]int {
	out := map[string]int{}
	err := b.store.Scan(context.Background(), spool.Filter{}, func(e spool.Entry) error {
		out[e.Job.Lane.Nexthop]++
		return nil
	})
	if err != nil {
		b.Error(err)
	}
	return out
}

// answer lets the lane of reports take everything and gives the rest to f.
func answer(f func(context.Context, queue.Attempt) queue.Result) func(context.Context, queue.Attempt) queue.Result {
	return func(ctx context.Context, a queue.Attempt) queue.Result {
		if a.Job.Lane == lane("dsn.example") {
			return all(a, spool.Delivered, 250)
		}
		return f(ctx, a)
	}
}

func TestDeliveredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		time.Sleep(7 * time.Second)
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
		time.Sleep(48 * time.Hour)
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

func TestBounce(t *testing.T) {
	cases := []struct {
		name   string
		job    spool.Job
		mute   bool
		notice int
		want   queue.Stats
	}{
		{"with a report", spool.Job{Sender: sender}, false, 1, queue.Stats{Failed: 1, Bounced: 1, Delivered: 1}},
		{"nobody wants it", spool.Job{Sender: sender}, true, 1, queue.Stats{Failed: 1}},
		{"a report that fails ends", spool.Job{}, false, 0, queue.Stats{Failed: 1, Dropped: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, nil)
				b.mute = c.mute
				b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Failed, 550) })
				c.job.Lane = lane("a.example")
				b.mail(c.job)
				synctest.Wait()
				b.stop()
				s := b.runner.Stats()
				s.Lanes = 0
				if s != c.want || len(b.notices) != c.notice || len(b.left()) != 0 {
					t.Errorf("stats %+v, %d notices, left %v", s, len(b.notices), b.left())
				}
			})
		})
	}
}

// TestReportThatCannotBeMade: the recipient does not end before its end can be
// told.
func TestReportThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.noNotice = errors.New("tables do not answer")
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Failed, 550) })
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		time.Sleep(90 * time.Second)
		if n := b.left()["a.example"]; n != 1 || len(b.attempts) != 2 {
			t.Fatalf("%d jobs left after %d attempts, want it kept and tried again in a minute", n, len(b.attempts))
		}
		b.mu.Lock()
		b.noNotice = nil
		b.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if len(b.notices) != 1 || len(b.left()) != 0 {
			t.Errorf("%d notices, left %v", len(b.notices), b.left())
		}
		if s := b.runner.Stats(); s.NoticeErrors != 2 || s.Failed != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestConfirmations(t *testing.T) {
	cases := []struct {
		name   string
		result queue.Result
		want   []queue.NoticeKind
	}{
		{"relayed to a host without DSN", queue.Result{}, []queue.NoticeKind{queue.NoticeRelayed}},
		{"delivered for good", queue.Result{Final: true}, []queue.NoticeKind{queue.NoticeDelivered}},
		{"the next host takes over", queue.Result{DSNCapable: true}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, nil)
				b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result {
					res := all(a, spool.Delivered, 250)
					res.Final, res.DSNCapable = c.result.Final, c.result.DSNCapable
					return res
				})
				b.mail(spool.Job{Lane: lane("a.example"), Sender: sender, Recipients: []spool.Recipient{
					{Final: sender.Address, Notify: mail.NotifySuccess}, {Final: sender.Address}}})
				synctest.Wait()
				b.stop()
				var got []queue.NoticeKind
				for _, n := range b.notices {
					got = append(got, n.Kind)
					if len(n.Recipients) != 1 {
						t.Errorf("%d recipients in the notice, one asked", len(n.Recipients))
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("notices %v, want %v", got, c.want)
				}
			})
		})
	}
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
		time.Sleep(72 * time.Hour)
		if len(b.attempts) != 1 || b.left()["a.example"] != 1 || len(b.notices) != 0 {
			t.Fatalf("%d attempts, left %v, %d notices", len(b.attempts), b.left(), len(b.notices))
		}
		hold = false
		if _, err := b.store.Change(context.Background(), spool.Filter{}, spool.ActionRelease); err != nil {
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
		time.Sleep(2 * time.Minute)
		if s := b.runner.Stats(); s.Panics != 1 || s.Deferred != 1 || s.Delivered != 1 || len(b.left()) != 0 {
			t.Errorf("stats %+v, left %v", s, b.left())
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
		time.Sleep(time.Hour)
		if left := b.left(); len(left) != 1 || left["late.example"] != 1 {
			t.Errorf("left %v", left)
		}
		b.runner.Kick(lane("late.example")) // and does not block
	})
}

// TestStopCutsAttempts: what was cut short does not count, keeps what had ended,
// and is due at the next start.
func TestStopCutsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		b.deliver = func(ctx context.Context, a queue.Attempt) queue.Result {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), queue.ErrStopped) {
				t.Errorf("cause %v", context.Cause(ctx))
			}
			res := all(a, spool.Waiting, 421)
			res.Recipients[0].State = spool.Delivered
			return res
		}
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender, Recipients: []spool.Recipient{
			{Final: sender.Address}, {Final: sender.Address}}})
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
	})
}

// flaky fails the first updates.
type flaky struct {
	*spooltest.Mem
	mu    sync.Mutex
	fails int
	err   error
	calls int
}

func (f *flaky) Update(ctx context.Context, l spool.Lease, o spool.Outcome, spawn []spool.Draft) error {
	f.mu.Lock()
	f.calls++
	fail := f.fails > 0
	f.fails--
	f.mu.Unlock()
	if fail {
		return f.err
	}
	return f.Mem.Update(ctx, l, o, spawn)
}

// TestOutcomeIsNotLost: a store that is away for a while makes neither a second
// delivery nor a second report.
func TestOutcomeIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *flaky
		b := setup(t, func(m *spooltest.Mem) spool.Store {
			f = &flaky{Mem: m, fails: 200, err: spool.ErrUnavailable}
			return f
		})
		defer b.stop()
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result {
			res := all(a, spool.Failed, 550)
			res.Recipients[0].State = spool.Delivered
			return res
		})
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender, Recipients: []spool.Recipient{
			{Final: sender.Address}, {Final: sender.Address}}})
		time.Sleep(time.Hour) // longer than the lease
		if len(b.attempts) != 2 || len(b.notices) != 1 || len(b.left()) != 0 {
			t.Errorf("%d attempts, %d notices, left %v", len(b.attempts), len(b.notices), b.left())
		}
	})
}

// TestFencedOutcomeIsDropped: when another has the job, nothing is written and no
// report goes out.
func TestFencedOutcomeIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *flaky
		b := setup(t, func(m *spooltest.Mem) spool.Store {
			f = &flaky{Mem: m, fails: 1, err: fmt.Errorf("lost: %w", spool.ErrFenced)}
			return f
		})
		var reports aborts
		b.wrap = func(d spool.Draft) spool.Draft { reports.Draft = d; return &reports }
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Failed, 550) }
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		synctest.Wait()
		b.stop()
		if reports.n != 1 {
			t.Errorf("the report was given back %d times", reports.n)
		}
		if f.calls != 1 || b.left()["dsn.example"] != 0 || b.left()["a.example"] != 1 {
			t.Errorf("%d updates, left %v", f.calls, b.left())
		}
		if s := b.runner.Stats(); s.Failed != 0 || s.StoreErrors != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// aborts counts how often a draft was given back.
type aborts struct {
	spool.Draft
	n int
}

func (a *aborts) Abort() { a.n++; a.Draft.Abort() }

// TestWarningThatCannotBeMade: it goes out with a later attempt.
func TestWarningThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.noNotice = errors.New("tables do not answer")
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Waiting, 450) })
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		time.Sleep(6 * time.Hour)
		b.mu.Lock()
		b.noNotice = nil
		b.mu.Unlock()
		time.Sleep(15 * time.Hour)
		if len(b.notices) != 1 || b.told[0] != 9*time.Hour+21*time.Minute {
			t.Errorf("%d notices at %v, want one at the second attempt past warn", len(b.notices), b.told)
		}
	})
}

// TestUnreadableBodyIsNotReturned: the sender is told all the same.
func TestUnreadableBodyIsNotReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.noNotice = spool.ErrDamaged
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Failed, 550) })
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		synctest.Wait()
		if len(b.notices) != 1 || len(b.left()) != 0 {
			t.Errorf("%d notices, left %v", len(b.notices), b.left())
		}
	})
}

// TestStaleLeaseIsNotUsed: a job that waited in memory for longer than its lease
// belongs to whoever claims it then.
func TestStaleLeaseIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		b.profile.Connections = 1
		b.runner.Reload()
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
			time.Sleep(25 * time.Minute)
			return all(a, spool.Delivered, 250)
		}
		for range 4 {
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		}
		time.Sleep(3 * time.Hour)
		b.stop()
		if len(b.attempts) != 4 || len(b.left()) != 0 {
			t.Errorf("%d attempts of 4 mails, left %v", len(b.attempts), b.left())
		}
	})
}

// TestLongAttemptKeepsItsLease: a slow remote does not get the message twice.
func TestLongAttemptKeepsItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
			time.Sleep(2 * time.Hour)
			return all(a, spool.Delivered, 250)
		}
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		time.Sleep(3 * time.Hour)
		if len(b.attempts) != 1 || len(b.left()) != 0 {
			t.Errorf("%d attempts, left %v", len(b.attempts), b.left())
		}
	})
}

// TestRemovedDuringAttempt: an administrator's word stands.
func TestRemovedDuringAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.deliver = func(ctx context.Context, a queue.Attempt) queue.Result {
			time.Sleep(time.Minute)
			return all(a, spool.Failed, 550)
		}
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		synctest.Wait()
		if _, err := b.store.Change(context.Background(), spool.Filter{}, spool.ActionRemove); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if len(b.left()) != 0 || len(b.attempts) != 1 {
			t.Errorf("left %v, %d attempts", b.left(), len(b.attempts))
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
		time.Sleep(50 * time.Second)
		if n := len(b.attempts); n > 10 {
			t.Errorf("%d attempts at a host that is down", n)
		}
		if s := b.runner.Stats(); s.Deferred != 200 {
			t.Errorf("stats %+v, want all deferred", s)
		}
		mu.Lock()
		down = false
		mu.Unlock()
		if _, err := b.store.Change(context.Background(), spool.Filter{}, spool.ActionRetry); err != nil {
			t.Fatal(err)
		}
		b.runner.Kick(lane("a.example"))
		time.Sleep(5 * time.Minute)
		if len(b.left()) != 0 {
			t.Errorf("left %v, stats %+v", b.left(), b.runner.Stats())
		}
	})
}

// TestDamagedMessageIsHeld: it cannot be delivered, and nobody is told a lie.
func TestDamagedMessageIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(m *spooltest.Mem) spool.Store { return damaged{m} })
		defer b.stop()
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		time.Sleep(100 * time.Hour)
		held := 0
		_ = b.store.Scan(context.Background(), spool.Filter{HeldOnly: true}, func(spool.Entry) error { held++; return nil })
		if held != 1 || len(b.attempts) != 0 {
			t.Errorf("%d held, %d attempts", held, len(b.attempts))
		}
	})
}

type damaged struct{ *spooltest.Mem }

func (damaged) Open(context.Context, spool.ID) (spool.Envelope, spool.Body, error) {
	return spool.Envelope{}, nil, spool.ErrDamaged
}

// TestHintsMayBeLost: a scan finds what no hint told.
func TestHintsMayBeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(m *spooltest.Mem) spool.Store { return deaf{m} })
		defer b.stop()
		synctest.Wait()
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		time.Sleep(31 * time.Second)
		if len(b.left()) != 0 {
			t.Errorf("left %v", b.left())
		}
	})
}

type deaf struct{ *spooltest.Mem }

func (deaf) Watch(context.Context) (<-chan spool.Hint, error) {
	c := make(chan spool.Hint)
	close(c)
	return c, nil
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

// BenchmarkRunner is a message from its commit to the end of its job, on a store
// in memory and with a deliverer that takes no time.
func BenchmarkRunner(b *testing.B) {
	h := setup(b, nil)
	done := make(chan struct{}, 1)
	h.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
		done <- struct{}{}
		return all(a, spool.Delivered, 250)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		<-done
	}
	h.stop()
}
