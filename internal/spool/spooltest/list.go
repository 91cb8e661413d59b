package spooltest

import (
	"context"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// selected gives what a filter selects. The caller holds mu.
func (m *Mem) selected(f spool.Filter) []*memJob {
	out := m.sorted(func(msg *memMessage, j *memJob) bool { return passes(f, &msg.env, &j.Job) })
	if f.Limit > 0 && len(out) > f.Limit {
		out = out[:f.Limit]
	}
	return out
}

// Scan calls each for the jobs of a filter.
func (m *Mem) Scan(ctx context.Context, f spool.Filter, each func(spool.Entry) error) error {
	m.mu.Lock()
	err := m.open()
	var list []spool.Entry
	for _, j := range m.selected(f) {
		e := spool.Entry{Envelope: m.messages[j.Message].env, Job: j.snapshot(func(spool.Recipient) bool { return true }), Waiting: len(j.waiting)}
		e.Job.Lease = spool.Lease{}
		if f.Detail != spool.DetailAll {
			e.Envelope = spool.Envelope{Sender: e.Envelope.Sender, Arrived: e.Envelope.Arrived, Size: e.Envelope.Size}
		}
		list = append(list, e)
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// Change does an action to the jobs of a filter, in one chunk.
func (m *Mem) Change(_ context.Context, f spool.Filter, a spool.Action, told func(spool.Changed)) (spool.Changed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var c spool.Changed
	if err := m.open(); err != nil {
		return c, err
	}
	messages := make(map[spool.ID]bool)
	for _, j := range m.selected(f) {
		waiting := len(j.waiting)
		if !m.act(j, a) {
			continue
		}
		messages[j.Message] = true
		c.Jobs++
		c.Recipients += int64(waiting)
	}
	c.Messages = int64(len(messages))
	if told != nil && c.Jobs > 0 {
		told(c)
	}
	return c, nil
}

// act does an action to a job and tells whether it concerned it.
func (m *Mem) act(j *memJob, a spool.Action) bool {
	switch a {
	case spool.ActionHold:
		if j.Held {
			return false
		}
		j.Held = true
	case spool.ActionRelease:
		if !j.Held {
			return false
		}
		j.Held = false
		j.rouse(m.Now().UTC())
		m.hint(j)
	case spool.ActionRetry:
		now := m.Now().UTC()
		if !m.ready(j) {
			return false
		}
		if j.Due.After(now) {
			j.Due = now
		}
		j.rouse(now)
		m.hint(j)
	case spool.ActionRemove:
		m.drop(m.messages[j.Message], j)
	default:
		return false
	}
	return true
}

// rouse makes a job that sleeps due now.
func (j *memJob) rouse(now time.Time) {
	if j.Asleep {
		j.Asleep, j.Due = false, now
	}
}

// Count by group.
func (m *Mem) Count(_ context.Context, by spool.Group) (map[spool.Lane]spool.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.open(); err != nil {
		return nil, err
	}
	out := map[spool.Lane]spool.Counts{}
	if by == spool.GroupAll {
		out[spool.Lane{}] = spool.Counts{}
	}
	type once struct {
		id    spool.ID
		group spool.Lane
	}
	seen := map[once]bool{}
	for _, j := range m.selected(spool.Filter{}) {
		g := spool.Lane{}
		switch by {
		case spool.GroupLane:
			g = j.Lane
		case spool.GroupTenant:
			g.Tenant = j.Lane.Tenant
		case spool.GroupTransport:
			g.Tenant, g.Transport = j.Lane.Tenant, j.Lane.Transport
		}
		c := out[g]
		c.Jobs++
		c.Recipients += int64(len(j.waiting))
		if j.Held {
			c.Held++
		}
		if by == spool.GroupTransport {
			out[g] = c
			continue
		}
		if k := (once{j.Message, g}); !seen[k] {
			seen[k] = true
			c.Messages++
			c.Bytes += j.Size
		}
		if c.Oldest.IsZero() || j.Arrived.Before(c.Oldest) {
			c.Oldest = j.Arrived
		}
		out[g] = c
	}
	return out, nil
}
