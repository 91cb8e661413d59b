package spooltest

import (
	"context"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// sleeps is an outcome that puts a job to sleep for d at most.
func (t *T) sleeps(d time.Duration) spool.Outcome {
	return spool.Outcome{Next: t.now().Add(d), Uncount: true, Asleep: true}
}

// testSleep: a job asleep is due when its lane is awake, before the others, and
// when its time has come though the lane sleeps.
func testSleep(t *T) {
	env := from("s@example.org")
	for _, r := range []string{"late@a.example", "early@a.example", "new@a.example"} {
		t.send(env, "x", job(lane("a"), t.past(time.Minute), r))
	}
	t.send(env, "x", job(lane("b"), t.past(time.Hour), "b@b.example"))
	for i, j := range t.claim(lane("a")) {
		o := t.sleeps(time.Duration(3-i) * time.Hour)
		if j.Recipients[0].Final.Local == "new" {
			o = spool.Outcome{Next: t.past(time.Minute), Uncount: true}
		}
		t.must(t.Update(t.ctx(), j.Lease, o, nil))
	}
	lanes, err := t.Lanes(t.ctx(), t.now(), 10)
	t.must(err)
	equal(t, "lanes: the one with jobs asleep first, and once more", len(lanes), 3)
	if l := lanes[0]; l.Lane != lane("a") || !l.Asleep || !l.Due.After(t.now().Add(time.Hour)) || lanes[1].Asleep || lanes[2].Asleep {
		t.Errorf("lanes %+v", lanes)
	}
	ask := spool.ClaimReq{Lane: lane("a"), From: t.past(time.Hour), Before: t.now(), Max: 9, LeaseFor: time.Millisecond}
	jobs, err := t.Claim(t.ctx(), ask)
	t.must(err)
	equal(t, "from a time on", names(jobs), "new")
	time.Sleep(3 * time.Millisecond) // its lease runs out
	ask.From, ask.Asleep = time.Time{}, true
	jobs, err = t.Claim(t.ctx(), ask)
	t.must(err)
	equal(t, "while the lane sleeps", names(jobs), "new")
	time.Sleep(3 * time.Millisecond)
	ask.Before = t.now().Add(150 * time.Minute)
	jobs, err = t.Claim(t.ctx(), ask)
	t.must(err)
	equal(t, "and when the time of one has come", names(jobs), "early new")
	time.Sleep(3 * time.Millisecond)
	jobs = t.claim(lane("a"))
	equal(t, "when it is awake", names(jobs), "early late new")
	if !jobs[0].Asleep || jobs[2].Asleep || jobs[0].Attempts != 0 {
		t.Errorf("jobs %+v", jobs)
	}
	for _, j := range jobs {
		t.must(t.Update(t.ctx(), j.Lease, t.sleeps(time.Hour), nil))
	}
	t.rouse()
}

// rouse: an administrator's word wakes a job.
func (t *T) rouse() {
	t.change(spool.Filter{IDs: nil, Nexthop: "a", Limit: 1}, spool.ActionRetry, 1)
	t.change(spool.Filter{Nexthop: "a"}, spool.ActionHold, 3)
	equal(t, "held", len(t.claim(lane("a"))), 0)
	t.change(spool.Filter{Nexthop: "a"}, spool.ActionRelease, 3)
	ask := spool.ClaimReq{Lane: lane("a"), Before: t.now(), Asleep: true, Max: 9, LeaseFor: time.Minute}
	jobs, err := t.Claim(t.ctx(), ask)
	t.must(err)
	equal(t, "awake", len(jobs), 3)
}

// testNextDue: who claims all that is due is told what comes next, if it comes
// soon, though its own hint was long ago.
func testNextDue(t *T) {
	env := from("s@example.org")
	t.send(env, "x", job(lane("a"), t.past(time.Hour), "a@a.example"))
	next := t.now().Add(20 * time.Second)
	t.send(env, "x", job(lane("a"), next, "b@a.example"), job(lane("b"), t.past(0), "b@b.example"),
		job(lane("b"), t.now().Add(time.Hour), "c@b.example"))
	ctx, cancel := context.WithCancel(t.ctx())
	defer cancel()
	hints, err := t.Watch(ctx)
	t.must(err)
	equal(t, "claimed of b", len(t.claim(lane("b"))), 1)
	equal(t, "claimed of a", len(t.claim(lane("a"))), 1)
	h := <-hints
	if h.Lane != lane("a") || h.Due.UnixMicro() != next.UnixMicro() {
		t.Errorf("hint %+v, want a due %v", h, next)
	}
	equal(t, "more hints", len(hints), 0)
}
