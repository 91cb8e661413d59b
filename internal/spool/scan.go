package spool

import (
	"context"
	"errors"
	"slices"

	"github.com/postroad/postroad/internal/mail"
)

// Scan visits the jobs of a filter by the narrowest index that it names.
func (p *Pebble) Scan(ctx context.Context, f Filter, each func(Entry) error) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.gate.leave()
	var id ID
	var env Envelope
	return p.scan(ctx, f, func(j *jobRecord) error {
		if id != j.Message {
			var err error
			if env, err = p.envelopeOf(j); err != nil {
				return err
			}
			id = j.Message
		}
		return each(Entry{Envelope: env, Job: j.Job})
	})
}

// envelopeOf reads the envelope of a job's message. Of one that is damaged, or
// went this moment, it gives what the job knows, since a list must not leave
// out what still waits.
func (p *Pebble) envelopeOf(j *jobRecord) (Envelope, error) {
	env, err := p.readEnvelope(j.Message)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
		return Envelope{Sender: j.from, Arrived: j.Arrived, Size: j.Size}, nil
	}
	return env, err
}

// scan visits the records of a filter's jobs.
func (p *Pebble) scan(ctx context.Context, f Filter, each func(*jobRecord) error) error {
	found := 0
	var stop error
	err := p.candidates(ctx, f, func(r ref) bool {
		if stop = ctx.Err(); stop != nil {
			return false
		}
		j, err := p.readJobSurely(r)
		switch {
		case errors.Is(err, ErrNotFound):
			return true // went meanwhile, or lies in quarantine
		case errors.Is(err, ErrDamaged):
			p.opt.Log.Warn("spool: left out of a list", "message", r.id, "job", r.job, "error", err)
			return true
		case err != nil:
			stop = err
			return false
		}
		if f.selects(j) {
			found++
			stop = each(j)
		}
		return stop == nil && (f.Limit <= 0 || found < f.Limit)
	})
	return errors.Join(stop, err)
}

// readJobSurely reads a job that may change meanwhile. What looks damaged is
// read again while nothing can change.
func (p *Pebble) readJobSurely(r ref) (*jobRecord, error) {
	j, err := p.readJob(r)
	if errors.Is(err, ErrDamaged) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.readJob(r)
	}
	return j, err
}

// candidatesOf visits the jobs of a sender's messages.
func (p *Pebble) candidatesOf(sender string, visit func(ref) bool) error {
	var failed error
	ids := func(yield func(ID) bool) {
		failed = p.each(appendIndexPrefix(nil, famSender, sender), nil, func(key, _ []byte) bool {
			return yield(ID(key[len(key)-idSize:]))
		})
	}
	err := p.jobsOfAll(ids, visit)
	return errors.Join(err, failed)
}

// jobsOfAll visits the jobs of several messages.
func (p *Pebble) jobsOfAll(ids func(func(ID) bool), visit func(ref) bool) error {
	on := true
	for id := range ids {
		err := p.jobsOf(id, func(r ref) bool {
			on = visit(r)
			return on
		})
		if err != nil || !on {
			return err
		}
	}
	return nil
}

// selects tells whether the filter selects a job.
func (f *Filter) selects(j *jobRecord) bool {
	return f.admits(j) &&
		(len(f.IDs) == 0 || slices.Contains(f.IDs, j.Message)) &&
		(f.Domain == "" || j.reaches(f.Domain)) &&
		(f.Sender == "" || f.Sender == j.from.String()) &&
		(!f.HeldOnly || j.Held)
}

// admits tells it by what never changes of a job and stands in its own record.
func (f *Filter) admits(j *jobRecord) bool {
	return (f.Transport == "" || f.Transport == j.Lane.Transport) &&
		(f.Nexthop == "" || f.Nexthop == j.Lane.Nexthop) &&
		(f.Tenant == "" || f.Tenant == j.Lane.Tenant) &&
		(f.OlderThan.IsZero() || j.Arrived.Before(f.OlderThan))
}

func (j *jobRecord) reaches(d mail.Domain) bool {
	return slices.ContainsFunc(j.Recipients, func(r Recipient) bool { return r.Final.Domain == d })
}
