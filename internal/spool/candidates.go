package spool

import (
	"context"
	"errors"
	"slices"
)

// candidates visits, in the order of ids, jobs among which are all that the
// filter selects.
func (p *Pebble) candidates(ctx context.Context, f Filter, visit func(ref) bool) error {
	visitKey := func(key, _ []byte) bool {
		r, ok := parseRef(key[max(0, len(key)-idSize-4):])
		return !ok || visit(r)
	}
	switch {
	case len(f.IDs) > 0:
		ids := slices.Clone(f.IDs)
		slices.SortFunc(ids, func(a, b ID) int { return slices.Compare(a[:], b[:]) })
		return p.jobsOfAll(slices.Values(slices.Compact(ids)), visit)
	case f.Sender != "":
		return p.candidatesOf(f.Sender, visit)
	case f.Domain != "":
		return p.each(appendIndexPrefix(nil, famDomain, string(f.Domain)), nil, visitKey)
	case f.HeldOnly:
		return p.each([]byte{famHeld}, nil, visitKey)
	case f.Transport != "":
		if ways, few := p.waysOf(f); few {
			return p.candidatesOn(ctx, ways, f.Nexthop, visit)
		}
	}
	if f.Tenant != "" {
		return p.each(appendIndexPrefix(nil, famTenant, f.Tenant), nil, visitKey)
	}
	return p.walk(ctx, f, visit)
}

// walk goes through all jobs. What their record alone tells that they are not
// selected is not read any further.
func (p *Pebble) walk(ctx context.Context, f Filter, visit func(ref) bool) error {
	all := f.Transport == "" && f.Nexthop == "" && f.OlderThan.IsZero()
	return p.each([]byte{famJob}, nil, func(key, value []byte) bool {
		r, ok := parseRef(key[1:])
		if !ok {
			return true
		}
		if !all {
			if j, _, err := decodeJob(r, key, value); err == nil && !f.admits(j) {
				return ctx.Err() == nil
			}
		}
		return visit(r)
	})
}

// waysOf gives the ways of the filter's transport, and tells whether their jobs
// are few enough to be gathered: what is more is met soon in a walk through all.
func (p *Pebble) waysOf(f Filter) (ways []way, few bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := int64(0)
	for w, s := range p.total.ways {
		if w.transport == f.Transport && (f.Tenant == "" || f.Tenant == w.tenant) {
			ways = append(ways, w)
			n += s.jobs
		}
	}
	return ways, max(n, p.total.held) <= int64(p.opt.Gather)
}

// candidatesOn visits the jobs of some ways, which stand in their schedule by
// lane and time, and all held ones. A snapshot sees each job in one of the two.
func (p *Pebble) candidatesOn(ctx context.Context, ways []way, nexthop string, visit func(ref) bool) error {
	if len(ways) == 0 {
		return nil
	}
	snap := p.db.NewSnapshot()
	var refs []ref
	gather := func(key, _ []byte) bool {
		if r, ok := parseRef(key[max(0, len(key)-idSize-4):]); ok {
			refs = append(refs, r)
		}
		return ctx.Err() == nil
	}
	var err error
	for _, w := range ways {
		prefix := appendName(appendName([]byte{famDue}, w.tenant), w.transport)
		if nexthop != "" {
			prefix = appendName(prefix, nexthop)
		}
		err = errors.Join(err, eachIn(snap, prefix, nil, gather))
	}
	err = errors.Join(err, eachIn(snap, []byte{famHeld}, nil, gather), snap.Close(), ctx.Err())
	slices.SortFunc(refs, ref.compare)
	for _, r := range refs {
		if err != nil || !visit(r) {
			return err
		}
	}
	return err
}
