package spooltest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// ready tells whether a job can be claimed once it is due. The caller holds mu.
func (m *Mem) ready(j *memJob) bool {
	return !j.Held && (j.Lease.Token == 0 || j.Lease.Until.Before(m.Now()))
}

// claims tells whether a request asks for a job that can be claimed.
func claims(req spool.ClaimReq, j *memJob) bool {
	switch {
	case !req.From.IsZero():
		return !j.Asleep && !j.Due.Before(req.From) && !j.Due.After(req.Before)
	case j.Asleep && !req.Asleep:
		return true
	}
	return !j.Due.After(req.Before)
}

// byDue orders jobs as they are claimed.
func byDue(a, b *memJob) int {
	if a.Asleep != b.Asleep {
		if a.Asleep {
			return -1
		}
		return 1
	}
	return a.Due.Compare(b.Due)
}

// Lanes with work.
func (m *Mem) Lanes(_ context.Context, before time.Time, most int) ([]spool.LaneDue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.open(); err != nil {
		return nil, err
	}
	type half struct {
		spool.Lane
		asleep bool
	}
	lanes := map[half]*spool.LaneDue{}
	for _, msg := range m.messages {
		for _, j := range msg.jobs {
			if !m.ready(j) || !j.Asleep && j.Due.After(before) {
				continue
			}
			key := half{j.Lane, j.Asleep}
			l := lanes[key]
			if l == nil {
				l = &spool.LaneDue{Lane: j.Lane, Due: j.Due, Asleep: j.Asleep}
				lanes[key] = l
			}
			if l.Jobs++; j.Due.Before(l.Due) {
				l.Due = j.Due
			}
		}
	}
	var out []spool.LaneDue
	for _, l := range lanes {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b spool.LaneDue) int {
		if a.Asleep != b.Asleep {
			if a.Asleep {
				return -1
			}
			return 1
		}
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Lane.Nexthop, b.Lane.Nexthop),
			cmp.Compare(a.Lane.Tenant, b.Lane.Tenant), cmp.Compare(a.Lane.Transport, b.Lane.Transport))
	})
	return out[:max(0, min(most, len(out)))], nil
}

// Claim leases due jobs.
func (m *Mem) Claim(_ context.Context, req spool.ClaimReq) ([]spool.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.open(); err != nil {
		return nil, err
	}
	due := m.sorted(func(_ *memMessage, j *memJob) bool {
		return j.Lane == req.Lane && m.ready(j) && claims(req, j)
	})
	slices.SortStableFunc(due, byDue)
	if len(due) < req.Max && req.From.IsZero() {
		m.tellNext(req)
	}
	var out []spool.Job
	for _, j := range due[:max(0, min(req.Max, len(due)))] {
		m.token++
		j.Lease = spool.Lease{Message: j.Message, Job: j.N, Token: m.token, Until: m.Now().Add(req.LeaseFor)}
		out = append(out, j.snapshot(func(r spool.Recipient) bool { return r.State == spool.Waiting }))
	}
	return out, nil
}

// tellNext gives the hint of what is due next in a lane, when that is within the
// minute. The caller holds mu.
func (m *Mem) tellNext(req spool.ClaimReq) {
	next := m.sorted(func(_ *memMessage, j *memJob) bool {
		return j.Lane == req.Lane && m.ready(j) && (!j.Asleep || req.Asleep) &&
			j.Due.After(req.Before) && j.Due.Before(req.Before.Add(time.Minute))
	})
	if len(next) > 0 {
		m.hint(slices.MinFunc(next, func(a, b *memJob) int { return a.Due.Compare(b.Due) }))
	}
}

// snapshot copies the job with some of its recipients.
func (j *memJob) snapshot(keep func(spool.Recipient) bool) spool.Job {
	c := j.Job
	c.Recipients = nil
	for _, r := range j.Recipients {
		if keep(r) {
			c.Recipients = append(c.Recipients, r)
		}
	}
	return c
}

// holder gives the job that a lease holds. The caller holds mu.
func (m *Mem) holder(l spool.Lease) (*memMessage, *memJob, error) {
	if err := m.open(); err != nil {
		return nil, nil, err
	}
	if msg := m.messages[l.Message]; msg != nil {
		for _, j := range msg.jobs {
			if j.N == l.Job && j.Lease.Token == l.Token && l.Token != 0 {
				return msg, j, nil
			}
		}
	}
	return nil, nil, spool.ErrFenced
}

// Extend makes a lease last longer.
func (m *Mem) Extend(_ context.Context, l spool.Lease, d time.Duration) (spool.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, j, err := m.holder(l)
	if err != nil {
		return spool.Lease{}, err
	}
	j.Lease.Until = m.Now().Add(d)
	return j.Lease, nil
}

