package queue_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
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
	paused atomic.Pointer[queue.Pause]
	testing.TB
	store    spool.Store
	runner   *queue.Runner
	start    time.Time
	profile  queue.Profile
	deliver  func(ctx context.Context, a queue.Attempt) queue.Result
	noNotice error // what Notify says
	wrap     func(spool.Draft) spool.Draft
	mute     bool // Notify makes no draft
	quiet    bool // attempts are not kept

	mu       sync.Mutex // guards what follows
	attempts []time.Duration
	lasts    []bool
	notices  []queue.Notice
	told     []time.Duration
}

func (b *bench) Profile(string) queue.Profile { return b.profile }

func (b *bench) Attempt(ctx context.Context, a queue.Attempt) queue.Result {
	if !b.quiet {
		b.mu.Lock()
		b.attempts = append(b.attempts, time.Since(b.start))
		b.lasts = append(b.lasts, a.Last)
		b.mu.Unlock()
	}
	return b.deliver(ctx, a)
}

// tried counts the attempts until now.
func (b *bench) tried() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.attempts)
}

func (b *bench) Notify(ctx context.Context, n queue.Notice, body spool.Body) (spool.Draft, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
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

// setup makes a bench on a store in memory, which wrap may put behind another.
func setup(tb testing.TB, wrap func(*spooltest.Mem) spool.Store) *bench {
	mem := spooltest.Memory()
	b := &bench{TB: tb, store: mem}
	if wrap == nil {
		b.run(mem)
	} else {
		b.run(wrap(mem))
	}
	return b
}

// run starts the runner on a store.
func (b *bench) run(store spool.Store) {
	b.start = time.Now()
	b.profile = queue.Profile{
		After: []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}, Then: 4 * time.Hour,
		Warn: 4 * time.Hour, GiveUp: 24 * time.Hour,
	}
	if b.deliver == nil {
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result { return all(a, spool.Delivered, 250) }
	}
	b.runner = queue.NewRunner(queue.Options{Store: store, Deliverer: b, Notifier: b, Profiles: b,
		Random: func() float64 { return 0.5 },
		Paused: func(l spool.Lane) bool { p := b.paused.Load(); return p != nil && p.Covers(l) }})
	if err := b.runner.Start(); err != nil {
		b.Fatal(err)
	}
}

// pass lets time go by and everything that is due be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
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
	b.each(func(j *spool.Job) { out[j.Lane.Nexthop]++ })
	return out
}

// each goes over the jobs in the store.
func (b *bench) each(visit func(*spool.Job)) {
	err := b.store.Scan(context.Background(), spool.Filter{}, func(e spool.Entry) error {
		visit(&e.Job)
		return nil
	})
	if err != nil {
		b.Error(err)
	}
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
