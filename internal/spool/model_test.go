package spool_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

var modelSeeds = flag.Uint64("model.seeds", 0, "lives of the store beside its model; 0 is as many as fit the other tests")

// TestModel does random calls on the store and on the model: lists, claims and
// errors are the same at each step, over restarts, with windows so small that
// every lane is longer than its window, and with memory for one fresh message or
// for all.
func TestModel(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	if *exhaustive == "all" {
		seeds = 100
	}
	if *modelSeeds > 0 {
		seeds = *modelSeeds
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed) })
	}
}

// twins are a store and its model under one clock.
type twins struct {
	*testing.T
	rng           *rand.Rand
	now           time.Time
	tested, model *world
	options       spool.Options
	leases        []lease // in both
	serial        int
}

type lease struct{ tested, model spool.Job }

func runModel(t *testing.T, seed uint64) {
	w := &twins{T: t, rng: rand.New(rand.NewPCG(seed, 1)), now: epoch}
	clock := func() time.Time { return w.now }
	model := newModel()
	model.Now = clock
	w.options = spool.Options{
		Dir: "spool", FS: vfs.NewMem(), Now: clock, InlineMax: 1 << 10, MemTable: 64 << 10,
		MinFree: -1, Window: 1 + int(seed%3), Gather: 1 << (seed % 4 * 3), Page: 1 << (seed % 3 * 2), Budget: int64(32<<10) << (8 * (seed % 2)), Fatal: func(err error) { panic(err) },
		Log: slog.New(misuse{}),
	}
	w.model = newWorld(model)
	w.reopen()
	calls := []func(){w.commit, w.commit, w.claim, w.claim, w.claim, w.update, w.update, w.update, w.replace, w.reassign, w.change, w.tick, w.extend}
	for range 400 {
		calls[w.rng.IntN(len(calls))]()
		if w.rng.IntN(60) == 0 {
			w.reopen()
		}
		if w.rng.IntN(10) == 0 {
			w.compare()
		}
		if w.rng.IntN(20) == 0 {
			w.merge()
		}
		if t.Failed() {
			break
		}
	}
	w.compare()
	if err := w.tested.store.Close(); err != nil {
		t.Error(err)
	}
}

// reopen restarts the store; the model lets its leases run out.
func (w *twins) reopen() {
	if w.tested != nil {
		if err := w.tested.store.Close(); err != nil {
			w.Fatal(err)
		}
	}
	p, err := spool.Open(w.options)
	if err != nil {
		w.Fatal(err)
	}
	if w.tested == nil {
		w.tested = newWorld(p)
	}
	w.tested.store = p
	w.leases = nil
	w.now = w.now.Add(2 * time.Hour) // longer than any lease
}

// merge makes tables of what is in memory, or merges all tables, so that each key
// meets its deletions in another way.
func (w *twins) merge() {
	if err := w.tested.store.(*spool.Pebble).Merge(w.rng.IntN(2) == 0); err != nil {
		w.Fatal(err)
	}
}

func (w *twins) lane() spool.Lane {
	n := w.rng.IntN(3)
	return spool.Lane{Tenant: "acme", Transport: [...]string{"t", "t", "u"}[n], Nexthop: fmt.Sprint(n)}
}

// due is a time around now, in few steps so that jobs share it.
func (w *twins) due() time.Time { return w.now.Add(time.Duration(w.rng.IntN(7)-4) * time.Minute) }

func (w *twins) same(call string, a, b error) bool {
	w.Helper()
	for _, kind := range []error{nil, spool.ErrFenced, spool.ErrInvalid, spool.ErrNotFound, spool.ErrBusy} {
		if errors.Is(a, kind) != errors.Is(b, kind) {
			w.Fatalf("%s: %v, model %v", call, a, b)
		}
	}
	return a == nil
}

func (w *twins) commit() {
	w.serial++
	name, size := fmt.Sprintf("m%04d", w.serial), w.rng.IntN(3000)
	var jobs []spool.Job
	for range 1 + w.rng.IntN(3) {
		jobs = append(jobs, spool.Job{Lane: w.lane(), Due: w.due(), Held: w.rng.IntN(10) == 0, Recipients: recipients(1 + w.rng.IntN(6))})
	}
	do := func(x *world) error {
		d, env, _, err := x.draft(name, size)
		if err != nil {
			return err
		}
		defer d.Abort()
		return d.Commit(env, jobs)
	}
	w.same("commit", do(w.tested), do(w.model))
}

