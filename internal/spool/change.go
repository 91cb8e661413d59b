package spool

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// chunk is how many jobs Change writes before it waits for the disk.
const chunk = 64

// Change does an action to the jobs of a filter, job by job: one that fails
// leaves the former ones changed.
func (p *Pebble) Change(ctx context.Context, f Filter, a Action) (int, error) {
	if err := p.enter(); err != nil {
		return 0, err
	}
	defer p.gate.leave()
	if a > ActionRemove {
		return 0, ErrInvalid
	}
	n := 0
	var refs []ref
	flush := func() error {
		changed, err := p.changeAll(refs, a)
		n += changed
		refs = refs[:0]
		return err
	}
	f.Detail = DetailJob
	err := p.scan(ctx, f, func(e *entry) error {
		if refs = append(refs, e.ref()); len(refs) == chunk {
			return flush()
		}
		return nil
	})
	return n, errors.Join(err, flush())
}

// changeAll changes some jobs and waits until that is durable.
func (p *Pebble) changeAll(refs []ref, a Action) (int, error) {
	var batches []*pebble.Batch
	var files []ID
	var err error
	for _, r := range refs {
		b := p.db.NewBatch()
		var did, gone bool
		if did, gone, err = p.change(b, r, a); !did {
			b.Close()
			if err != nil {
				break
			}
			continue
		}
		batches = append(batches, b)
		if gone {
			files = append(files, r.id)
		}
	}
	for _, b := range batches {
		p.settle(b)
	}
	for _, id := range files {
		p.removeBody(id)
	}
	return len(batches), err
}

// change applies the batch of an action on one job. did tells whether the action
// concerned it, gone whether a body file is left without its message.
func (p *Pebble) change(b *pebble.Batch, r ref, a Action) (did, gone bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := p.leases.byRef[r]
	old, err := p.current(r, held)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
		return false, false, nil // went meanwhile
	}
	if err != nil {
		return false, false, err
	}
	now := p.now()
	busy := held != nil && held.live(stamp(now))
	w := writer{b: b}
	if a == ActionRemove {
		if gone, err = p.dropJob(&w, old); err != nil {
			return false, false, err
		}
		if gone {
			p.fresh.drop(r.id)
		}
		p.apply(b)
		delete(p.leases.byRef, r)
		p.lanes.remove(old.Lane, old.slot())
		p.total.addJob(-1, old)
		return true, gone && old.big, nil
	}
	next, ok := old.acted(a, now)
	if !ok || a == ActionRetry && busy {
		return false, false, nil
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
	return true, false, nil
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
