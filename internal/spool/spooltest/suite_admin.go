package spooltest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// change acts on a filter and checks how many jobs it concerned.
func (t *T) change(f spool.Filter, a spool.Action, want int64) {
	t.Helper()
	var told spool.Changed
	n, err := t.Change(t.ctx(), f, a, func(c spool.Changed) { told = c })
	t.must(err)
	equal(t, "jobs concerned", n.Jobs, want)
	equal(t, "told at last", told, n)
}

func testHold(t *T) {
	id := t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "a@a.example"))
	t.send(from("s@example.org"), "x", job(lane("b"), t.past(time.Hour), "b@b.example"))
	t.change(spool.Filter{IDs: []spool.ID{id}}, spool.ActionHold, 1)
	t.change(spool.Filter{IDs: []spool.ID{id}}, spool.ActionHold, 0)
	equal(t, "lanes", t.dueLanes(), "b")
	equal(t, "claimed", len(t.claim(lane("a"))), 0)
	t.change(spool.Filter{IDs: []spool.ID{id}}, spool.ActionRetry, 0)
	equal(t, "held", entryNames(t.list(spool.Filter{HeldOnly: true})), "a")
	t.change(spool.Filter{HeldOnly: true}, spool.ActionRelease, 1)
	t.change(spool.Filter{}, spool.ActionRelease, 0)
	equal(t, "lanes", t.dueLanes(), "a b")

	// An attempt may end in holding.
	j := t.one(lane("a"))
	t.must(t.Update(t.ctx(), j.Lease, spool.Outcome{Held: true, Uncount: true}, nil))
	equal(t, "lanes", t.dueLanes(), "b")
	e := t.list(spool.Filter{HeldOnly: true})
	equal(t, "held", entryNames(e), "a")
	equal(t, "attempts", e[0].Job.Attempts, 0)
	equal(t, "due stays", e[0].Job.Due.Equal(j.Due), true)
	// Held jobs live on when their message's other jobs end.
	t.change(spool.Filter{IDs: []spool.ID{id}}, spool.ActionRelease, 1)
	t.must(t.Update(t.ctx(), t.one(lane("a")).Lease, ends(spool.Delivered, 0), nil))
	t.gone(id)
}

func testHoldDuring(t *T) {
	t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "a@a.example"))
	j := t.one(lane("a"))
	t.change(spool.Filter{}, spool.ActionHold, 1)
	t.change(spool.Filter{}, spool.ActionRetry, 0)
	t.must(t.Update(t.ctx(), j.Lease, spool.Outcome{Next: t.past(time.Minute)}, nil))
	equal(t, "lanes", t.dueLanes(), "")
	t.change(spool.Filter{}, spool.ActionRelease, 1)
	j = t.one(lane("a"))
	equal(t, "attempts", j.Attempts, 1)
	// Held and released during one attempt.
	t.change(spool.Filter{}, spool.ActionHold, 1)
	t.change(spool.Filter{}, spool.ActionRelease, 1)
	equal(t, "claimed during the attempt", len(t.claim(lane("a"))), 0)
	t.must(t.Update(t.ctx(), j.Lease, spool.Outcome{Next: t.past(time.Minute)}, nil))
	// Held during an attempt that then moves elsewhere.
	j = t.one(lane("a"))
	t.change(spool.Filter{}, spool.ActionHold, 1)
	moved := j
	moved.Lane = lane("b")
	t.must(t.Replace(t.ctx(), j.Lease, []spool.Job{moved}))
	equal(t, "lanes", t.dueLanes(), "")
	t.change(spool.Filter{}, spool.ActionRelease, 1)
	equal(t, "lanes", t.dueLanes(), "b")
}

func testRetry(t *T) {
	t.send(from("s@example.org"), "x", job(lane("a"), t.now().Add(time.Hour), "a@a.example"))
	t.send(from("s@example.org"), "x", job(lane("b"), t.past(time.Hour), "b@b.example"))
	equal(t, "lanes", t.dueLanes(), "b")
	t.change(spool.Filter{Domain: "a.example"}, spool.ActionRetry, 1)
	equal(t, "lanes", t.dueLanes(), "b a")
	t.change(spool.Filter{Domain: "b.example"}, spool.ActionRetry, 1)
	equal(t, "lanes", t.dueLanes(), "b a")
	j := t.one(lane("a"))
	t.change(spool.Filter{Domain: "a.example"}, spool.ActionRetry, 0)
	t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil))
}

