package spool

import (
	"testing"
	"time"
)

// TestClockSetBack: a job whose lease ran out is there for another, though the
// clock is set back to a time at which the lease held.
func TestClockSetBack(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := now
	p := reopened(t, Options{Now: func() time.Time { return clock }}, func(p *Pebble) { queued(t, p, []Job{jobIn("host")}) })
	claim := func() int {
		jobs, err := p.Claim(t.Context(), ClaimReq{Lane: Lane{Nexthop: "host"}, Before: now, Max: 9, LeaseFor: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return len(jobs)
	}
	if n := claim(); n != 1 {
		t.Fatalf("claimed %d jobs", n)
	}
	clock = now.Add(time.Hour)
	if lanes, err := p.Lanes(t.Context(), now, 9); len(lanes) != 1 || err != nil {
		t.Fatalf("lanes %v, %v", lanes, err)
	}
	clock = now
	if n := claim(); n != 1 {
		t.Errorf("%d jobs for another, want the one whose lease ran out", n)
	}
}
