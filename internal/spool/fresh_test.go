package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// freshStore has room for n small messages as fresh and as many drafts.
func freshStore(t *testing.T, n int64) (p *Pebble, now *time.Time) {
	t.Helper()
	now = new(time.Time)
	*now = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	p, err := Open(Options{Dir: "spool", FS: vfs.NewMem(), MinFree: -1, Budget: 2 * n * pageSize, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, now
}

func arrive(t *testing.T, p *Pebble, text string) ID {
	t.Helper()
	return arriveFor(t, p, "a", text)
}

func arriveFor(t *testing.T, p *Pebble, nexthop, text string) ID {
	t.Helper()
	d, err := p.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(d, text); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(Envelope{Client: text}, []Job{{Lane: Lane{Nexthop: nexthop}, Recipients: []Recipient{{}, {}}}}); err != nil {
		t.Fatal(err)
	}
	return d.ID()
}

func claimAll(t *testing.T, p *Pebble) []Job {
	t.Helper()
	jobs, err := p.Claim(context.Background(), ClaimReq{Lane: Lane{Nexthop: "a"}, Before: p.now(), Max: 100, LeaseFor: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func isFresh(p *Pebble, id ID) bool {
	_, _, ok := p.fresh.open(id)
	return ok
}

// TestFresh: the first attempt has the message from memory, as the disk has it,
// and its body outlives the message for who reads it, until he closes it.
func TestFresh(t *testing.T) {
	p, _ := freshStore(t, 2)
	id := arrive(t, p, "first")
	if !isFresh(p, id) {
		t.Fatal("a message that has just arrived is not in memory")
	}
	env, body, err := p.Open(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	stored, storedBody, err := p.openMessage(id)
	if err != nil || fmt.Sprint(env) != fmt.Sprint(stored) || storedBody.Size() != body.Size() {
		t.Fatalf("from memory %+v, from the disk %+v, %v", env, stored, err)
	}
	jobs := claimAll(t, p)
	if len(jobs) != 1 || len(jobs[0].Recipients) != 2 {
		t.Fatalf("claimed: %+v", jobs)
	}
	done := Outcome{Changes: []RecipientChange{{N: 0, State: Delivered}, {N: 1, State: Delivered}}}
	if err := p.Update(context.Background(), jobs[0].Lease, done, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Open(context.Background(), id); !errors.Is(err, ErrNotFound) {
		t.Errorf("opened after its end: %v", err)
	}
	if p.memory.free != p.opt.Budget {
		t.Errorf("%d octets of the budget are lost", p.opt.Budget-p.memory.free)
	}
	for range 4 {
		arrive(t, p, "later")
	}
	text, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
	if err != nil || !bytes.Equal(text, []byte("first")) {
		t.Errorf("the body in hand became %q, %v", text, err)
	}
	lent := body.(interface {
		Spans(func([][]byte) error) error
	})
	err = lent.Spans(func(spans [][]byte) error { text = bytes.Join(spans, nil); return io.ErrNoProgress })
	if err != io.ErrNoProgress || !bytes.Equal(text, []byte("first")) {
		t.Errorf("the body in hand is lent as %q, %v", text, err)
	}
	for range 2 { // twice, as a careless caller does
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
	if n, err := body.ReadAt(make([]byte, 1), 0); n != 0 || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read after Close: %d, %v", n, err)
	}
	if err := lent.Spans(func([][]byte) error { t.Error("lent after Close"); return nil }); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("lent after Close: %v", err)
	}
}

// TestFreshChanged: what an administrator changes before the first claim counts.
func TestFreshChanged(t *testing.T) {
	p, _ := freshStore(t, 2)
	id := arrive(t, p, "x")
	only := Filter{IDs: []ID{id}}
	if n, err := p.Change(context.Background(), only, ActionHold, nil); n.Jobs != 1 || err != nil {
		t.Fatal(n, err)
	}
	if jobs := claimAll(t, p); len(jobs) != 0 {
		t.Fatalf("a held job was claimed: %+v", jobs)
	}
	if n, err := p.Change(context.Background(), only, ActionRelease, nil); n.Jobs != 1 || err != nil {
		t.Fatal(n, err)
	}
	if jobs := claimAll(t, p); len(jobs) != 1 {
		t.Fatalf("claimed after the release: %+v", jobs)
	}
	if n, err := p.Change(context.Background(), only, ActionRemove, nil); n.Jobs != 1 || err != nil {
		t.Fatal(n, err)
	}
	if isFresh(p, id) || p.memory.free != p.opt.Budget {
		t.Errorf("a removed message stays in memory, %d of %d free", p.memory.free, p.opt.Budget)
	}
}

// TestFreshFull: what lies in memory stays, since it is delivered first; what
// has waited for long gives way, and so does all when drafts need the memory.
func TestFreshFull(t *testing.T) {
	p, now := freshStore(t, 2)
	a, b, c := arrive(t, p, "a"), arrive(t, p, "b"), arrive(t, p, "c")
	if !isFresh(p, a) || !isFresh(p, b) || isFresh(p, c) {
		t.Errorf("fresh: %v %v %v, want the first two", isFresh(p, a), isFresh(p, b), isFresh(p, c))
	}
	*now = now.Add(freshAge + time.Second)
	d := arrive(t, p, "d")
	if isFresh(p, a) || !isFresh(p, d) {
		t.Errorf("after a while the old one is fresh: %v, the new one: %v", isFresh(p, a), isFresh(p, d))
	}
	draft, err := p.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(draft, strings.Repeat("x", 4*pageSize)); err != nil {
		t.Fatal(err)
	}
	if isFresh(p, d) {
		t.Error("a draft does not get the memory of fresh messages")
	}
	draft.Abort()
	if p.memory.free != p.opt.Budget || p.fresh.held != 0 {
		t.Errorf("%d of %d free, %d held", p.memory.free, p.opt.Budget, p.fresh.held)
	}
	if jobs := claimAll(t, p); len(jobs) != 4 {
		t.Errorf("%d of 4 are claimed", len(jobs))
	}
}

// TestFreshShared: what one lane cannot work off leaves room to the mail of others,
// and all is given back.
func TestFreshShared(t *testing.T) {
	p, _ := freshStore(t, 9)
	fresh := func(nexthop string, most int) (n int) {
		for range most {
			if isFresh(p, arriveFor(t, p, nexthop, "x")) {
				n++
			}
		}
		return n
	}
	if n := fresh("a", 20); n != 6 {
		t.Errorf("%d messages of the first lane are fresh, want two thirds of 9", n)
	}
	for _, nexthop := range []string{"b", "c"} {
		if n := fresh(nexthop, 1); n != 1 {
			t.Errorf("beside a backlog %d messages for %s are fresh, want its one", n, nexthop)
		}
	}
	p.fresh.evict(1 << 40)
	if p.memory.free != p.opt.Budget || p.fresh.held != 0 || len(p.fresh.lanes) != 0 {
		t.Errorf("%d of %d free, %d held in %d lanes", p.memory.free, p.opt.Budget, p.fresh.held, len(p.fresh.lanes))
	}
}

// TestFreshDeferred: a message that waits for its next attempt holds no memory.
func TestFreshDeferred(t *testing.T) {
	p, now := freshStore(t, 2)
	id := arrive(t, p, "x")
	jobs := claimAll(t, p)
	if err := p.Update(context.Background(), jobs[0].Lease, Outcome{Next: now.Add(time.Hour)}, nil); err != nil {
		t.Fatal(err)
	}
	if isFresh(p, id) || p.memory.free != p.opt.Budget {
		t.Errorf("fresh %v, %d of %d free", isFresh(p, id), p.memory.free, p.opt.Budget)
	}
}

// TestFreshFlushed: of a message that ended with its first attempt a flush writes
// nothing; one that waited leaves no record either that could come back.
func TestFreshFlushed(t *testing.T) {
	for _, attempts := range []int{1, 2} {
		p, now := freshStore(t, 2)
		arrive(t, p, "x")
		for n := range attempts {
			jobs := claimAll(t, p)
			if len(jobs) != 1 {
				t.Fatalf("attempt %d: %d jobs", n, len(jobs))
			}
			o := Outcome{Next: now.Add(time.Hour), Changes: []RecipientChange{{N: 0, State: Waiting}, {N: 1, State: Waiting}}}
			if n == attempts-1 {
				o.Changes = []RecipientChange{{N: 0, State: Delivered}, {N: 1, State: Delivered}}
			}
			if err := p.Update(context.Background(), jobs[0].Lease, o, nil); err != nil {
				t.Fatal(err)
			}
			*now = now.Add(time.Hour)
		}
		if err := p.db.Flush(); err != nil {
			t.Fatal(err)
		}
		if n := p.db.Metrics().Total().TablesCount; attempts == 1 && n != 0 {
			t.Errorf("the flush of a message that ended at once wrote %d tables", n)
		}
		noJobs(t, p)
	}
}

// TestFreshChangedFlushed: nor does one come back that was changed while its first
// attempt ran.
func TestFreshChangedFlushed(t *testing.T) {
	p, _ := freshStore(t, 2)
	id := arrive(t, p, "x")
	jobs := claimAll(t, p)
	if n, err := p.Change(context.Background(), Filter{IDs: []ID{id}}, ActionHold, nil); n.Jobs != 1 || err != nil {
		t.Fatal(n, err)
	}
	done := Outcome{Changes: []RecipientChange{{N: 0, State: Delivered}, {N: 1, State: Delivered}}}
	if err := p.Update(context.Background(), jobs[0].Lease, done, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.db.Flush(); err != nil {
		t.Fatal(err)
	}
	noJobs(t, p)
}

func noJobs(t *testing.T, p *Pebble) {
	t.Helper()
	if err := p.each([]byte{famJob}, nil, func(key, _ []byte) bool {
		t.Errorf("%q is left", key)
		return true
	}); err != nil {
		t.Fatal(err)
	}
}
