package queue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// Recipients that move go on in their new lane at once, with who refused them;
// the others stay, and nobody is told of anything.
func TestMovedRecipientsGoOnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, nil)
		defer b.stop()
		var seen []spool.Job
		b.deliver = answer(func(_ context.Context, a queue.Attempt) queue.Result {
			seen = append(seen, a.Job)
			res := all(a, spool.Waiting, 450)
			if a.Job.Lane == lane("old.example") {
				res.Recipients[0].State, res.Recipients[0].Lane, res.Recipients[0].NotBy = spool.Moved, lane("new.example"), "old"
			}
			return res
		})
		b.mail(spool.Job{Lane: lane("old.example"), Sender: sender, Homed: true, Recipients: []spool.Recipient{
			{Final: mail.Address{Local: "a", Domain: "d.example"}}, {Final: mail.Address{Local: "b", Domain: "d.example"}},
		}})
		pass(time.Second)
		if len(seen) != 2 || seen[1].Lane != lane("new.example") || !seen[1].Homed || seen[1].Attempts != 0 {
			t.Fatalf("attempts: %+v", seen)
		}
		if r := seen[1].Recipients; len(r) != 1 || r[0].Final.Local != "a" || r[0].NotBy != "old" || r[0].Reply.Code != 450 {
			t.Errorf("in the new lane: %+v", r)
		}
		if left := b.left(); len(left) != 2 {
			t.Errorf("left: %v", left)
		}
	})
}