func testRemove(t *T) {
	id := t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "a@a.example"), job(lane("b"), t.past(time.Hour), "b@b.example"))
	j := t.one(lane("a"))
	t.change(spool.Filter{Domain: "a.example"}, spool.ActionRemove, 1)
	t.want(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil), spool.ErrFenced)
	equal(t, "left", entryNames(t.list(spool.Filter{})), "b")
	equal(t, "body", t.body(id), "x")
	t.change(spool.Filter{HeldOnly: true}, spool.ActionRemove, 0)
	t.change(spool.Filter{}, spool.ActionHold, 1)
	t.change(spool.Filter{HeldOnly: true}, spool.ActionRemove, 1)
	t.gone(id)
	equal(t, "lanes", t.dueLanes(), "")
}

func testScan(t *T) {
	base := t.past(10 * time.Hour)
	post := func(n int, sender, tenant, transport string, to ...string) spool.ID {
		env := from(sender)
		env.Arrived = base.Add(time.Duration(n) * time.Hour)
		l := spool.Lane{Tenant: tenant, Transport: transport, Nexthop: "x"}
		return t.send(env, "x", job(l, time.Time{}, to...))
	}
	one := post(1, "s@example.org", "acme", "internet", "one@a.example", "also@b.example")
	two := post(2, "", "acme", "store", "two@b.example")
	post(3, "t@example.org", "", "internet", "three@a.example")
	post(4, "s@example.org", "acmebis", "internet", "four@c.example")
	for _, c := range []struct {
		filter spool.Filter
		want   string
	}{
		{spool.Filter{}, "one two three four"},
		{spool.Filter{Limit: 2}, "one two"},
		{spool.Filter{Sender: "s@example.org"}, "one four"},
		{spool.Filter{Sender: "<>"}, "two"},
		{spool.Filter{Sender: "s@example"}, ""},
		{spool.Filter{Tenant: "acme"}, "one two"},
		{spool.Filter{Transport: "internet"}, "one three four"},
		{spool.Filter{Transport: "internet", Tenant: "acme"}, "one"},
		{spool.Filter{Domain: "b.example"}, "one two"},
		{spool.Filter{Domain: "example"}, ""},
		{spool.Filter{Domain: "a.example", Sender: "t@example.org"}, "three"},
		{spool.Filter{OlderThan: base.Add(2 * time.Hour)}, "one"},
		{spool.Filter{OlderThan: base.Add(150 * time.Minute), Tenant: "acme", Limit: 1}, "one"},
		{spool.Filter{IDs: []spool.ID{two, one}}, "one two"},
		{spool.Filter{IDs: []spool.ID{two, {}}, Sender: "<>"}, "two"},
		{spool.Filter{IDs: []spool.ID{two}, Sender: "s@example.org"}, ""},
		{spool.Filter{HeldOnly: true}, ""},
	} {
		equal(t, fmt.Sprintf("%+v", c.filter), entryNames(t.list(c.filter)), c.want)
	}
	e := t.list(spool.Filter{IDs: []spool.ID{one}})[0]
	equal(t, "sender", e.Envelope.Sender.String(), "s@example.org")
	equal(t, "recipients", len(e.Job.Recipients), 2)
	stop := errors.New("stop")
	calls := 0
	t.want(t.Scan(t.ctx(), spool.Filter{}, func(spool.Entry) error { calls++; return stop }), stop)
	equal(t, "calls", calls, 1)
}

