package spool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// updateSize is room for the usual outcome, beside the drafts that go with it.
const updateSize = 1 << 10

// Update writes what became of an attempt. Outcomes that come at the same time
// share one fsync, like commits.
func (p *Pebble) Update(_ context.Context, l Lease, o Outcome, spawn []Draft) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.gate.leave()
	drafts, err := p.takeDrafts(spawn)
	if err != nil {
		return err
	}
	defer giveDrafts(drafts)
	size := updateSize
	for _, d := range drafts {
		size += d.ready.batch.Len()
	}
	b := p.db.NewBatchWithSize(size)
	gone, err := p.update(b, l, o, drafts)
	if err != nil {
		b.Close()
		return err
	}
	p.settle(b)
	if gone {
		p.removeBody(l.Message)
	}
	return nil
}

// update applies the batch of an Update, and tells whether a body file is left
// without its message.
func (p *Pebble) update(b *pebble.Batch, l Lease, o Outcome, drafts []*draft) (gone bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held, err := p.leases.holder(l)
	if err != nil {
		return false, err
	}
	old := held.rec
	next, err := old.after(o, p.now())
	if err != nil {
		return false, err
	}
	for _, d := range drafts {
		if err := b.Apply(d.ready.batch, nil); err != nil {
			return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	fresh, err := p.moved(old, next, o)
	if err != nil {
		return false, err
	}
	w := writer{b: b}
	if gone, err = p.rewrite(&w, old, next, o); err != nil {
		return false, err
	}
	for _, j := range fresh {
		w.newJob(j)
	}
	if gone || next.waiting() > 0 {
		p.fresh.drop(old.Message)
	}
	p.apply(b)
	p.end(held)
	p.exchange(old, next)
	for _, j := range fresh {
		p.total.addJob(1, j)
		p.schedule(j)
	}
	for _, d := range drafts {
		p.arrived(d.ready)
		d.stage = ended
	}
	return gone && old.big, nil
}

// rewrite writes next in place of old; gone tells that the message went with it.
// The caller holds mu.
func (p *Pebble) rewrite(w *writer, old, next *jobRecord, o Outcome) (gone bool, err error) {
	switch {
	case next.waiting() > 0:
		for _, c := range o.Changes {
			w.recipient(next.ref(), &next.Recipients[c.N])
		}
		w.move(old, next)
	case len(o.Jobs) > 0:
		w.dropJob(old)
	default:
		return p.dropJob(w, old)
	}
	return false, nil
}

// move writes a job that changed, and its new place in the schedule.
func (w *writer) move(old, next *jobRecord) {
	w.unschedule(old)
	next.once = false
	w.job(next)
	w.schedule(next)
}

// exchange counts and schedules next in place of old; next without waiting
// recipients is the end of the job. The caller holds mu.
func (p *Pebble) exchange(old, next *jobRecord) {
	p.total.addJob(-1, old)
	if next.waiting() > 0 {
		p.total.addJob(1, next)
		p.schedule(next)
	}
}

// after is the job after an outcome.
func (j *jobRecord) after(o Outcome, now time.Time) (*jobRecord, error) {
	next := *j
	next.Recipients = slices.Clone(j.Recipients)
	for _, c := range o.Changes {
		if c.N < 0 || c.N >= len(next.Recipients) || next.Recipients[c.N].State != Waiting || c.State > Moved {
			return nil, fmt.Errorf("%w: change of recipient %d", ErrInvalid, c.N)
		}
		r := &next.Recipients[c.N]
		r.State, r.Reply, r.Remote, r.Warned = c.State, c.Reply, c.Remote, c.Warned
	}
	if !o.Uncount {
		next.Attempts++
		next.LastTry = now
	}
	if o.Held {
		next.Held = true
		return &next, nil
	}
	next.Asleep = o.Asleep
	if next.Due = o.Next.UTC().Round(0); o.Next.IsZero() {
		next.Due = now
	}
	return &next, nil
}

// dropJob deletes a job, and its message when it was the last; gone says so.
// The caller holds mu, and applies the batch before it gives mu back.
func (p *Pebble) dropJob(w *writer, j *jobRecord) (gone bool, err error) {
	gone = j.alone
	if !gone {
		others := false
		err = p.jobsOf(j.Message, func(r ref) bool {
			others = r != j.ref()
			return !others
		})
		if err != nil {
			return false, err
		}
		gone = !others
	}
	w.dropJob(j)
	if gone {
		w.dropMessage(j)
		p.dropped(j.Size)
	}
	return gone, nil
}

// dropped counts a message out. The caller holds mu.
func (p *Pebble) dropped(size int64) {
	p.total.addMessage(-1, size)
	p.space.reclaim.dropped.Add(size + perMessage)
}

// takeDrafts locks the drafts of a spawn, all prepared and each once.
func (p *Pebble) takeDrafts(spawn []Draft) ([]*draft, error) {
	var out []*draft
	for _, s := range spawn {
		d, ok := s.(*draft)
		// TryLock: who works on a draft that he gave away, or gave it twice,
		// gets an error and no deadlock.
		if !ok || d.p != p || !d.mu.TryLock() {
			giveDrafts(out)
			return nil, fmt.Errorf("%w: not a draft of this store, or in use", ErrInvalid)
		}
		out = append(out, d)
		if err := d.in(isPrepared); err != nil {
			giveDrafts(out)
			return nil, err
		}
	}
	return out, nil
}

// giveDrafts unlocks drafts, and frees those that were taken.
func giveDrafts(drafts []*draft) {
	for _, d := range drafts {
		if d.stage == ended && d.ready != nil {
			d.ready.batch.Close()
			d.ready = nil
		}
		d.mu.Unlock()
	}
}