// Update writes what became of an attempt.
func (m *Mem) Update(_ context.Context, l spool.Lease, o spool.Outcome, spawn []spool.Draft) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	msg, j, err := m.holder(l)
	if err != nil {
		return err
	}
	for i, c := range o.Changes {
		twice := slices.ContainsFunc(o.Changes[:i], func(b spool.RecipientChange) bool { return b.N == c.N })
		if !j.waiting[c.N] || twice {
			return fmt.Errorf("%w: recipient %d does not wait", spool.ErrInvalid, c.N)
		}
	}
	drafts := make([]*memDraft, len(spawn))
	for i, s := range spawn {
		d, ok := s.(*memDraft)
		if !ok || d.store != m || d.prepared == nil || slices.Contains(drafts[:i], d) {
			return fmt.Errorf("%w: draft not prepared", spool.ErrInvalid)
		}
		drafts[i] = d
	}
	fresh, err := m.successors(msg, j, o)
	if err != nil {
		return err
	}
	for _, d := range drafts {
		m.take(d)
	}
	j.apply(o, m.Now().UTC())
	msg.jobs = append(msg.jobs, fresh...)
	for _, f := range fresh {
		m.hint(f)
	}
	if len(j.waiting) == 0 {
		m.drop(msg, j)
	} else {
		m.hint(j)
	}
	return nil
}

// successors makes the jobs that take over what an outcome moves. The caller
// holds mu.
func (m *Mem) successors(msg *memMessage, old *memJob, o spool.Outcome) ([]*memJob, error) {
	leaves := map[int]bool{}
	for _, c := range o.Changes {
		if c.State == spool.Moved {
			leaves[c.N] = true
		}
	}
	next := msg.jobs[len(msg.jobs)-1].N + 1
	msg.next = next
	var fresh []*memJob
	for _, given := range o.Jobs {
		bad := error(nil)
		for _, r := range given.Recipients {
			if !leaves[r.N] || r.State != spool.Waiting {
				bad = fmt.Errorf("%w: recipient %d", spool.ErrInvalid, r.N)
			}
			delete(leaves, r.N)
		}
		j, err := msg.add(old.Message, given, m.Now().UTC())
		if err = cmp.Or(bad, err); err != nil {
			msg.next = next
			return nil, err
		}
		j.Held = j.Held || old.Held
		fresh = append(fresh, j)
	}
	if len(leaves) > 0 {
		msg.next = next
		return nil, fmt.Errorf("%w: a recipient is missing", spool.ErrInvalid)
	}
	return fresh, nil
}

// apply writes an outcome into the job.
func (j *memJob) apply(o spool.Outcome, now time.Time) {
	for _, c := range o.Changes {
		r := &j.Recipients[c.N]
		r.State, r.Reply, r.Remote, r.Warned = c.State, c.Reply, c.Remote, c.Warned
		if c.State != spool.Waiting {
			delete(j.waiting, c.N)
		}
	}
	if !o.Uncount {
		j.Attempts++
		j.LastTry = now
	}
	j.Held = j.Held || o.Held
	if !o.Held {
		j.Due, j.Asleep = o.Next, o.Asleep
		if o.Next.IsZero() {
			j.Due = now
		}
	}
	j.Lease = spool.Lease{}
}

// drop ends a job, and the message with its last one. The caller holds mu.
func (m *Mem) drop(msg *memMessage, j *memJob) {
	msg.jobs = slices.DeleteFunc(msg.jobs, func(o *memJob) bool { return o == j })
	if len(msg.jobs) == 0 {
		delete(m.messages, j.Message)
	}
}

// Replace puts the outstanding recipients of a job into other jobs.
func (m *Mem) Replace(_ context.Context, l spool.Lease, jobs []spool.Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	msg, old, err := m.holder(l)
	if err != nil {
		return err
	}
	return m.divide(msg, old, jobs)
}

// Reassign does so to a job that nobody has claimed.
func (m *Mem) Reassign(_ context.Context, seen spool.Job, jobs []spool.Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.open(); err != nil {
		return err
	}
	msg := m.messages[seen.Message]
	if msg == nil {
		return spool.ErrNotFound
	}
	at := slices.IndexFunc(msg.jobs, func(j *memJob) bool { return j.N == seen.N })
	if at < 0 {
		return spool.ErrNotFound
	}
	switch old := msg.jobs[at]; {
	case old.Lease.Token != 0 && !old.Lease.Until.Before(m.Now()):
		return spool.ErrBusy
	case old.Lane != seen.Lane || old.Attempts != seen.Attempts || !old.LastTry.Equal(seen.LastTry) ||
		!slices.Equal(old.Recipients, seen.Recipients):
		return spool.ErrFenced
	default:
		return m.divide(msg, old, jobs)
	}
}

// divide puts jobs in place of one. The caller holds mu.
func (m *Mem) divide(msg *memMessage, old *memJob, jobs []spool.Job) (err error) {
	seen := map[int]bool{}
	next := msg.jobs[len(msg.jobs)-1].N + 1
	msg.next = next
	var fresh []*memJob
	for _, given := range jobs {
		for _, r := range given.Recipients {
			if !old.waiting[r.N] || seen[r.N] || r.State != spool.Waiting {
				err = fmt.Errorf("%w: recipient %d", spool.ErrInvalid, r.N)
			}
			seen[r.N] = true
		}
		j, bad := msg.add(old.Message, given, m.Now().UTC())
		if bad != nil || err != nil {
			msg.next = next
			return cmp.Or(err, bad)
		}
		j.Held = j.Held || old.Held
		fresh = append(fresh, j)
	}
	if len(seen) != len(old.waiting) {
		msg.next = next
		return fmt.Errorf("%w: a recipient is missing", spool.ErrInvalid)
	}
	msg.jobs = append(msg.jobs, fresh...)
	m.drop(msg, old)
	for _, j := range fresh {
		m.hint(j)
	}
	return nil
}
