package spool

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/mail"
)

// TestHorizon: what is claimed in the middle of its lane, or beyond the window where
// only the database knows of it, stands in the lane as others do before and after.
func TestHorizon(t *testing.T) {
	const jobs = 6
	lane := Lane{Nexthop: "a"}
	p, err := Open(Options{Dir: "spool", FS: vfs.NewMem(), MinFree: -1, Window: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	begin := time.Now().Add(-time.Hour).Round(0)
	for i := range jobs {
		to := []Recipient{{Final: mail.Address{Local: fmt.Sprint(i), Domain: "b.test"}}}
		d, err := p.Create(t.Context())
		if err == nil {
			err = d.Commit(Envelope{}, []Job{{Lane: lane, Due: begin.Add(time.Duration(i) * time.Minute), Recipients: to}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	claim := func(from time.Time, most int) []Job {
		t.Helper()
		out, err := p.Claim(t.Context(), ClaimReq{Lane: lane, From: from, Before: time.Now(), Max: most, LeaseFor: time.Minute})
		if err != nil || len(out) != most {
			t.Fatalf("claimed %d of %d, %v", len(out), most, err)
		}
		return out
	}
	check := func(when string) {
		t.Helper()
		if err := p.CheckLanes(); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	back := func(j Job) {
		t.Helper()
		if err := p.Update(t.Context(), j.Lease, Outcome{Next: j.Due}, nil); err != nil {
			t.Fatal(err)
		}
	}
	within := claim(begin, 1)[0]
	check("claimed within the window")
	back(within)
	check("put back into it")
	due := time.Unix(0, p.lanes.byKey[half{lane, false}].horizon.due)
	beyond := claim(due, 1)[0]
	check("claimed at the horizon")
	back(beyond)
	check("put back to it")
	claim(due.Add(time.Minute), 1)
	claim(time.Time{}, jobs-3)
	check("with the horizon gone past what is claimed")
	claim(time.Time{}, 2)
	check("all claimed")
	if _, err := p.Change(t.Context(), Filter{}, ActionRemove, nil); err != nil {
		t.Fatal(err)
	}
	check("all removed")
}

// TestRemovedStandsNowhere: nothing is left of a job that goes before it is claimed.
func TestRemovedStandsNowhere(t *testing.T) {
	for _, asleep := range []bool{false, true} {
		p := oneJob(t, Lane{Nexthop: "a"}, asleep, false)
		p.act(t, ActionRemove)
		if err := p.CheckLanes(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLeaseRanOutDuringClaim: it is not another's before its holder has it.
func TestLeaseRanOutDuringClaim(t *testing.T) {
	lane := Lane{Nexthop: "a"}
	p := oneJob(t, lane, false, true)
	defer p.Close()
	claims, err := p.take(ClaimReq{Lane: lane, Before: time.Now(), LeaseFor: -time.Second}, 1)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d claims, %v", len(claims), err)
	}
	if due, err := p.Lanes(t.Context(), time.Now(), 1); err != nil || len(due) != 0 {
		t.Errorf("due during the claim: %+v, %v", due, err)
	}
	claims[0].rec, claims[0].err = p.readJob(claims[0].slot.ref)
	if jobs, err := p.confirm(lane, claims); err != nil || len(jobs) != 1 {
		t.Errorf("claimed %d, %v", len(jobs), err)
	}
	if due, err := p.Lanes(t.Context(), time.Now(), 1); err != nil || len(due) != 1 {
		t.Errorf("due after the claim: %+v, %v", due, err)
	}
}

// TestStaleSlot: a slot of a job that is not there is an old hint, told of to nobody
// and gone with the next claim.
func TestStaleSlot(t *testing.T) {
	lane := Lane{Nexthop: "a"}
	p := oneJob(t, lane, false, true)
	defer p.Close()
	p.lanes.add(lane, slot{due: 1, ref: ref{id: ID{1}}})
	jobs, err := p.Claim(t.Context(), ClaimReq{Lane: lane, Before: time.Now(), Max: 1, LeaseFor: time.Minute})
	if err != nil || len(jobs) != 1 || len(p.leases.byRef) != 1 {
		t.Errorf("%d jobs with %d leases, %v", len(jobs), len(p.leases.byRef), err)
	}
	if err := p.CheckLanes(); err != nil {
		t.Error(err)
	}
}
