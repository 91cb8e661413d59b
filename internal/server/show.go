package server

import (
	"context"

	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/report"
	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// Show tells of jobs what is stored, what the configuration makes of that, and what
// the scheduler does with them.
func (b backend) Show(ctx context.Context, f spool.Filter, each func(control.Shown) error) error {
	retries := profiles{b.config}
	return b.store.Scan(ctx, f, func(e spool.Entry) error {
		return each(b.shown(e, retries.Profile(e.Job.Lane.Transport)))
	})
}

func (b backend) shown(e spool.Entry, p queue.Profile) control.Shown {
	j := &e.Job
	s := control.ShownOf(e, b.pauses.covering(j.Lane))
	s.Expires, s.Lane = p.Expiry(j.Arrived).UTC(), control.LaneOf(b.runner.Lane(j.Lane))
	for i := range j.Recipients {
		r := &j.Recipients[i]
		switch wanted := report.Wanted(queue.NoticeDelayed, r.Notify, j.Sender); {
		case wanted && r.Warned:
			s.Recipients[i].Warned = true
		case wanted && r.State == spool.Waiting:
			s.Recipients[i].WarnAt = p.WarnAt(j.Arrived).UTC()
		}
	}
	if since := b.runner.Attempted(j.Message, j.N); !since.IsZero() {
		s.State, s.DeliveringSince = control.StateDelivering, since.UTC()
	}
	return s
}