func (w *twins) claim() {
	req := spool.ClaimReq{Lane: w.lane(), Before: w.due(), Max: 1 + w.rng.IntN(4), LeaseFor: time.Duration(1+w.rng.IntN(60)) * time.Minute}
	switch w.rng.IntN(4) {
	case 0:
		req.From = w.due()
	case 1:
		req.Asleep = true
	}
	a, errA := w.tested.store.Claim(context.Background(), req)
	b, errB := w.model.store.Claim(context.Background(), req)
	if !w.same("claim", errA, errB) {
		return
	}
	if got, want := w.tested.jobs(a), w.model.jobs(b); got != want {
		w.Fatalf("claim of %s gives\n%s\nwant\n%s", req.Lane.Nexthop, got, want)
	}
	for i := range a {
		w.leases = append(w.leases, lease{a[i], b[i]})
	}
}

// jobs names jobs in order.
func (x *world) jobs(jobs []spool.Job) string {
	var out []string
	for _, j := range jobs {
		var n []string
		for _, r := range j.Recipients {
			n = append(n, fmt.Sprint(r.N))
		}
		out = append(out, fmt.Sprintf("%s/%d due %d attempts %d waiting %s", x.names[j.Message], j.N, j.Due.Unix(), j.Attempts, strings.Join(n, ",")))
	}
	return strings.Join(out, "\n")
}

// pick takes a lease, mostly for good: one used twice is fenced.
func (w *twins) pick() (lease, bool) {
	if len(w.leases) == 0 {
		return lease{}, false
	}
	i := w.rng.IntN(len(w.leases))
	l := w.leases[i]
	if w.rng.IntN(8) > 0 {
		w.leases = slices.Delete(w.leases, i, i+1)
	}
	return l, true
}

func (w *twins) update() {
	l, ok := w.pick()
	if !ok {
		return
	}
	o := spool.Outcome{Next: w.due(), Held: w.rng.IntN(8) == 0, Uncount: w.rng.IntN(4) == 0, Asleep: w.rng.IntN(3) == 0}
	var moves []spool.Recipient
	for _, r := range l.tested.Recipients {
		switch w.rng.IntN(12) {
		case 0:
			o.Changes = append(o.Changes, spool.RecipientChange{N: r.N, State: spool.Moved})
			moves = append(moves, r)
		case 1, 2, 3:
		default:
			state := spool.State(w.rng.IntN(3))
			o.Changes = append(o.Changes, spool.RecipientChange{N: r.N, State: state, Reply: mail.Reply{Code: 451}, Remote: "mx"})
		}
	}
	if len(moves) > 0 {
		o.Jobs = []spool.Job{{Lane: w.lane(), Due: w.due(), Recipients: moves}}
	}
	spawn := w.rng.IntN(3) == 0
	w.serial++
	name := fmt.Sprintf("m%04d", w.serial)
	jobs := []spool.Job{{Lane: w.lane(), Due: w.due(), Recipients: recipients(1)}}
	do := func(x *world, j spool.Job) error {
		var drafts []spool.Draft
		if spawn {
			d, env, _, err := x.draft(name, len(name)*200)
			if err != nil {
				return err
			}
			defer d.Abort()
			if err := d.Prepare(env, jobs); err != nil {
				return err
			}
			drafts = append(drafts, d)
		}
		return x.store.Update(context.Background(), j.Lease, o, drafts)
	}
	w.same("update", do(w.tested, l.tested), do(w.model, l.model))
}

func (w *twins) replace() {
	l, ok := w.pick()
	if !ok {
		return
	}
	to, due := w.lane(), w.due()
	cut := w.rng.IntN(len(l.tested.Recipients) + 1)
	do := func(x *world, j spool.Job) error {
		var jobs []spool.Job
		for _, part := range [][]spool.Recipient{j.Recipients[:cut], j.Recipients[cut:]} {
			if len(part) > 0 {
				n := j
				n.Lane, n.Due, n.Recipients = to, due, part
				jobs = append(jobs, n)
			}
		}
		return x.store.Replace(context.Background(), j.Lease, jobs)
	}
	w.same("replace", do(w.tested, l.tested), do(w.model, l.model))
}

