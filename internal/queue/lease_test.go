package queue

import (
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
