package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

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
		pass(time.Hour) // longer than the lease
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
		pass(3 * time.Hour)
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
		pass(3 * time.Hour)
		if len(b.attempts) != 1 || len(b.left()) != 0 {
			t.Errorf("%d attempts, left %v", len(b.attempts), b.left())
		}
	})
}

// TestRemovedDuringAttempt: an administrator's word stands, and an attempt that lasts
// hears of it.
func TestRemovedDuringAttempt(t *testing.T) {
	for _, long := range []time.Duration{time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, nil)
			defer b.stop()
			var why error
			b.deliver = func(ctx context.Context, a queue.Attempt) queue.Result {
				select {
				case <-ctx.Done():
					why = context.Cause(ctx)
				case <-time.After(long):
				}
				return all(a, spool.Failed, 550)
			}
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
			synctest.Wait()
			if _, err := b.store.Change(context.Background(), spool.Filter{}, spool.ActionRemove, nil); err != nil {
				t.Fatal(err)
			}
			pass(2 * time.Hour)
			if len(b.left()) != 0 || len(b.attempts) != 1 {
				t.Errorf("left %v, %d attempts", b.left(), len(b.attempts))
			}
			if told := errors.Is(why, spool.ErrFenced); told != (long > 10*time.Minute) {
				t.Errorf("an attempt of %v ended because of %v", long, why)
			}
		})
	}
}

// TestDamagedMessageIsHeld: it cannot be delivered, and nobody is told a lie.
func TestDamagedMessageIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(m *spooltest.Mem) spool.Store { return damaged{m} })
		defer b.stop()
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		pass(100 * time.Hour)
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
		pass(31 * time.Second)
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

// gone answers nothing while it is away.
type gone struct {
	*spooltest.Mem
	slow time.Duration // how long what is claimed is on its way
	mu   sync.Mutex
	away bool
}

func (g *gone) err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.away {
		return spool.ErrUnavailable
	}
	return nil
}

func (g *gone) set(away bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away = away
}

func (g *gone) Claim(ctx context.Context, req spool.ClaimReq) ([]spool.Job, error) {
	if err := g.err(); err != nil {
		return nil, err
	}
	jobs, err := g.Mem.Claim(ctx, req)
	time.Sleep(g.slow)
	return jobs, err
}

func (g *gone) Extend(ctx context.Context, l spool.Lease, d time.Duration) (spool.Lease, error) {
	if err := g.err(); err != nil {
		return spool.Lease{}, err
	}
	return g.Mem.Extend(ctx, l, d)
}

func (g *gone) Update(ctx context.Context, l spool.Lease, o spool.Outcome, spawn []spool.Draft) error {
	if err := g.err(); err != nil {
		return err
	}
	return g.Mem.Update(ctx, l, o, spawn)
}

// TestStoreAwayBeyondTheLease: the leases of what was delivered run out, and the
// jobs are claimed before the outcomes are written; nothing is delivered twice.
func TestStoreAwayBeyondTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g *gone
		b := setup(t, func(m *spooltest.Mem) spool.Store { g = &gone{Mem: m}; return g })
		defer b.stop()
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
			time.Sleep(time.Second)
			return all(a, spool.Delivered, 250)
		}
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		synctest.Wait()
		g.set(true)
		pass(time.Hour + 2*time.Second) // and so between two tries of the update
		g.set(false)
		b.runner.Kick(lane("a.example"))
		pass(time.Hour)
		if len(b.attempts) != 1 || len(b.left()) != 0 {
			t.Errorf("%d attempts, left %v", len(b.attempts), b.left())
		}
	})
}

// TestClaimOnItsWay: so it is when a claim that has taken the job is still under
// way as the lease is asked for more time, or the outcome is written.
func TestClaimOnItsWay(t *testing.T) {
	for _, long := range []time.Duration{time.Second, 3 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var g *gone
			b := setup(t, func(m *spooltest.Mem) spool.Store { g = &gone{Mem: m, slow: 5 * time.Minute}; return g })
			defer b.stop()
			b.deliver = func(ctx context.Context, a queue.Attempt) queue.Result {
				select {
				case <-ctx.Done():
					return all(a, spool.Waiting, 421)
				case <-time.After(long):
					return all(a, spool.Delivered, 250)
				}
			}
			b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
			pass(g.slow + 500*time.Millisecond)
			g.set(true)
			pass(time.Hour + 2*time.Second)
			g.set(false)
			b.runner.Kick(lane("a.example"))
			pass(4 * time.Hour)
			if len(b.attempts) != 1 || len(b.left()) != 0 {
				t.Errorf("an attempt of %v: %d attempts, left %v", long, len(b.attempts), b.left())
			}
		})
	}
}
