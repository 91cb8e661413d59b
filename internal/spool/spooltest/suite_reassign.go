package spooltest

import (
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// testReassign: a job that nobody has is divided among other lanes, once, and only
// as it was seen.
func testReassign(t *T) {
	id := t.send(from("s@example.org"), "x", job(lane("old"), t.now().Add(time.Hour), "r0@a.example", "r1@a.example", "r2@a.example"))
	j := t.list(spool.Filter{})[0].Job
	to := func(name string, of ...int) spool.Job {
		next := j
		next.Lane, next.Due, next.Recipients = lane(name), t.past(time.Minute), nil
		for _, n := range of {
			next.Recipients = append(next.Recipients, j.Recipients[n])
		}
		return next
	}
	for _, jobs := range [][]spool.Job{nil, {to("a", 0, 1)}, {to("a", 0, 1), to("b", 1, 2)}, {to("a", 0, 1, 2), to("b")}} {
		t.want(t.Reassign(t.ctx(), j, jobs), spool.ErrInvalid)
	}
	t.must(t.Reassign(t.ctx(), j, []spool.Job{to("a", 0, 2), to("b", 1)}))
	t.want(t.Reassign(t.ctx(), j, []spool.Job{to("c", 0, 1, 2)}), spool.ErrNotFound)
	equal(t, "lanes", t.dueLanes(), "a b")

	// What an attempt has is left to it, and is another job afterwards.
	j = t.one(lane("a"))
	seen := t.list(spool.Filter{})[0].Job
	t.want(t.Reassign(t.ctx(), seen, []spool.Job{to("c", 0, 1)}), spool.ErrBusy)
	o := ends(spool.Delivered, 1)
	o.Next = t.past(time.Minute)
	t.must(t.Update(t.ctx(), j.Lease, o, nil))
	t.want(t.Reassign(t.ctx(), seen, []spool.Job{to("c", 0, 1)}), spool.ErrFenced)

	// Held mail stays held.
	t.change(spool.Filter{}, spool.ActionHold, 2)
	for _, e := range t.list(spool.Filter{}) {
		next := e.Job
		next.Lane, next.Held, next.Recipients = lane("c"), false, nil
		for _, r := range e.Job.Recipients {
			if r.State == spool.Waiting {
				next.Recipients = append(next.Recipients, r)
			}
		}
		t.must(t.Reassign(t.ctx(), e.Job, []spool.Job{next}))
	}
	equal(t, "lanes", t.dueLanes(), "")
	t.change(spool.Filter{}, spool.ActionRelease, 2)
	equal(t, "body", t.body(id), "x")
	for _, j := range t.claim(lane("c")) {
		t.must(t.Update(t.ctx(), j.Lease, ends(spool.Delivered, 0), nil))
	}
	t.gone(id)
}
