package spool_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/postroad/postroad/internal/spool"
)

// slowLog is a disk that makes the log of the database durable when it is let.
type slowLog struct {
	mu sync.Mutex // held while nothing becomes durable
}

func (s *slowLog) MaybeError(op errorfs.Op) error {
	if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	return nil
}

func (s *slowLog) String() string { return "slow log" }

// TestChangeOfWhatComes: what an administrator does while a message is on its way
// to the disk, where a list sees it already, happens to it or does not; it is
// never delivered twice, nor delivered although it was held, removed or given to
// another lane.
func TestChangeOfWhatComes(t *testing.T) {
	there, other := spool.Lane{Tenant: "acme", Transport: "t", Nexthop: "x0"}, spool.Lane{Tenant: "acme", Transport: "t", Nexthop: "other"}
	act := func(a spool.Action) func(*testing.T, *spool.Pebble) (attempts int) {
		return func(t *testing.T, p *spool.Pebble) int {
			n, err := p.Change(context.Background(), spool.Filter{}, a, nil)
			if err != nil {
				t.Error(err)
			}
			return 1 - int(n.Jobs)
		}
	}
	for name, change := range map[string]func(*testing.T, *spool.Pebble) (attempts int){
		"hold":   act(spool.ActionHold),
		"remove": act(spool.ActionRemove),
		"reroute": func(t *testing.T, p *spool.Pebble) int {
			err := p.Reassign(context.Background(), onlyJob(t, p), []spool.Job{{Lane: other, Recipients: recipients(1)}})
			if err != nil && !errors.Is(err, spool.ErrNotFound) {
				t.Error(err)
			}
			return 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := &slowLog{}
			p := open(t, crashOptions(errorfs.Wrap(vfs.NewMem(), disk)))
			disk.mu.Lock()
			done := make(chan error, 1)
			go func() { done <- commit("x", 100, 1).do(newWorld(p)) }()
			for n := 0; n == 0; time.Sleep(time.Millisecond) {
				n = len(allJobs(t, p))
			}
			answered := make(chan int, 1)
			go func() { answered <- change(t, p) }() // may wait for the disk too
			time.Sleep(50 * time.Millisecond)
			disk.mu.Unlock()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			want := <-answered
			claimed := deliverAll(t, p, there) + deliverAll(t, p, other)
			if claimed != want {
				t.Errorf("%d attempts, want %d", claimed, want)
			}
			rest := allJobs(t, p)
			sum, err := p.Count(context.Background(), spool.GroupAll)
			if got := sum[spool.Lane{}]; err != nil || int(got.Jobs) != len(rest) || int(got.Messages) != len(rest) {
				t.Errorf("counted %+v of %d jobs: %v", got, len(rest), err)
			}
		})
	}
}

// deliverAll ends the jobs of a lane and tells how many there were.
func deliverAll(t *testing.T, p *spool.Pebble, l spool.Lane) int {
	t.Helper()
	jobs, err := p.Claim(context.Background(), spool.ClaimReq{Lane: l, Before: epoch.Add(time.Hour), Max: 9, LeaseFor: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		o := spool.Outcome{Changes: []spool.RecipientChange{{State: spool.Delivered}}}
		if err := p.Update(context.Background(), j.Lease, o, nil); err != nil {
			t.Error(err)
		}
	}
	return len(jobs)
}

func allJobs(t *testing.T, p *spool.Pebble) (jobs []spool.Job) {
	t.Helper()
	err := p.Scan(context.Background(), spool.Filter{}, func(e spool.Entry) error {
		jobs = append(jobs, e.Job)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func onlyJob(t *testing.T, p *spool.Pebble) spool.Job {
	t.Helper()
	jobs := allJobs(t, p)
	if len(jobs) != 1 {
		t.Fatalf("%d jobs, want one", len(jobs))
	}
	return jobs[0]
}
