package spool

import (
	"context"
	"fmt"
	"slices"

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
	fresh, err := p.divide(b, held.rec, jobs)
	if err != nil {
		return err
	}
	p.end(held)
	p.succeed(held.rec, fresh)
	return nil
}

// Reassign puts the outstanding recipients of a job that nobody has claimed into
// other jobs.
func (p *Pebble) Reassign(_ context.Context, seen Job, jobs []Job) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.gate.leave()
	b := p.db.NewBatch()
	if err := p.reassign(b, seen, jobs); err != nil {
		b.Close()
		return err
	}
	p.settle(b)
	return nil
}

// reassign applies the batch of a Reassign. Whose lease ran out finds it lost.
func (p *Pebble) reassign(b *pebble.Batch, seen Job, jobs []Job) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	r := seen.ref()
	held := p.leases.byRef[r]
	if held != nil && !held.freed {
		return ErrBusy
	}
	old, err := p.current(r, held)
	if err != nil {
		return err
	}
	if !old.isAs(&seen) {
		return ErrFenced
	}
	fresh, err := p.divide(b, old, jobs)
	if err != nil {
		return err
	}
	delete(p.leases.byRef, r)
	p.lanes.remove(old.Lane, old.slot())
	p.succeed(old, fresh)
	return nil
}

// isAs tells whether nothing became of a job since it was seen.
func (j *jobRecord) isAs(seen *Job) bool {
	return j.Lane == seen.Lane && j.Attempts == seen.Attempts && j.LastTry.Equal(seen.LastTry) &&
		slices.Equal(j.Recipients, seen.Recipients)
}

// divide applies the batch that writes jobs in place of old. The caller holds mu.
func (p *Pebble) divide(b *pebble.Batch, old *jobRecord, jobs []Job) ([]*jobRecord, error) {
	if err := old.covered(jobs, func(r *Recipient) bool { return r.State == Waiting }); err != nil {
		return nil, err
	}
	fresh, err := p.successors(old, jobs)
	if err != nil {
		return nil, err
	}
	w := writer{b: b}
	w.dropJob(old)
	for _, j := range fresh {
		j.alone = old.alone && len(jobs) == 1
		w.newJob(j)
	}
	p.apply(b)
	return fresh, nil
}

// succeed counts and schedules the jobs that came in place of old. The caller
// holds mu.
func (p *Pebble) succeed(old *jobRecord, fresh []*jobRecord) {
	p.total.addJob(-1, old)
	for _, j := range fresh {
		p.total.addJob(1, j)
		p.schedule(j)
	}
}

// moved gives the jobs that take over what an outcome moves out of old, whose
// state is next from now on. The caller holds mu.
func (p *Pebble) moved(old, next *jobRecord, o Outcome) ([]*jobRecord, error) {
	leaves := func(r *Recipient) bool { return r.State == Waiting && next.Recipients[r.N].State == Moved }
	if err := old.covered(o.Jobs, leaves); err != nil || len(o.Jobs) == 0 {
		return nil, err
	}
	fresh, err := p.successors(old, o.Jobs)
	if err != nil {
		return nil, err
	}
	next.alone = false
	fresh[0].alone = old.alone && next.waiting() == 0 && len(fresh) == 1
	return fresh, nil
}

// successors makes records of jobs that follow old in its message, none of them
// alone yet. The caller holds mu.
func (p *Pebble) successors(old *jobRecord, jobs []Job) ([]*jobRecord, error) {
	last := 0
	if err := p.jobsOf(old.Message, func(r ref) bool { last = int(r.job); return true }); err != nil {
		return nil, err
	}
	fresh := make([]*jobRecord, len(jobs))
	for i, j := range jobs {
		rec := &jobRecord{Job: j, big: old.big, from: old.from}
		rec.Message, rec.N = old.Message, last+1+i
		rec.Size, rec.Arrived = old.Size, old.Arrived
		rec.Held, rec.Recipients = j.Held || old.Held, slices.Clone(j.Recipients)
		if err := rec.settle(p.now()); err != nil {
			return nil, err
		}
		fresh[i] = rec
	}
	return fresh, nil
}

// covered checks that jobs hold each recipient of j that leaves exactly once, so
// that none is lost or doubled on its way.
func (j *jobRecord) covered(jobs []Job, leaves func(*Recipient) bool) error {
	missing := map[int]bool{}
	for i := range j.Recipients {
		if leaves(&j.Recipients[i]) {
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
