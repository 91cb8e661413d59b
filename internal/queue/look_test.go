package queue_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// What people ask of a lane and of a job while attempts run, when its host is found
// away, and after.
func TestLookAtLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h host
		h.away.Store(true)
		b := setup(t, nil)
		defer b.stop()
		b.deliver = answer(h.answer)
		l := lane("a.example")
		if got := b.runner.Lane(l); got != (queue.LaneState{}) {
			t.Errorf("a lane that is not there: %+v", got)
		}
		for range 6 {
			b.mail(spool.Job{Lane: l, Sender: sender})
		}
		pass(5 * time.Second)
		if got := b.runner.Lane(l); got.Active != 5 || got.Limit != 5 || got.Dead {
			t.Errorf("with attempts under way: %+v", got)
		}
		now := time.Now()
		since := b.attempted()
		if len(since) != 5 || !since[0].Equal(now.Add(-5*time.Second)) {
			t.Errorf("being attempted since %v", since)
		}
		pass(10 * time.Second)
		got := b.runner.Lane(l)
		if wait := got.Until.Sub(now); !got.Dead || got.Active != 0 || got.Limit != 0 || got.Why.Reply.Code != 451 || wait < 50*time.Second || wait > 80*time.Second {
			t.Errorf("with its host away: %+v", got)
		}
		if since := b.attempted(); len(since) != 0 {
			t.Errorf("being attempted while nothing is: %v", since)
		}
		h.away.Store(false)
		pass(2 * time.Hour)
		if got := b.runner.Lane(l); got.Dead || !got.Until.IsZero() || !got.Why.Reply.IsZero() {
			t.Errorf("after its host came back: %+v", got)
		}
	})
}

// attempted gives since when jobs are being attempted.
func (b *bench) attempted() (since []time.Time) {
	b.each(func(j *spool.Job) {
		if at := b.runner.Attempted(j.Message, j.N); !at.IsZero() {
			since = append(since, at)
		}
	})
	return since
}

// Who asks a runner that has stopped does not wait.
func TestLookAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		b.stop()
		if got := b.runner.Lane(lane("a.example")); got != (queue.LaneState{}) {
			t.Errorf("%+v", got)
		}
	})
}
