package queue

import (
	"context"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// TestLaterJobIsNotBegun: a job that a store gives out again goes to the attempt
// that is on its way; one that has its number after it, or is the same one with
// its outcome written, is begun like any other.
func TestLaterJobIsNotBegun(t *testing.T) {
	r := NewRunner(Options{})
	job := func(token uint64, due time.Time) spool.Job {
		return spool.Job{N: 1, Due: due, Lease: spool.Lease{Job: 1, Token: token, Until: time.Now().Add(time.Hour)}}
	}
	first := job(1, epoch)
	k, ok := r.holdLease(&first, func(error) {})
	if !ok {
		t.Fatal("a fresh lease is not held")
	}
	if left := r.hands.begun(spool.Lane{}, []spool.Job{job(2, epoch)}); len(left) != 0 || k.current().Token != 2 {
		t.Errorf("the same job again: %d are begun, the lease in hand is %d", len(left), k.current().Token)
	}
	later := job(3, epoch.Add(time.Nanosecond))
	if left := r.hands.begun(spool.Lane{}, []spool.Job{later}); len(left) != 1 || k.current().Token != 2 {
		t.Errorf("a later job of the number: %d are begun, the lease in hand is %d", len(left), k.current().Token)
	}
	next, ok := r.holdLease(&later, func(error) {})
	if !ok {
		t.Fatal("a fresh lease is not held")
	}
	k.stop()
	if left := r.hands.begun(spool.Lane{}, []spool.Job{job(4, later.Due)}); len(left) != 0 || next.current().Token != 4 {
		t.Errorf("after the end of the former the later one is not in our hands: %d are begun", len(left))
	}
}

// extender is a store that extends all leases, and does something meanwhile.
type extender struct {
	spool.Store
	meanwhile func()
	n         int
}

func (e *extender) Extend(_ context.Context, l spool.Lease, d time.Duration) (spool.Lease, error) {
	e.n++
	e.meanwhile()
	l.Until = time.Now().Add(d)
	return l, nil
}

// TestExtension: what is begun late in its lease has a new one at once, a lease that
// was adopted meanwhile stays, and a job that ended meanwhile is extended no more.
func TestExtension(t *testing.T) {
	store := &extender{meanwhile: func() {}}
	r := NewRunner(Options{Store: store, LeaseFor: time.Hour})
	job := spool.Job{Lease: spool.Lease{Token: 1, Until: time.Now().Add(20 * time.Minute)}}
	k, ok := r.keepLease(&job, func(error) { t.Error("lost") })
	if !ok || store.n != 1 || time.Until(k.current().Until) < 59*time.Minute {
		t.Errorf("begun in the last third of its lease: %v, extended %d times", ok, store.n)
	}
	store.meanwhile = func() { k.adopt(spool.Lease{Token: 2}) }
	if !k.extend() || k.current().Token != 2 {
		t.Errorf("adopted while the former was extended: token %d", k.current().Token)
	}
	store.meanwhile = k.stop
	k.tick()
	if k.timer.Stop() {
		t.Error("extended on after the end")
	}
}
