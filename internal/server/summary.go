package server

import (
	"context"
	"time"

	"github.com/postroad/postroad/internal/server/control"
	"github.com/postroad/postroad/internal/spool"
)

// Summary sums up a part of the queue in one walk, or the whole without groups by
// the counters of the store.
func (b backend) Summary(ctx context.Context, o control.SummaryOrder) (control.Summary, error) {
	f, err := o.Filter()
	if err != nil {
		return control.Summary{}, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	if o.Limit == 0 && !o.Bounded() {
		return b.totals(ctx, o, now)
	}
	f.Detail = spool.DetailJob
	if o.By == control.ByDomain || o.By == control.ByReason {
		f.Detail = spool.DetailRecipients
	}
	c := newCensus(o.By, now)
	if err := b.store.Scan(ctx, f, func(e spool.Entry) error { c.add(&e); return nil }); err != nil {
		return control.Summary{}, err
	}
	s := c.summary(o.Limit)
	s.Paused = b.Pauses()
	return s, nil
}

func (b backend) totals(ctx context.Context, o control.SummaryOrder, now time.Time) (control.Summary, error) {
	all, err := b.store.Count(ctx, spool.GroupAll)
	n := all[spool.Lane{}]
	s := control.Summary{
		At: now, By: o.By, AgeMinutes: ageBounds(), Groups: []control.SummaryGroup{}, Paused: b.Pauses(),
		Total: control.Sum{Messages: n.Messages, Jobs: n.Jobs, Recipients: n.Recipients, Bytes: n.Bytes, Held: n.Held, Oldest: n.Oldest},
	}
	return s, err
}