// reassign divides a job of some message, whether it can be or not.
func (w *twins) reassign() {
	name, to := fmt.Sprintf("m%04d", 1+w.rng.IntN(w.serial+1)), []string{"0", "1"}[w.rng.IntN(2):]
	stale, at := w.rng.IntN(6) == 0, w.rng.IntN(3)
	do := func(x *world) error {
		var seen []spool.Job
		err := x.store.Scan(context.Background(), spool.Filter{Sender: name + "@example.org"}, func(e spool.Entry) error {
			seen = append(seen, e.Job)
			return nil
		})
		if err != nil || len(seen) == 0 {
			return err
		}
		j := seen[at%len(seen)]
		if stale {
			j.Attempts++
		}
		return x.store.Reassign(context.Background(), j, divided(j, to[:min(len(to), waiting(j))]))
	}
	w.same("reassign", do(w.tested), do(w.model))
}

func waiting(j spool.Job) (n int) {
	for _, r := range j.Recipients {
		if r.State == spool.Waiting {
			n++
		}
	}
	return n
}

func (w *twins) extend() {
	if l, ok := w.pick(); ok {
		_, errA := w.tested.store.Extend(context.Background(), l.tested.Lease, 10*time.Minute)
		_, errB := w.model.store.Extend(context.Background(), l.model.Lease, 10*time.Minute)
		w.same("extend", errA, errB)
		w.leases = append(w.leases, l)
	}
}

func (w *twins) change() {
	a := spool.Action(w.rng.IntN(4))
	filters := []spool.Filter{{}, {HeldOnly: true}, {Tenant: "acme", Limit: 3}, {Domain: "example.com", Limit: 2},
		{Transport: "u"}, {Transport: "t", Nexthop: "1"}, {Nexthop: "0", Limit: 2}, {Transport: "t", Tenant: "acme", Limit: 4}, {Transport: "t", HeldOnly: true}}
	f := filters[w.rng.IntN(len(filters))]
	if w.serial > 0 && w.rng.IntN(2) == 0 || a == spool.ActionRemove {
		f = spool.Filter{Sender: fmt.Sprintf("m%04d@example.org", 1+w.rng.IntN(max(w.serial, 1)))}
	}
	n, errA := w.tested.store.Change(context.Background(), f, a, nil)
	m, errB := w.model.store.Change(context.Background(), f, a, nil)
	if w.same("change", errA, errB) && n != m {
		w.Fatalf("action %d on %+v concerns %+v, model %+v", a, f, n, m)
	}
}

func (w *twins) tick() { w.now = w.now.Add(time.Duration(w.rng.IntN(20)) * time.Minute) }

// compare holds lists, counters and lanes against each other.
func (w *twins) compare() {
	w.Helper()
	if err := w.tested.store.(*spool.Pebble).CheckLanes(); err != nil {
		w.Fatal(err)
	}
	got, err := w.tested.dump()
	want, _ := w.model.dump()
	if err != nil || got != want {
		w.Fatalf("%v\n%s\nwant\n%s", err, got, want)
	}
	for _, by := range []spool.Group{spool.GroupAll, spool.GroupLane, spool.GroupTenant, spool.GroupTransport} {
		a, errA := w.tested.store.Count(context.Background(), by)
		b, errB := w.model.store.Count(context.Background(), by)
		if got, want := fmt.Sprint(a), fmt.Sprint(b); !w.same("count", errA, errB) || got != want {
			w.Fatalf("count %d: %s\nwant %s", by, got, want)
		}
	}
	w.compareLanes()
}

// compareLanes allows a long lane to say too early that it has work, since what
// lies beyond its window may have been removed.
func (w *twins) compareLanes() {
	w.Helper()
	a, errA := w.tested.store.Lanes(context.Background(), w.now, 100)
	b, errB := w.model.store.Lanes(context.Background(), w.now, 100)
	w.same("lanes", errA, errB)
	type half struct {
		spool.Lane
		asleep bool
	}
	due := map[half]time.Time{}
	for i, l := range a {
		if i > 0 && (l.Asleep && !a[i-1].Asleep || l.Asleep == a[i-1].Asleep && l.Due.Before(a[i-1].Due)) {
			w.Fatalf("lanes are not in order: %+v", a)
		}
		due[half{l.Lane, l.Asleep}] = l.Due
	}
	for _, l := range b {
		if at, ok := due[half{l.Lane, l.Asleep}]; !ok || at.After(l.Due) {
			w.Fatalf("lane %s is due %v, not %v", l.Lane.Nexthop, l.Due, at)
		}
	}
}
