package spool

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Replace puts the outstanding recipients of a job into other jobs.
func (p *Pebble) Replace(_ context.Context, l Lease, jobs []Job) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.gate.leave()
	b := p.db.NewBatch()
	if err := p.replace(b, l, jobs); err != nil {
		b.Close()
		return err
	}
	p.settle(b)
	return nil
}

// replace applies the batch of a Replace.
func (p *Pebble) replace(b *pebble.Batch, l Lease, jobs []Job) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	held, err := p.leases.holder(l)
	if err != nil {
		return err
	}
	old := held.rec
	if err := old.covered(jobs); err != nil {
		return err
	}
	last := 0
	if err := p.jobsOf(old.Message, func(r ref) bool { last = int(r.job); return true }); err != nil {
		return err
	}
	w := writer{b: b}
	w.dropJob(old)
	fresh := make([]*jobRecord, len(jobs))
	for i, j := range jobs {
		rec := &jobRecord{Job: j, alone: old.alone && len(jobs) == 1, big: old.big, from: old.from}
		rec.Message, rec.N = old.Message, last+1+i
		rec.Size, rec.Arrived = old.Size, old.Arrived
		rec.Held = j.Held || old.Held
		if err := rec.settle(p.now()); err != nil {
			return err
		}
		w.newJob(rec)
		fresh[i] = rec
	}
	p.apply(b)
	p.end(held)
	p.total.addJob(-1, old)
	for _, j := range fresh {
		p.total.addJob(1, j)
		p.schedule(j)
	}
	return nil
}

// covered checks that jobs hold each waiting recipient of j exactly once, so
// that none is lost or doubled on its way.
func (j *jobRecord) covered(jobs []Job) error {
	missing := map[int]bool{}
	for i := range j.Recipients {
		if j.Recipients[i].State == Waiting {
			missing[i] = true
		}
	}
	for _, n := range jobs {
		for _, r := range n.Recipients {
			if !missing[r.N] || r.State != Waiting {
				return fmt.Errorf("%w: recipient %d", ErrInvalid, r.N)
			}
			delete(missing, r.N)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: %d recipients are missing", ErrInvalid, len(missing))
	}
	return nil
}
