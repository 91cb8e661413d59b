package spooltest

import (
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// testMove: an outcome that ends one recipient, moves two to other lanes and
// leaves one, in one batch.
func testMove(t *T) {
	first := job(lane("old"), t.past(time.Hour), "r0@a.example", "r1@a.example", "r2@a.example", "r3@a.example")
	first.Homed = true
	id := t.send(from("s@example.org"), "x", first)
	j := t.one(lane("old"))
	equal(t, "homed", j.Homed, true)
	o := ends(spool.Delivered, 0)
	o.Changes = append(o.Changes, ends(spool.Moved, 1, 3).Changes...)
	o.Next = t.past(time.Minute)
	to := func(name string, n int) spool.Job {
		next := j
		next.Lane, next.Attempts, next.Due = lane(name), 0, t.past(time.Second)
		next.Recipients = []spool.Recipient{j.Recipients[n]}
		next.Recipients[0].NotBy = "old"
		return next
	}
	bad := [][]spool.Job{nil, {to("new", 1)}, {to("new", 1), to("b", 1)}, {to("new", 1), to("b", 2)}, {to("new", 1), to("b", 3), to("c", 0)}}
	for _, jobs := range bad {
		o.Jobs = jobs
		t.want(t.Update(t.ctx(), j.Lease, o, nil), spool.ErrInvalid)
	}
	o.Jobs = []spool.Job{to("new", 1), to("b", 3)}
	t.must(t.Update(t.ctx(), j.Lease, o, nil))
	equal(t, "left", entryNames(t.list(spool.Filter{})), "r0 r1 r3")

	moved := t.one(lane("new"))
	equal(t, "who moved", moved.Recipients[0].Final, rcpt("r1@a.example").Final)
	equal(t, "not by", moved.Recipients[0].NotBy, "old")
	equal(t, "still homed", moved.Homed, true)
	equal(t, "attempts", moved.Attempts, 0)
	t.must(t.Update(t.ctx(), moved.Lease, ends(spool.Delivered, 0), nil))

	// All that is left of a job may move.
	j = t.one(lane("old"))
	equal(t, "who stayed", names([]spool.Job{j}), "r2")
	o = ends(spool.Moved, 2)
	last := to("new", 0)
	o.Jobs = []spool.Job{last}
	t.must(t.Update(t.ctx(), j.Lease, o, nil))
	equal(t, "in old", len(t.claim(lane("old"))), 0)
	for _, name := range []string{"b", "new"} {
		equal(t, "body", t.body(id), "x")
		t.must(t.Update(t.ctx(), t.one(lane(name)).Lease, ends(spool.Delivered, 0), nil))
	}
	t.gone(id)

	// A message of one job goes with the job that took its place.
	id = t.send(from("s@example.org"), "y", job(lane("old"), t.past(time.Hour), "r0@a.example"))
	j = t.one(lane("old"))
	o = ends(spool.Moved, 0)
	o.Jobs = []spool.Job{to("new", 0)}
	t.must(t.Update(t.ctx(), j.Lease, o, nil))
	t.must(t.Update(t.ctx(), t.one(lane("new")).Lease, ends(spool.Delivered, 0), nil))
	t.gone(id)
	equal(t, "left", len(t.list(spool.Filter{})), 0)
}
