package spool

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// lease is the right of one holder to a job. It lives in memory: a restart
// frees all. A job that somebody holds is not among the lanes: who asks whether
// one may have it looks at freed, after expire, and at no clock.
type lease struct {
	Lease
	rec   *jobRecord // nil while Claim still reads it
	stale bool       // the record changed while it was read
	freed bool       // it ran out, and the job stands among the lanes again
}

// leases are all of them. The owner holds Pebble.mu.
type leases struct {
	byRef map[ref]*lease
	token uint64
	next  int64 // stamp before which no lease runs out
}

// newLeases draws the first token, so that none of a former process fits.
func newLeases(rand io.Reader) (leases, error) {
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return leases{}, fmt.Errorf("spool: drawing a token: %w", err)
	}
	return leases{byRef: map[ref]*lease{}, token: binary.LittleEndian.Uint64(b[:]), next: math.MaxInt64}, nil
}

// grant gives a lease on a job that has none.
func (ls *leases) grant(r ref, until time.Time) *lease {
	ls.token++
	l := &lease{Lease: Lease{Message: r.id, Job: int(r.job), Token: ls.token, Until: until}}
	ls.byRef[r] = l
	ls.next = min(ls.next, stamp(until))
	return l
}

// expired gives the leases that ran out.
func (ls *leases) expired(now int64) []*lease {
	if now <= ls.next {
		return nil
	}
	var out []*lease
	ls.next = math.MaxInt64
	for _, l := range ls.byRef {
		switch {
		case l.freed:
		case l.rec == nil || stamp(l.Until) >= now:
			ls.next = min(ls.next, stamp(l.Until))
		default:
			l.freed = true
			out = append(out, l)
		}
	}
	return out
}

// holder gives the lease that l is, unless it was lost.
func (ls *leases) holder(l Lease) (*lease, error) {
	held := ls.byRef[l.ref()]
	if held == nil || held.Token != l.Token || held.rec == nil {
		return nil, ErrFenced
	}
	return held, nil
}

// expire puts the jobs of leases that ran out back among the lanes. Their
// holders keep them until another claims them. The caller holds mu.
func (p *Pebble) expire() {
	for _, l := range p.leases.expired(stamp(p.now())) {
		p.schedule(l.rec)
	}
}

// withdraw takes the job of a lease that ran out, and which nobody else claimed,
// from among the lanes. Left there, its slot would say when the job was due before
// its holder changed it, and a claim would find others in its place. The caller
// holds mu.
func (p *Pebble) withdraw(l *lease) {
	if l.freed {
		l.freed = false
		p.lanes.remove(l.rec.Lane, l.rec.slot())
	}
}

// end gives a lease back with its job, which is scheduled anew or gone. The
// caller holds mu.
func (p *Pebble) end(l *lease) {
	delete(p.leases.byRef, l.ref())
	p.withdraw(l)
}

// Extend makes a lease last longer.
func (p *Pebble) Extend(_ context.Context, l Lease, d time.Duration) (Lease, error) {
	if err := p.enter(); err != nil {
		return Lease{}, err
	}
	defer p.gate.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	held, err := p.leases.holder(l)
	if err != nil {
		return Lease{}, err
	}
	p.withdraw(held)
	held.Until = p.now().Add(d)
	p.leases.next = min(p.leases.next, stamp(held.Until))
	return held.Lease, nil
}
