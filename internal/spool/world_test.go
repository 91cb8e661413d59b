package spool_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// epoch is when the scripted workload takes place.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a store with the names that a script gave to its messages. The same
// script runs over the store under test and over the model.
type world struct {
	store spool.Store
	ids   map[string]spool.ID
	names map[spool.ID]string
}

func newWorld(s spool.Store) *world {
	return &world{store: s, ids: map[string]spool.ID{}, names: map[spool.ID]string{}}
}

// step is one call that is acknowledged or not.
type step struct {
	name string
	do   func(*world) error
}

// body of a message: its name, and as much more as it shall be long.
func body(name string, size int) string {
	return name + "\r\n" + strings.Repeat(name+" 0123456789abcdef\r\n", size/(len(name)+19))
}

func recipients(n int) []spool.Recipient {
	var out []spool.Recipient
	for i := range n {
		out = append(out, spool.Recipient{Final: mail.Address{Local: fmt.Sprintf("r%d", i), Domain: "example.com"}})
	}
	return out
}

// draft writes a message with a job for each number of recipients, all in lanes
// named after it.
func (w *world) draft(name string, size int, rcpts ...int) (spool.Draft, spool.Envelope, []spool.Job, error) {
	d, err := w.store.Create(context.Background())
	if err != nil {
		return nil, spool.Envelope{}, nil, err
	}
	w.ids[name], w.names[d.ID()] = d.ID(), name
	if _, err := io.WriteString(d, body(name, size)); err != nil {
		d.Abort()
		return nil, spool.Envelope{}, nil, err
	}
	env := spool.Envelope{Sender: mail.Path{Address: mail.Address{Local: name, Domain: "example.org"}}, Helo: name, Arrived: epoch}
	var jobs []spool.Job
	for i, n := range rcpts {
		jobs = append(jobs, spool.Job{
			Lane: spool.Lane{Tenant: "acme", Transport: "t", Nexthop: fmt.Sprint(name, i)}, Sender: env.Sender,
			Due: epoch.Add(-time.Hour), Recipients: recipients(n),
		})
	}
	return d, env, jobs, nil
}

func commit(name string, size int, rcpts ...int) step {
	return step{"commit " + name, func(w *world) error {
		d, env, jobs, err := w.draft(name, size, rcpts...)
		if err != nil {
			return err
		}
		defer d.Abort()
		return d.Commit(env, jobs)
	}}
}

func abort(name string, size int) step {
	return step{"abort " + name, func(w *world) error {
		d, _, _, err := w.draft(name, size, 1)
		if err == nil {
			d.Abort()
		}
		return err
	}}
}

// claim takes the job of a lane.
func (w *world) claim(lane string) (spool.Job, error) {
	jobs, err := w.store.Claim(context.Background(), spool.ClaimReq{
		Lane: spool.Lane{Tenant: "acme", Transport: "t", Nexthop: lane}, Before: epoch.Add(24 * time.Hour), Max: 1, LeaseFor: time.Hour,
	})
	if err == nil && len(jobs) != 1 {
		err = fmt.Errorf("lane %s has %d jobs", lane, len(jobs))
	}
	if err != nil {
		return spool.Job{}, err
	}
	return jobs[0], nil
}

// update ends some recipients of the job of a lane; spawn names a DSN.
func update(lane string, spawn string, size int, ended ...int) step {
	return step{"update " + lane, func(w *world) error {
		j, err := w.claim(lane)
		if err != nil {
			return err
		}
		o := spool.Outcome{Next: epoch.Add(time.Hour)}
		for _, n := range ended {
			o.Changes = append(o.Changes, spool.RecipientChange{N: n, State: spool.Failed, Reply: mail.Reply{Code: 550, Text: "no"}, Remote: "mx"})
		}
		var drafts []spool.Draft
		if spawn != "" {
			d, env, jobs, err := w.draft(spawn, size, 1)
			if err != nil {
				return err
			}
			defer d.Abort()
			if err := d.Prepare(env, jobs); err != nil {
				return err
			}
			drafts = append(drafts, d)
		}
		return w.store.Update(context.Background(), j.Lease, o, drafts)
	}}
}

// replace splits the job of a lane, a job for each recipient.
func replace(lane string, to ...string) step {
	return step{"replace " + lane, func(w *world) error {
		j, err := w.claim(lane)
		if err != nil {
			return err
		}
		var jobs []spool.Job
		for i, l := range to {
			n := j
			n.Lane.Nexthop, n.Recipients = l, j.Recipients[i:i+1]
			jobs = append(jobs, n)
		}
		return w.store.Replace(context.Background(), j.Lease, jobs)
	}}
}

// reassign divides the job of a message, which has one, as replace does, without a
// lease.
func reassign(name string, to ...string) step {
	return step{"reassign " + name, func(w *world) error {
		var seen spool.Job
		err := w.store.Scan(context.Background(), spool.Filter{IDs: []spool.ID{w.ids[name]}}, func(e spool.Entry) error {
			seen = e.Job
			return nil
		})
		if err != nil {
			return err
		}
		return w.store.Reassign(context.Background(), seen, divided(seen, to))
	}}
}

// divided gives the waiting recipients of a job to lanes in turn.
func divided(j spool.Job, to []string) []spool.Job {
	jobs := make([]spool.Job, len(to))
	for i, l := range to {
		jobs[i] = j
		jobs[i].Lane.Nexthop, jobs[i].Recipients = l, nil
	}
	n := 0
	for _, r := range j.Recipients {
		if r.State == spool.Waiting {
			jobs[n%len(to)].Recipients = append(jobs[n%len(to)].Recipients, r)
			n++
		}
	}
	return jobs
}

