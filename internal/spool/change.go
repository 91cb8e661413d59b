package spool

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// chunk is how many jobs Change writes before it waits for the disk.
const chunk = 64

// Change does an action to the jobs of a filter, chunk by chunk: one that fails
// leaves the former ones changed.
func (p *Pebble) Change(ctx context.Context, f Filter, a Action, told func(Changed)) (Changed, error) {
	if err := p.enter(); err != nil {
		return Changed{}, err
	}
	defer p.gate.leave()
	if a > ActionRemove {
		return Changed{}, ErrInvalid
	}
	c := changing{p: p, action: a, told: told}
	f.Detail = DetailJob
	err := p.scan(ctx, f, c.add)
	return c.done, errors.Join(err, c.flush())
}

// changing is a Change under way.
type changing struct {
	p      *Pebble
	action Action
	told   func(Changed) // nil: nobody asks
	refs   []ref         // of the next chunk
	done   Changed
	last   ID // counted in done
}

// add takes a job into the next chunk.
func (c *changing) add(e *entry) error {
	if c.refs = append(c.refs, e.ref()); len(c.refs) == chunk {
		return c.flush()
	}
	return nil
}

// flush changes a chunk, waits until that is durable, and tells.
func (c *changing) flush() error {
	var batches []*pebble.Batch
	var files []ID
	var removed []*jobRecord
	var err error
	for _, r := range c.refs {
		b := c.p.db.NewBatch()
		var old *jobRecord
		var gone bool
		if old, gone, err = c.p.change(b, r, c.action); old == nil {
			b.Close()
			if err != nil {
				break
			}
			continue
		}
		batches = append(batches, b)
		c.count(old)
		if c.action == ActionRemove {
			removed = append(removed, old)
		}
		if gone {
			files = append(files, r.id)
		}
	}
	c.refs = c.refs[:0]
	for _, b := range batches {
		c.p.settle(b)
	}
	for _, id := range files {
		c.p.removeBody(id)
	}
	for _, j := range removed {
		c.p.logRemoved(j)
	}
	if c.told != nil && len(batches) > 0 {
		c.told(c.done)
	}
	return err
}

// logRemoved writes a line for each recipient, as an attempt does: nothing else tells
// later what became of it.
func (p *Pebble) logRemoved(j *jobRecord) {
	for i := range j.Recipients {
		r := &j.Recipients[i]
		if r.State != Waiting {
			continue
		}
		p.opt.Log.Info("removed", "id", j.Message.String(), "job", j.N, "tenant", j.Lane.Tenant, "transport", j.Lane.Transport,
			"nexthop", j.Lane.Nexthop, "sender", j.Sender.String(), "recipient", r.Final.String(), "rule", j.Rule,
			"attempt", j.Attempts, "age", p.now().Sub(j.Arrived).Truncate(time.Millisecond))
	}
}

// count counts a job, as it was. Jobs come in the order of their messages.
func (c *changing) count(j *jobRecord) {
	c.done.Jobs++
	c.done.Recipients += int64(j.waiting())
	if c.done.Messages == 0 || j.Message != c.last {
		c.done.Messages++
		c.last = j.Message
	}
}

// change applies the batch of an action on one job. It gives the job as it was, nil
// when the action does not concern it; gone tells whether a body file is left without
// its message.
func (p *Pebble) change(b *pebble.Batch, r ref, a Action) (was *jobRecord, gone bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	held := p.leases.byRef[r]
	old, err := p.current(r, held)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
		return nil, false, nil // went meanwhile
	}
	if err != nil {
		return nil, false, err
	}
	busy := held != nil && !held.freed
	w := writer{b: b}
	if a == ActionRemove {
		if gone, err = p.dropJob(&w, old); err != nil {
			return nil, false, err
		}
		if gone {
			p.fresh.drop(r.id)
		}
		p.apply(b)
		delete(p.leases.byRef, r)
		p.lanes.remove(old.Lane, old.slot())
		p.total.addJob(-1, old)
		return old, gone && old.big, nil
	}
	next, ok := old.acted(a, p.now())
	if !ok || a == ActionRetry && busy {
		return nil, false, nil
	}
	w.move(old, next)
	p.apply(b)
	p.total.addJob(-1, old)
	p.total.addJob(1, next)
	if held != nil {
		held.stale = true
		if held.rec != nil {
			held.rec = next
		}
	}
	p.lanes.remove(old.Lane, old.slot())
	if !busy {
		p.schedule(next)
	}
	return old, false, nil
}

// current gives the record of a job as it is now, and its lease if there is one.
// A message on its way to the disk is not there yet. The caller holds mu.
func (p *Pebble) current(r ref, held *lease) (*jobRecord, error) {
	if _, soon := p.coming[r.id]; soon {
		return nil, ErrNotFound
	}
	if held != nil && held.rec != nil {
		return held.rec, nil
	}
	if j := p.fresh.takeJob(r); j != nil {
		return j, nil
	}
	return p.readJob(r)
}

// acted is the job after an action that does not end it; false when the action
// does not concern it.
func (j *jobRecord) acted(a Action, now time.Time) (*jobRecord, bool) {
	next := *j
	switch a {
	case ActionHold:
		next.Held = true
		return &next, !j.Held
	case ActionRelease:
		next.Held = false
		next.rouse(now)
		return &next, j.Held
	case ActionRetry:
		if next.Due.After(now) {
			next.Due = now
		}
		next.rouse(now)
		return &next, !j.Held
	}
	return nil, false
}

// rouse makes a job that sleeps due now, with no regard to its lane.
func (j *jobRecord) rouse(now time.Time) {
	if j.Asleep {
		j.Asleep, j.Due = false, now
	}
}
