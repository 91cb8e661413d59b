package spool

import (
	"context"
	"errors"
	"slices"
	"time"
)

// jobsCounted bounds LaneDue.Jobs.
const jobsCounted = 100

// Lanes with due work, from memory.
func (p *Pebble) Lanes(_ context.Context, before time.Time, most int) ([]LaneDue, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.gate.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	var out []LaneDue
	until := stamp(before)
	p.lanes.first(until, func(l *lane) bool {
		if len(out) < most {
			out = append(out, LaneDue{Lane: l.key.Lane, Due: time.Unix(0, l.time()).UTC(), Jobs: l.count(until), Asleep: l.key.asleep})
		}
		return len(out) < most
	})
	return out, nil
}

// count counts due jobs, up to jobsCounted.
func (l *lane) count(until int64) int {
	n := 0
	for _, s := range l.ready {
		if s.due <= until {
			n++
		}
		if n == jobsCounted {
			return n
		}
	}
	return max(n, 1) // with none in memory they stand at the horizon
}

// claim is a job on its way to a holder.
type claim struct {
	lease *lease
	slot  slot
	rec   *jobRecord
	err   error
}

// Claim leases due jobs. The records are read without the lock, since that may
// take a disk's time.
func (p *Pebble) Claim(_ context.Context, req ClaimReq) ([]Job, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.gate.leave()
	if err := p.ill.get(); err != nil {
		return nil, err // what cannot be written down is not attempted
	}
	var out []Job
	for len(out) < req.Max {
		claims, short := p.take(req, req.Max-len(out))
		for i := range claims {
			c := &claims[i]
			if c.rec == nil {
				c.rec, c.err = p.readJob(c.slot.ref)
			}
		}
		jobs, err := p.confirm(req.Lane, claims)
		out = append(out, jobs...)
		if err = errors.Join(short, err); err != nil || len(claims) == 0 || !req.From.IsZero() {
			return out, err
		}
	}
	return out, nil
}

// take grants leases on the first due jobs of a lane, of which there may be more
// after an error.
func (p *Pebble) take(req ClaimReq, most int) ([]claim, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	slots, err := p.pick(req, most)
	var out []claim
	now := p.now()
	for _, s := range slots {
		c := claim{slot: s}
		if old := p.leases.byRef[s.ref]; old != nil {
			c.rec = old.rec // it ran out
		} else {
			c.rec = p.fresh.takeJob(s.ref)
		}
		c.lease = p.leases.grant(s.ref, now.Add(req.LeaseFor))
		out = append(out, c)
	}
	return out, err
}

// pick takes slots of jobs that nobody holds out of a lane. The caller holds mu.
func (p *Pebble) pick(req ClaimReq, most int) ([]slot, error) {
	before := stamp(req.Before)
	others := p.lanes.byKey[half{req.Lane, false}]
	if !req.From.IsZero() {
		return p.pickFrom(others, stamp(req.From), before, most)
	}
	woken := int64(-1) // all that sleep
	if req.Asleep {
		woken = before - sleep
	}
	out, err := p.pickFirst(p.lanes.byKey[half{req.Lane, true}], woken, most)
	if err != nil || len(out) == most {
		return out, err
	}
	more, err := p.pickFirst(others, before, most-len(out))
	if out = append(out, more...); len(out) == 0 {
		p.tellNext(req) // once: Claim asks until there is no more
	}
	return out, err
}

// soon is how far ahead of its time a claim tells what is due next.
const soon = time.Minute

// tellNext gives the hint of what is due next in a lane of which a claim took all
// that is due: who scans hears of the first job of a lane only. The caller holds
// mu.
func (p *Pebble) tellNext(req ClaimReq) {
	for _, asleep := range []bool{true, false} {
		l := p.lanes.byKey[half{req.Lane, asleep}]
		if l == nil || asleep && !req.Asleep {
			continue
		}
		if due := time.Unix(0, l.time()).UTC(); due.After(req.Before) && due.Before(req.Before.Add(soon)) {
			p.watch.tell(Hint{Lane: req.Lane, Due: due})
		}
	}
}

