package spooltest

import (
	"fmt"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

func testLanes(t *T) {
	equal(t, "lanes of an empty store", t.dueLanes(), "")
	env := from("s@example.org")
	t.send(env, "x", job(lane("c"), t.past(1*time.Minute), "a@c.example"))
	t.send(env, "x", job(lane("a"), t.past(3*time.Minute), "a@a.example"), job(lane("b"), t.past(2*time.Minute), "a@b.example"))
	t.send(env, "x", job(lane("a"), t.past(1*time.Minute), "a@a.example"))
	t.send(env, "x", job(lane("later"), t.now().Add(time.Hour), "a@b.example"))
	equal(t, "lanes", t.dueLanes(), "a b c")
	lanes, err := t.Lanes(t.ctx(), t.now(), 2)
	t.must(err)
	equal(t, "lanes, at most 2", len(lanes), 2)
	equal(t, "jobs in a", lanes[0].Jobs, 2)
	if ago := t.now().Sub(lanes[0].Due); ago < 3*time.Minute || ago > 4*time.Minute {
		t.Errorf("a due %v ago", ago)
	}
	lanes, err = t.Lanes(t.ctx(), t.now().Add(2*time.Hour), 10)
	t.must(err)
	equal(t, "lanes until later", len(lanes), 4)
	equal(t, "claimed of a", len(t.claim(lane("a"))), 2)
	equal(t, "lanes after the claim", t.dueLanes(), "b c")
}

func testClaimOrder(t *T) {
	env := from("s@example.org")
	for i, n := range []int{3, 1, 2, 0, 4} {
		t.send(env, "x", job(lane("a"), t.past(time.Hour-time.Duration(n)*time.Minute), fmt.Sprintf("r%d@a.example", n)))
		t.send(env, "x", job(lane("other"), t.past(time.Hour), fmt.Sprintf("o%d@a.example", i)))
	}
	late := spool.ClaimReq{Lane: lane("a"), From: t.past(57*time.Minute + time.Second), Before: t.now(), Max: 1, LeaseFor: 0}
	jobs, err := t.Claim(t.ctx(), late)
	t.must(err)
	equal(t, "from a time on", names(jobs), "r3")
	time.Sleep(time.Millisecond) // its lease runs out
	ask := spool.ClaimReq{Lane: lane("a"), Before: t.past(58 * time.Minute), Max: 2, LeaseFor: time.Minute}
	jobs, err = t.Claim(t.ctx(), ask)
	t.must(err)
	equal(t, "first", names(jobs), "r0 r1")
	jobs, err = t.Claim(t.ctx(), ask)
	t.must(err)
	equal(t, "second", names(jobs), "r2")
	equal(t, "rest", names(t.claim(lane("a"))), "r3 r4")
	jobs, err = t.Claim(t.ctx(), spool.ClaimReq{Lane: lane("none"), Before: t.now(), Max: 2})
	t.must(err)
	equal(t, "unknown lane", len(jobs), 0)
}

func testLease(t *T) {
	t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "a@a.example"))
	short := spool.ClaimReq{Lane: lane("a"), Before: t.now(), Max: 1, LeaseFor: 20 * time.Millisecond}
	first, err := t.Claim(t.ctx(), short)
	t.must(err)
	l, err := t.Extend(t.ctx(), first[0].Lease, 50*time.Millisecond)
	t.must(err)
	if !l.Until.After(first[0].Lease.Until) || l.Token != first[0].Lease.Token {
		t.Errorf("extended %+v to %+v", first[0].Lease, l)
	}
	time.Sleep(80 * time.Millisecond)
	equal(t, "lanes after the lease ran out", t.dueLanes(), "a")
	second := t.one(lane("a"))
	t.want(t.Update(t.ctx(), l, ends(spool.Delivered, 0), nil), spool.ErrFenced)
	_, err = t.Extend(t.ctx(), l, time.Minute)
	t.want(err, spool.ErrFenced)
	t.want(t.Replace(t.ctx(), l, nil), spool.ErrFenced)
	t.must(t.Update(t.ctx(), second.Lease, ends(spool.Delivered, 0), nil))
	t.want(t.Update(t.ctx(), second.Lease, ends(spool.Delivered, 0), nil), spool.ErrFenced)

	// What ran out and was extended runs out again.
	t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "a@a.example"))
	again, err := t.Claim(t.ctx(), short)
	t.must(err)
	time.Sleep(40 * time.Millisecond)
	equal(t, "lanes after the lease ran out", t.dueLanes(), "a")
	l, err = t.Extend(t.ctx(), again[0].Lease, 20*time.Millisecond)
	t.must(err)
	time.Sleep(40 * time.Millisecond)
	equal(t, "lanes after the extended lease ran out", t.dueLanes(), "a")
	t.must(t.Update(t.ctx(), l, ends(spool.Delivered, 0), nil))

	// Nobody else took it: the holder of a lease that ran out may still write.
	t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "a@a.example"))
	late, err := t.Claim(t.ctx(), short)
	t.must(err)
	time.Sleep(40 * time.Millisecond)
	t.must(t.Update(t.ctx(), late[0].Lease, ends(spool.Delivered, 0), nil))
	equal(t, "entries", len(t.list(spool.Filter{})), 0)
}