// move hands one recipient of the job of a lane on to another lane and defers
// the rest.
func move(lane, to string, n int) step {
	return step{"move " + lane, func(w *world) error {
		j, err := w.claim(lane)
		if err != nil {
			return err
		}
		next := j
		next.Lane.Nexthop, next.Recipients = to, j.Recipients[n:n+1]
		return w.store.Update(context.Background(), j.Lease, spool.Outcome{
			Changes: []spool.RecipientChange{{N: j.Recipients[n].N, State: spool.Moved}},
			Next:    epoch.Add(time.Hour), Jobs: []spool.Job{next},
		}, nil)
	}}
}

// act changes a message, which has one job.
func act(name string, a spool.Action) step {
	return step{fmt.Sprint("action ", a, " on ", name), func(w *world) error {
		_, err := w.store.Change(context.Background(), spool.Filter{IDs: []spool.ID{w.ids[name]}}, a, nil)
		return err
	}}
}

// actIn changes the job of a lane: a message with several jobs is changed job by
// job, so that a crash may come between two.
func actIn(lane string, a spool.Action) step {
	return step{fmt.Sprint("action ", a, " in ", lane), func(w *world) error {
		_, err := w.store.Change(context.Background(), spool.Filter{Nexthop: lane}, a, nil)
		return err
	}}
}

// day is a day in the life of a spool; n sets its names apart from other days'.
func day(n string) []step {
	return []step{
		commit(n+"small", 100, 1),
		commit(n+"two", 3000, 2, 1),
		commit(n+"big", 50_000, 3),
		update(n+"two0", "", 0, 0),
		update(n+"big0", n+"dsn", 200, 1),
		abort(n+"aborted", 200),
		abort(n+"bigaborted", 50_000),
		act(n+"small", spool.ActionHold),
		replace(n+"two0", n+"twonew"),
		update(n+"two1", "", 0, 0),
		commit(n+"many", 10_000, 20),
		update(n+"dsn0", "", 0, 0),
		act(n+"small", spool.ActionRelease),
		update(n+"twonew", n+"bigdsn", 40_000, 0),
		reassign(n+"bigdsn", n+"bigdsnA"),
		act(n+"bigdsn", spool.ActionRemove),
		update(n+"many0", "", 0, 3, 4, 5, 19),
		reassign(n+"many", n+"many0", n+"manyB"),
		update(n+"manyB", "", 0, 1, 3),
		move(n+"many0", n+"moved", 2),
		update(n+"moved", "", 0, 0),
		replace(n+"big0", n+"bigA", n+"bigB"),
		update(n+"bigA", "", 0),
		update(n+"bigA", "", 0, 0),
		update(n+"bigB", n+"last", 500, 0),
		act(n+"last", spool.ActionRetry),
		update(n+"small0", "", 0, 0),
	}
}

// script is a few days; what one leaves behind is there in the next.
func script() []step { return days(4) }

// days is a script of so many.
func days(many int) []step {
	var out []step
	for n := range many {
		out = append(out, day(dayName(n))...)
	}
	out = append(out, update("amany0", "", 0, 0, 1, 6))
	for _, a := range []spool.Action{spool.ActionHold, spool.ActionRemove} {
		out = append(out, actIn("amany0", a), actIn("amanyB", a))
	}
	return out
}

// dayName is a, b, … z, aa, ab, …
func dayName(n int) string {
	name := string(rune('a' + n%26))
	if n >= 26 {
		name = dayName(n/26-1) + name
	}
	return name
}

// dump writes all that a store holds, message by message.
func (w *world) dump() (string, error) {
	var lines []string
	err := w.store.Scan(context.Background(), spool.Filter{}, func(e spool.Entry) error {
		j := e.Job
		env, b, err := w.store.Open(context.Background(), j.Message)
		if err != nil {
			return fmt.Errorf("%v: %w", j.Message, err)
		}
		defer b.Close()
		data, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
		if err != nil {
			return err
		}
		if env.Sender != e.Envelope.Sender {
			return fmt.Errorf("two envelopes for %v", j.Message)
		}
		line := fmt.Sprintf("%s %s %d %08x job %d lane %s held %v attempts %d due %d last %d sender %s:", env.Helo, env.Sender, env.Size,
			crc32.ChecksumIEEE(data), j.N, j.Lane, j.Held, j.Attempts, j.Due.Unix(), j.LastTry.Unix(), j.Sender)
		for _, r := range j.Recipients {
			line += fmt.Sprintf(" %d %s %d %s %s", r.N, r.Final, r.State, r.Reply, r.Remote)
		}
		lines = append(lines, line)
		return nil
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n"), err
}

// TestScript: the script does what it says on the store as on the model, with
// nothing failing.
func TestScript(t *testing.T) {
	tested, model := newWorld(open(t, crashOptions(nil))), newWorld(newModel())
	for _, s := range script() {
		if err := s.do(tested); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if err := s.do(model); err != nil {
			t.Fatalf("model: %s: %v", s.name, err)
		}
		got, err := tested.dump()
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if want, _ := model.dump(); got != want {
			t.Fatalf("after %s:\n%s\nwant:\n%s", s.name, got, want)
		}
	}
}
