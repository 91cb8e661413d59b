package spooltest

import (
	"fmt"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// testScanDetails: who asks for less gets the same jobs, and knows whose they are.
func testScanDetails(t *T) {
	env := from("s@example.org")
	env.Helo = "client.example"
	t.send(env, "12345", job(lane("a"), t.past(time.Hour), "a@a.example", "b@a.example"), job(lane("b"), time.Time{}, "b@b.example"))
	o := ends(spool.Delivered, 0)
	o.Next = t.past(time.Minute)
	t.must(t.Update(t.ctx(), t.one(lane("a")).Lease, o, nil))
	for _, d := range []spool.Detail{spool.DetailAll, spool.DetailRecipients, spool.DetailJob} {
		for _, f := range []spool.Filter{{Detail: d}, {Detail: d, Domain: "a.example"}} {
			e := t.list(f)[0]
			equal(t, "waiting", e.Waiting, 1)
			equal(t, "sender", e.Envelope.Sender.String(), "s@example.org")
			equal(t, "size", e.Envelope.Size, 5)
			equal(t, "arrived", e.Envelope.Arrived.Equal(e.Job.Arrived), true)
			equal(t, "lane", e.Job.Lane, lane("a"))
			if d != spool.DetailJob {
				equal(t, "recipients", len(e.Job.Recipients), 2)
			}
			if d == spool.DetailAll {
				equal(t, "helo", e.Envelope.Helo, "client.example")
			}
		}
	}
}

// testScanDuring: each job that was there is seen once, whatever its visitor makes of
// it, and what comes later is not.
func testScanDuring(t *T) {
	const messages, lanes = 7, 3
	for i := range messages {
		var jobs []spool.Job
		for n := range lanes {
			jobs = append(jobs, job(lane(fmt.Sprint(n)), t.now().Add(time.Hour), fmt.Sprintf("r%d-%d@x.example", i, n)))
		}
		t.send(from("s@example.org"), "x", jobs...)
	}
	filters := []spool.Filter{{}, {Domain: "x.example"}, {Sender: "s@example.org"}, {Transport: "internet"}, {OlderThan: t.now().Add(time.Minute)}}
	for _, f := range filters {
		seen := map[string]int{}
		t.must(t.Scan(t.ctx(), f, func(e spool.Entry) error {
			seen[e.Job.Recipients[0].Final.String()]++
			next := job(lane("elsewhere"), t.now().Add(time.Hour), "ignored@x.example")
			next.Recipients[0] = e.Job.Recipients[0]
			t.must(t.Reassign(t.ctx(), e.Job, []spool.Job{next}))
			t.send(from("s@example.org"), "x", job(lane("new"), t.now().Add(time.Hour), "new@x.example"))
			return nil
		}))
		equal(t, fmt.Sprintf("seen by %+v", f), len(seen), messages*lanes)
		equal(t, "seen of what came", seen["new@x.example"], 0)
		for who, n := range seen {
			equal(t, "times that "+who+" was seen", n, 1)
		}
		t.change(spool.Filter{IDs: t.idsTo("new@x.example")}, spool.ActionRemove, messages*lanes)
	}
}

// idsTo gives the messages to one address.
func (t *T) idsTo(address string) (ids []spool.ID) {
	for _, e := range t.list(spool.Filter{}) {
		if e.Job.Recipients[0].Final.String() == address {
			ids = append(ids, e.Job.Message)
		}
	}
	return ids
}