// testLeaseRanOut: the holder of a lease that ran out goes on, since nobody else
// took the job. What he makes of it is all that counts from then on: it sleeps, and
// so comes before another that was due later than it had been itself.
func testLeaseRanOut(t *T) {
	for name, meanwhile := range map[string]func(spool.Lease) spool.Lease{
		"nothing": func(l spool.Lease) spool.Lease { return l },
		"seen to have run out": func(l spool.Lease) spool.Lease {
			equal(t, "lanes with a lease that ran out", t.dueLanes(), "a")
			return l
		},
		"extended": func(l spool.Lease) spool.Lease {
			equal(t, "lanes with a lease that ran out", t.dueLanes(), "a")
			l, err := t.Extend(t.ctx(), l, time.Minute)
			t.must(err)
			equal(t, "lanes with a lease that was extended", t.dueLanes(), "")
			return l
		},
		"retried": func(l spool.Lease) spool.Lease {
			t.change(spool.Filter{Nexthop: "a"}, spool.ActionRetry, 1)
			return l
		},
		"held and released": func(l spool.Lease) spool.Lease {
			t.change(spool.Filter{Nexthop: "a"}, spool.ActionHold, 1)
			t.change(spool.Filter{Nexthop: "a"}, spool.ActionRelease, 1)
			return l
		},
	} {
		t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "first@a.example"))
		jobs, err := t.Claim(t.ctx(), spool.ClaimReq{Lane: lane("a"), Before: t.now(), Max: 1, LeaseFor: time.Millisecond})
		t.must(err)
		time.Sleep(3 * time.Millisecond)
		t.must(t.Update(t.ctx(), meanwhile(jobs[0].Lease), t.sleeps(time.Hour), nil))
		t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Minute), "second@a.example"))
		jobs = t.claim(lane("a"))
		equal(t, "claimed after "+name, names(jobs), "first second")
		for _, j := range jobs {
			t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil))
		}
	}
}

func testUpdate(t *T) {
	id := t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "r0@a.example", "r1@a.example", "r2@a.example"))
	j := t.one(lane("a"))
	deferred := mail.Reply{Code: 452, Enhanced: "4.2.2", Text: "full"}
	o := ends(spool.Delivered, 1)
	o.Changes = append(o.Changes, spool.RecipientChange{N: 2, Reply: deferred, Remote: "mx.a.example", Warned: true})
	o.Next = t.past(time.Minute)
	t.must(t.Update(t.ctx(), j.Lease, o, nil))

	j = t.one(lane("a"))
	equal(t, "attempts", j.Attempts, 1)
	equal(t, "due", j.Due.UnixMicro(), o.Next.UnixMicro())
	if since := t.now().Sub(j.LastTry); since < 0 || since > time.Minute {
		t.Errorf("last try %v ago", since)
	}
	equal(t, "waiting", len(j.Recipients), 2)
	equal(t, "untouched", j.Recipients[0], spool.Recipient{N: 0, Final: rcpt("r0@a.example").Final})
	equal(t, "deferred", j.Recipients[1], spool.Recipient{N: 2, Final: rcpt("r2@a.example").Final, Reply: deferred, Remote: "mx.a.example", Warned: true})
	all := t.list(spool.Filter{})[0].Job.Recipients
	equal(t, "all recipients", len(all), 3)
	equal(t, "state of r1", all[1].State, spool.Delivered)
	equal(t, "reply of r1", all[1].Reply.Code, 250)

	t.must(t.Update(t.ctx(), j.Lease, spool.Outcome{Next: t.now().Add(time.Hour), Uncount: true}, nil))
	equal(t, "lanes", t.dueLanes(), "")
	e := t.list(spool.Filter{})[0]
	equal(t, "attempts", e.Job.Attempts, 1)
	equal(t, "last try", e.Job.LastTry.Equal(j.LastTry), true)
	equal(t, "body", t.body(id), "x")
}

