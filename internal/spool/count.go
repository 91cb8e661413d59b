package spool

import (
	"context"
	"errors"
	"time"
)

// Count by group. The whole and the transports are kept in memory; other groups
// are counted over the records of all jobs, about a second for a million.
func (p *Pebble) Count(ctx context.Context, by Group) (map[Lane]Counts, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.gate.leave()
	switch by {
	case GroupAll:
		return p.countAll()
	case GroupTransport:
		return p.countWays(), nil
	}
	c := counter{by: by, groups: map[Lane]Counts{}}
	err := p.each([]byte{famJob}, nil, func(key, value []byte) bool {
		if r, ok := parseRef(key[1:]); ok {
			if j, t, err := decodeJob(r, key, value); err == nil {
				c.add(j, t)
			}
		}
		return ctx.Err() == nil
	})
	return c.groups, errors.Join(err, ctx.Err())
}

// countAll gives the counters; only the oldest message is looked up.
func (p *Pebble) countAll() (map[Lane]Counts, error) {
	p.mu.Lock()
	t := p.total
	p.mu.Unlock()
	c := Counts{Messages: t.messages, Jobs: t.jobs, Recipients: t.recipients, Held: t.held, Bytes: t.bytes}
	if t.messages > 0 {
		var err error
		if c.Oldest, err = p.oldest(); err != nil {
			return nil, err
		}
	}
	return map[Lane]Counts{{}: c}, nil
}

// countWays gives the counters of the ways.
func (p *Pebble) countWays() map[Lane]Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[Lane]Counts, len(p.total.ways))
	for w, s := range p.total.ways {
		out[Lane{Tenant: w.tenant, Transport: w.transport}] = Counts{Jobs: s.jobs, Recipients: s.recipients, Held: s.held}
	}
	return out
}

// oldest gives the arrival of the message that was begun first.
func (p *Pebble) oldest() (at time.Time, err error) {
	err = p.each([]byte{famMessage}, nil, func(key, value []byte) bool {
		env, err := decodeEnvelope(key, value)
		at = env.Arrived
		return err != nil
	})
	return at, err
}

// counter counts jobs, which come in the order of their messages.
type counter struct {
	by     Group
	groups map[Lane]Counts
	last   ID
	seen   []Lane // groups of the last message
}

func (c *counter) add(j *jobRecord, t tally) {
	g := j.Lane
	if c.by == GroupTenant {
		g = Lane{Tenant: j.Lane.Tenant}
	}
	n := c.groups[g]
	n.Jobs++
	n.Recipients += int64(t.waiting)
	if j.Held {
		n.Held++
	}
	if c.first(j.Message, g) {
		n.Messages++
		n.Bytes += j.Size
	}
	if n.Oldest.IsZero() || j.Arrived.Before(n.Oldest) {
		n.Oldest = j.Arrived
	}
	c.groups[g] = n
}

// first tells whether the message was not in this group yet.
func (c *counter) first(id ID, g Lane) bool {
	if id != c.last {
		c.last, c.seen = id, c.seen[:0]
	}
	for _, s := range c.seen {
		if s == g {
			return false
		}
	}
	c.seen = append(c.seen, g)
	return true
}
