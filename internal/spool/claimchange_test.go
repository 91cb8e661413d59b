package spool

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/mail"
)

// TestChangedDuringClaim: what an administrator does to a job between the grant of its
// lease and the answer of the claim stands, and the job is not forgotten over it.
func TestChangedDuringClaim(t *testing.T) {
	lane := Lane{Nexthop: "a"}
	ask := ClaimReq{Lane: lane, Before: time.Now().Add(time.Second), Max: 5, LeaseFor: time.Minute}
	for _, c := range []struct {
		name      string
		asleep    bool
		meanwhile []Action
		given     int // by the claim
		next      int // by the next one
		released  int // by one after a release
	}{
		{"nothing", false, nil, 1, 0, 0},
		{"held", false, []Action{ActionHold}, 0, 0, 1},
		{"held and released", false, []Action{ActionHold, ActionRelease}, 1, 0, 0},
		{"held and released, and so roused", true, []Action{ActionHold, ActionRelease}, 0, 1, 0},
		{"removed", false, []Action{ActionRemove}, 0, 0, 0},
		{"held and removed", false, []Action{ActionHold, ActionRemove}, 0, 0, 0},
	} {
		for _, restarted := range []bool{false, true} {
			p := oneJob(t, lane, c.asleep, restarted)
			claims, err := p.take(ask, 5)
			if err != nil || len(claims) != 1 {
				t.Fatalf("%s: %d claims, %v", c.name, len(claims), err)
			}
			if cl := &claims[0]; cl.rec == nil {
				cl.rec, cl.err = p.readJob(cl.slot.ref)
			}
			p.act(t, c.meanwhile...)
			if n := len(p.lanes.byKey); n != 0 {
				t.Errorf("%s: what is being claimed stands among the lanes", c.name)
			}
			given, err := p.confirm(lane, claims)
			next, nerr := p.Claim(t.Context(), ask)
			p.act(t, ActionRelease)
			released, rerr := p.Claim(t.Context(), ask)
			got := []int{len(given), len(next), len(released)}
			if want := []int{c.given, c.next, c.released}; !slices.Equal(got, want) || err != nil || nerr != nil || rerr != nil {
				t.Errorf("%s (restarted: %v): %v jobs, want %v; %v, %v, %v", c.name, restarted, got, want, err, nerr, rerr)
			}
			for _, j := range slices.Concat(given, next, released) {
				if err := p.Update(t.Context(), j.Lease, Outcome{Changes: []RecipientChange{{State: Delivered}}}, nil); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
			}
			if n := p.total.jobs; n != 0 || len(p.leases.byRef) != 0 || len(p.lanes.byKey) != 0 || p.lanes.slots != 0 {
				t.Errorf("%s: left are %d jobs, %d leases, %d lanes with %d slots", c.name, n, len(p.leases.byRef), len(p.lanes.byKey), p.lanes.slots)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// act does actions to all jobs.
func (p *Pebble) act(t *testing.T, actions ...Action) {
	t.Helper()
	for _, a := range actions {
		if _, err := p.Change(t.Context(), Filter{}, a, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// oneJob opens a store with a job that is due, or sleeps.
func oneJob(t *testing.T, lane Lane, asleep, restarted bool) *Pebble {
	t.Helper()
	o := Options{Dir: "spool", FS: vfs.NewMem(), MinFree: -1}
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Create(t.Context())
	if err == nil {
		err = d.Commit(Envelope{}, []Job{{Lane: lane, Recipients: []Recipient{{Final: mail.Address{Local: "a", Domain: "b.test"}}}}})
	}
	if err == nil && asleep {
		var jobs []Job
		if jobs, err = p.Claim(t.Context(), ClaimReq{Lane: lane, Before: time.Now(), Max: 1, LeaseFor: time.Minute}); err == nil {
			err = p.Update(t.Context(), jobs[0].Lease, Outcome{Next: time.Now().Add(time.Hour), Asleep: true, Uncount: true}, nil)
		}
	}
	if err == nil && restarted {
		if err = p.Close(); err == nil {
			p, err = Open(o)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMissingEnvelope: a job whose message is not there is damage that somebody hears
// of, and not a message that went meanwhile: nobody would look at it again.
func TestMissingEnvelope(t *testing.T) {
	lane := Lane{Nexthop: "a"}
	p := oneJob(t, lane, false, true)
	defer p.Close()
	jobs, err := p.Claim(t.Context(), ClaimReq{Lane: lane, Before: time.Now(), Max: 1, LeaseFor: time.Minute})
	if err != nil || len(jobs) != 1 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	id := jobs[0].Message
	if err := p.db.Delete(appendMessageKey(nil, famMessage, id), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Open(t.Context(), id); !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) || p.Health().Damaged != 1 || p.total.held != 1 {
		t.Errorf("%v, %d damaged, %d held", err, p.Health().Damaged, p.total.held)
	}
	id[0] ^= 1
	if _, _, err := p.Open(t.Context(), id); !errors.Is(err, ErrNotFound) {
		t.Errorf("what never was: %v", err)
	}
}