func testCount(t *T) {
	count := func(g spool.Group, l spool.Lane) spool.Counts {
		t.Helper()
		c, err := t.Count(t.ctx(), g)
		t.must(err)
		return c[l]
	}
	equal(t, "empty", count(spool.GroupAll, spool.Lane{}), spool.Counts{})
	env := from("s@example.org")
	env.Arrived = t.past(time.Hour)
	acme := spool.Lane{Tenant: "acme", Transport: "store"}
	t.send(env, "12345", job(acme, time.Time{}, "a@a.example", "b@a.example"), job(acme, time.Time{}, "c@a.example"), job(lane("x"), time.Time{}, "x@x.example"))
	later := env
	later.Arrived = env.Arrived.Add(time.Minute)
	t.send(later, "1234567", job(acme, t.now().Add(time.Hour), "d@a.example"))
	t.change(spool.Filter{IDs: []spool.ID{t.list(spool.Filter{})[3].Job.Message}}, spool.ActionHold, 1)
	o := ends(spool.Delivered, 1)
	o.Next = t.past(time.Hour)
	t.must(t.Update(t.ctx(), t.claim(acme)[0].Lease, o, nil))

	equal(t, "all", count(spool.GroupAll, spool.Lane{}), spool.Counts{Messages: 2, Jobs: 4, Recipients: 4, Held: 1, Bytes: 12, Oldest: env.Arrived})
	equal(t, "acme", count(spool.GroupTenant, spool.Lane{Tenant: "acme"}), spool.Counts{Messages: 2, Jobs: 3, Recipients: 3, Held: 1, Bytes: 12, Oldest: env.Arrived})
	equal(t, "no tenant", count(spool.GroupTenant, spool.Lane{}), spool.Counts{Messages: 1, Jobs: 1, Recipients: 1, Bytes: 5, Oldest: env.Arrived})
	equal(t, "lane", count(spool.GroupLane, lane("x")).Jobs, 1)
	t.change(spool.Filter{}, spool.ActionRemove, 4)
	equal(t, "in the end", count(spool.GroupAll, spool.Lane{}), spool.Counts{})
}

// testStrangeNames: no name makes one lane, sender or tenant look like another.
func testStrangeNames(t *T) {
	strange := []string{"", "a", "a\x00", "a\x00b", "\x00", "\xff", "a\xff", "a|b", "\x00\x01", "\x00\xff", strings.Repeat("l", 300)}
	lanes := map[spool.Lane]bool{}
	for _, tenant := range strange {
		for _, hop := range strange {
			l := spool.Lane{Tenant: tenant, Transport: "t", Nexthop: hop}
			lanes[l] = true
			j := job(l, t.past(time.Hour), "a@a.example")
			j.Recipients[0].Final.Local = tenant
			env := spool.Envelope{Sender: mail.Path{Address: mail.Address{Local: tenant, Domain: "example.org"}}}
			t.send(env, "x", j)
		}
	}
	for l := range lanes {
		equal(t, fmt.Sprintf("tenant of %+v", l), t.one(l).Recipients[0].Final.Local, l.Tenant)
		if l.Tenant != "" {
			equal(t, "jobs of a tenant", len(t.list(spool.Filter{Tenant: l.Tenant})), len(strange))
		}
		sender := mail.Path{Address: mail.Address{Local: l.Tenant, Domain: "example.org"}}.String()
		equal(t, "jobs of a sender", len(t.list(spool.Filter{Sender: sender})), len(strange))
	}
}

// testMany lets several goroutines send, claim and end a number of messages:
// each is delivered exactly once.
func testMany(t *T) {
	const workers, each = 8, 50
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				to := fmt.Sprintf("r%d-%d@a.example", w, i)
				t.send(from("s@example.org"), to, job(lane(fmt.Sprint(i%3)), time.Time{}, to))
			}
		})
		wg.Go(func() {
			for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
				for i := range 3 {
					t.deliver(lane(fmt.Sprint(i)), func(to string) {
						mu.Lock()
						seen[to]++
						mu.Unlock()
					})
				}
				mu.Lock()
				done := len(seen) == workers*each
				mu.Unlock()
				if done {
					return
				}
			}
		})
	}
	wg.Wait()
	for to, n := range seen {
		equal(t, to, n, 1)
	}
	equal(t, "delivered", len(seen), workers*each)
	equal(t, "left", len(t.list(spool.Filter{})), 0)
}

// deliver claims a few jobs and ends them; every third is deferred once.
func (t *T) deliver(l spool.Lane, done func(to string)) {
	jobs, err := t.Claim(t.ctx(), spool.ClaimReq{Lane: l, Before: time.Now(), Max: 5, LeaseFor: time.Minute})
	if err != nil {
		t.Error(err)
		return
	}
	for _, j := range jobs {
		o := ends(spool.Delivered, 0)
		to := j.Recipients[0].Final.String()
		if first := j.Attempts == 0 && len(to)%3 == 0; first {
			o = spool.Outcome{Next: time.Now()}
		} else {
			if got := t.body(j.Message); got != to {
				t.Errorf("body of %s is %q", to, got)
			}
			done(to)
		}
		if err := t.Update(t.ctx(), j.Lease, o, nil); err != nil {
			t.Error(err)
		}
	}
}