// pickFirst takes the first slots of half a lane. The caller holds mu.
func (p *Pebble) pickFirst(l *lane, before int64, most int) ([]slot, error) {
	if l == nil {
		return nil, nil
	}
	var out []slot
	var err error
	seen := map[ref]bool{} // a hint may come twice
	for len(out) < most {
		if len(l.ready) == 0 && l.more {
			if err = p.refill(l); err != nil {
				break
			}
		}
		s, ok := p.lanes.pop(l, before)
		if !ok {
			break
		}
		if !seen[s.ref] && !p.taken(s.ref) {
			seen[s.ref] = true
			out = append(out, s)
		}
	}
	p.lanes.settle(l)
	return out, err
}

// pickFrom takes slots in the middle of a lane, which may lie beyond its window.
// The caller holds mu.
func (p *Pebble) pickFrom(l *lane, from, before int64, most int) ([]slot, error) {
	if l == nil {
		return nil, nil
	}
	var out []slot
	err := p.each(appendLaneKey(nil, l.key.Lane), appendDueKey(nil, l.key.Lane, slot{due: from}), func(key, _ []byte) bool {
		_, s, ok := parseDueKey(key)
		if ok && s.due <= before && !p.taken(s.ref) {
			out = append(out, s)
		}
		return len(out) < most && s.due <= before
	})
	for _, s := range out {
		p.lanes.remove(l.key.Lane, s)
	}
	return out, err
}

// taken tells whether a job that stands in the schedule is not to be claimed: it
// is on its way, or its message is not durable yet and comes among the lanes when
// it is. Claimed before, it could have ended by then, and would come back. The
// caller holds mu.
func (p *Pebble) taken(r ref) bool {
	if _, soon := p.coming[r.id]; soon {
		return true
	}
	held := p.leases.byRef[r]
	return held != nil && !held.freed
}

// refill reads the next window of half a lane. The caller holds mu.
func (p *Pebble) refill(l *lane) error {
	l.more = false
	from := appendDueKey(nil, l.key.Lane, l.horizon)
	window := p.lanes.windowNow()
	var fresh slotHeap // in order, and so a heap
	err := p.each(appendLaneKey(nil, l.key.Lane), from, func(key, _ []byte) bool {
		_, s, ok := parseDueKey(key)
		if ok && s.asleep() != l.key.asleep {
			return false // the other half begins
		}
		if !ok || p.taken(s.ref) {
			return true
		}
		if len(fresh) == window {
			l.horizon, l.more = s, true
			return false
		}
		fresh = append(fresh, s)
		return true
	})
	if err != nil {
		l.more = true
		return err
	}
	l.ready = slices.Clone(fresh) // without the room that it grew into
	p.lanes.slots += len(fresh)
	return nil
}

// confirm hands out the claims that are what the schedule said, and takes the
// others back.
func (p *Pebble) confirm(lane Lane, claims []claim) ([]Job, error) {
	var out []Job
	var failed error
	var damaged []claim
	p.mu.Lock()
	for i := range claims {
		c := &claims[i]
		if p.leases.byRef[c.slot.ref] != c.lease {
			continue // removed meanwhile
		}
		if c.lease.stale {
			c.rec, c.err = p.readJob(c.slot.ref)
		}
		if c.err == nil && !c.rec.Held && c.rec.Lane == lane && c.rec.slot() == c.slot {
			c.lease.rec = c.rec
			out = append(out, c.rec.outstanding(c.lease.Lease))
			continue
		}
		delete(p.leases.byRef, c.slot.ref)
		switch {
		case c.err == nil:
			// The schedule changed. Its hint may have come by while we held the
			// lease, so give it again.
			p.schedule(c.rec)
		case errors.Is(c.err, ErrNotFound): // done, and this was an old hint
		case errors.Is(c.err, ErrDamaged):
			damaged = append(damaged, *c)
		default:
			failed = c.err
			p.lanes.add(lane, c.slot)
		}
	}
	p.mu.Unlock()
	for _, c := range damaged {
		p.quarantineJob(lane, c.slot, c.err)
	}
	return out, failed
}

// outstanding is the job as its holder gets it: a copy with the recipients that
// wait.
func (j *jobRecord) outstanding(l Lease) Job {
	out := j.Job
	out.Lease = l
	out.Nexthops, out.Edits = slices.Clone(j.Nexthops), slices.Clone(j.Edits)
	out.Recipients = make([]Recipient, 0, j.waiting())
	for _, r := range j.Recipients {
		if r.State == Waiting {
			out.Recipients = append(out.Recipients, r)
		}
	}
	return out
}