func testUpdateEnds(t *T) {
	env := from("s@example.org")
	id := t.send(env, "x", job(lane("a"), t.past(time.Hour), "a@a.example"), job(lane("b"), t.past(time.Hour), "b@b.example"), job(lane("a"), t.past(time.Hour), "c@a.example"))
	for _, j := range t.claim(lane("a")) {
		t.must(t.Update(t.ctx(), j.Lease, ends(spool.Failed, 0), nil))
	}
	equal(t, "left", entryNames(t.list(spool.Filter{})), "b")
	equal(t, "body", t.body(id), "x")
	j := t.one(lane("b"))
	equal(t, "number", j.N, 1)
	t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil))
	t.gone(id)
	equal(t, "left", len(t.list(spool.Filter{})), 0)
	equal(t, "lanes", t.dueLanes(), "")
}

func testUpdateRefuses(t *T) {
	t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "a@a.example", "b@a.example"))
	j := t.one(lane("a"))
	t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil))
	j = t.one(lane("a"))
	for _, o := range []spool.Outcome{ends(spool.Failed, 0), ends(spool.Failed, 2), ends(spool.Failed, -1), ends(spool.Failed, 1, 1)} {
		t.want(t.Update(t.ctx(), j.Lease, o, nil), spool.ErrInvalid)
	}
	d := t.draft("not prepared")
	t.want(t.Update(t.ctx(), j.Lease, ends(spool.Failed, 1), []spool.Draft{d}), spool.ErrInvalid)
	d.Abort()
	// The lease still holds.
	t.must(t.Update(t.ctx(), j.Lease, ends(spool.Failed, 1), nil))
	equal(t, "left", len(t.list(spool.Filter{})), 0)
}

func testSpawn(t *T) {
	id := t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "a@a.example"))
	j := t.one(lane("a"))
	d := t.draft("dsn")
	t.must(d.Prepare(from(""), []spool.Job{job(lane("b"), t.past(time.Hour), "s@b.example")}))
	equal(t, "lanes before", t.dueLanes(), "")
	stale := j.Lease
	stale.Token += 1000
	t.want(t.Update(t.ctx(), stale, ends(spool.Failed, 0), []spool.Draft{d}), spool.ErrFenced)
	t.want(t.Update(t.ctx(), j.Lease, ends(spool.Failed, 0), []spool.Draft{d, d}), spool.ErrInvalid)
	t.must(t.Update(t.ctx(), j.Lease, ends(spool.Failed, 0), []spool.Draft{d}))
	d.Abort()
	t.gone(id)
	equal(t, "dsn", t.body(d.ID()), "dsn")
	j = t.one(lane("b"))
	equal(t, "claimed", j.Message, d.ID())
	t.want(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), []spool.Draft{d}), spool.ErrInvalid)
	t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil))
	t.gone(d.ID())
}

func testReplace(t *T) {
	id := t.send(from("s@example.org"), "x", job(lane("a"), t.past(time.Hour), "r0@a.example", "r1@a.example", "r2@a.example"))
	j := t.one(lane("a"))
	t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 1), nil))
	j = t.one(lane("a"))
	split := func(lanes ...string) []spool.Job {
		var out []spool.Job
		for i, l := range lanes {
			n := j
			n.Lane, n.Recipients = lane(l), j.Recipients[i:i+1]
			out = append(out, n)
		}
		return out
	}
	for _, bad := range [][]spool.Job{nil, split("b"), append(split("b", "c"), split("d")...), append(split("b", "c"), spool.Job{})} {
		t.want(t.Replace(t.ctx(), j.Lease, bad), spool.ErrInvalid)
	}
	t.must(t.Replace(t.ctx(), j.Lease, split("b", "c")))
	t.want(t.Replace(t.ctx(), j.Lease, split("b", "c")), spool.ErrFenced)
	equal(t, "left", entryNames(t.list(spool.Filter{})), "r0 r2")
	equal(t, "in a", len(t.claim(lane("a"))), 0)
	b, c := t.one(lane("b")), t.one(lane("c"))
	equal(t, "attempts", b.Attempts, 1)
	equal(t, "number of b", b.N, 1)
	equal(t, "number of c", c.N, 2)
	equal(t, "recipient of c", c.Recipients[0].N, 0)
	t.must(t.Update(t.ctx(), b.Lease, ends(spool.Delivered, 0), nil))
	equal(t, "body", t.body(id), "x")
	t.must(t.Update(t.ctx(), c.Lease, ends(spool.Delivered, 0), nil))
	t.gone(id)
}
