package spool

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/mail"
)

// reopened gives a store in memory that was filled and closed.
func reopened(t *testing.T, o Options, fill func(*Pebble)) *Pebble {
	t.Helper()
	o.FS, o.Dir, o.MinFree = vfs.NewMem(), "data/spool", -1
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	fill(p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err = Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// queued commits a message.
func queued(t *testing.T, p *Pebble, jobs []Job) {
	t.Helper()
	d, err := p.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(d, "x"); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(Envelope{}, jobs); err != nil {
		t.Fatal(err)
	}
}

func jobIn(lane string) Job {
	return Job{Lane: Lane{Nexthop: lane}, Recipients: []Recipient{{Final: mail.Address{Local: "u", Domain: "a.test"}}}}
}

// TestWindowsWhileShort: a lane that reads its next window gets little of the
// schedule into memory while others have used what there is for all.
func TestWindowsWhileShort(t *testing.T) {
	const many, jobs, window = 50, 200, 64
	lane := func(i int) string { return fmt.Sprint("host", i) }
	p := reopened(t, Options{Window: window}, func(p *Pebble) {
		for i := range many {
			var all []Job
			for range jobs {
				all = append(all, jobIn(lane(i)))
			}
			queued(t, p, all)
		}
	})
	p.lanes.limit = 100
	for i := range many {
		req := ClaimReq{Lane: Lane{Nexthop: lane(i)}, Before: time.Now(), Max: 2*window + 1, LeaseFor: time.Minute}
		if got, err := p.Claim(t.Context(), req); err != nil || len(got) != req.Max {
			t.Fatalf("%d jobs of %s, %v", len(got), lane(i), err)
		}
	}
	held := 0
	for _, l := range p.lanes.byKey {
		held += cap(l.ready)
	}
	if most := p.lanes.limit + many*2*fewSlots; held > most || p.lanes.slots > held {
		t.Errorf("room for %d slots with %d in memory, where %d should do", held, p.lanes.slots, most)
	}
}
