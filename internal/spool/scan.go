package spool

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"github.com/postroad/postroad/internal/mail"
)

// Scan visits the jobs of a filter by the narrowest index that it names.
func (p *Pebble) Scan(ctx context.Context, f Filter, each func(Entry) error) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.gate.leave()
	return p.scan(ctx, f, func(e *entry) error {
		return each(Entry{Envelope: e.env, Job: e.Job, Waiting: e.tally.waiting})
	})
}

// scan visits the records of a filter's jobs, a block after the other. Between two
// blocks it lets others go first.
func (p *Pebble) scan(ctx context.Context, f Filter, each func(*entry) error) error {
	c, err := p.candidates(ctx, f)
	s := scanning{p: p, f: f, each: each, size: blockFirst, left: f.Limit}
	for more := true; more && err == nil; {
		var page []ref
		if page, more, err = c.next(); err == nil {
			err = s.visit(ctx, page)
		}
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return errors.Join(err, ctx.Err())
}

// errEnough ends a scan at its limit.
var errEnough = errors.New("spool: limit of a scan")

// scanning is a scan under way.
type scanning struct {
	p    *Pebble
	f    Filter
	each func(*entry) error
	size int // of the next block
	left int // 0: no limit, else how many more are wanted
}

// visit visits those of some jobs that are selected.
func (s *scanning) visit(ctx context.Context, refs []ref) error {
	for len(refs) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		block, n, err := s.p.readBlock(refs[:min(s.size, len(refs))], s.f)
		if err != nil {
			return err
		}
		refs, s.size = refs[n:], min(2*s.size, blockJobs)
		runtime.Gosched()
		for i := range block {
			if err := s.one(&block[i]); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (s *scanning) one(e *entry) error {
	if !s.f.selects(e.jobRecord) {
		return nil
	}
	if err := s.each(e); err != nil {
		return err
	}
	if s.left > 0 {
		if s.left--; s.left == 0 {
			return errEnough
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
