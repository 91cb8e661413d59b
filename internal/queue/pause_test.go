package queue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// pause pauses lanes of the bench, or none.
func (b *bench) pause(p *queue.Pause) {
	b.paused.Store(p)
	b.runner.Reload()
}

// In a paused lane nothing is attempted, but time goes on: its mail is warned of and
// given up, on the minute.
func TestPausedMailGrowsOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		l := lane("a.example")
		b.profile.Warn = 3 * time.Hour // sooner than a look now and then
		b.pause(&queue.Pause{Transport: l.Transport, Nexthop: "a.example"})
		b.mail(spool.Job{Lane: l, Sender: sender})
		b.mail(spool.Job{Lane: lane("b.example"), Sender: sender})
		pass(48 * time.Hour)
		// The neighbour at once, then the two reports.
		if len(b.attempts) != 3 || b.attempts[0] != 0 || len(b.left()) != 0 {
			t.Fatalf("attempts at %v, left %v", b.attempts, b.left())
		}
		if len(b.notices) != 2 || b.notices[0].Kind != queue.NoticeDelayed || b.notices[1].Kind != queue.NoticeFailed {
			t.Fatalf("notices %+v", b.notices)
		}
		if b.told[0] != 3*time.Hour || b.told[1] != 24*time.Hour {
			t.Errorf("told at %v", b.told)
		}
	})
}

// What was waiting for a retry, what came during the pause and what was claimed
// already: nothing goes, and all goes at the end. It counts as no attempt.
func TestPauseAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		slow := make(chan struct{})
		b.deliver = func(_ context.Context, a queue.Attempt) queue.Result {
			<-slow
			return all(a, spool.Delivered, 250)
		}
		l := lane("a.example")
		for range 50 { // five on their way, some more claimed, the rest due
			b.mail(spool.Job{Lane: l, Sender: sender})
		}
		synctest.Wait()
		begun := len(b.attempts)
		b.pause(&queue.Pause{Transport: l.Transport})
		synctest.Wait()
		close(slow)
		b.mail(spool.Job{Lane: l, Sender: sender})
		pass(3 * time.Hour)
		if len(b.attempts) != begun || b.left()["a.example"] != 51-begun {
			t.Fatalf("%d attempts, %d of them before; left %v", len(b.attempts), begun, b.left())
		}
		b.each(func(j *spool.Job) {
			if r := j.Recipients[0].Reply; j.Attempts != 0 || r.Enhanced != "4.3.2" {
				t.Errorf("%d attempts, reply %v", j.Attempts, r)
			}
		})
		b.pause(nil)
		if _, err := b.store.Change(context.Background(), spool.Filter{Transport: l.Transport}, spool.ActionRetry, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(b.left()) != 0 {
			t.Errorf("left %v", b.left())
		}
	})
}

// A resumption that nobody told to the store is found by itself.
func TestPauseThatEndsUntold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		b.pause(&queue.Pause{Transport: lane("").Transport})
		b.mail(spool.Job{Lane: lane("a.example"), Sender: sender})
		pass(time.Minute)
		b.pause(nil)
		pass(5 * time.Hour)
		if len(b.left()) != 0 {
			t.Errorf("left %v", b.left())
		}
	})
}

func TestPauseCovers(t *testing.T) {
	l := spool.Lane{Tenant: "acme", Transport: "mx", Nexthop: "a.example"}
	for p, want := range map[queue.Pause]bool{
		{Transport: "mx"}: true, {Transport: "mx", Nexthop: "a.example"}: true, {Transport: "mx", Tenant: "acme"}: true,
		{Transport: "mx", Tenant: "acme", Nexthop: "a.example"}: true,
		{Transport: "hub"}: false, {Transport: "mx", Nexthop: "b.example"}: false, {Transport: "mx", Tenant: "globex"}: false,
		{Tenant: "acme"}: false,
	} {
		if p.Covers(l) != want {
			t.Errorf("%+v covers %+v: %v", p, l, !want)
		}
	}
}
