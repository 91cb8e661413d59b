package spool

import (
	"bytes"
	"context"
	"errors"
	"slices"
)

// pageKeys is how many keys a page may look at, as long as it has not the jobs
// that it may have.
const pageKeys = 16 << 10

// candidates goes, in the order of ids, over jobs among which are all that a
// filter selects, and which were there when it began. It goes by pages and keeps
// nothing of the database open between two of them: who reads a list slowly would
// else keep on the disk all that is deleted meanwhile. A page ends between two
// messages, so that what an action makes of them is in none that follows.
type candidates struct {
	p *Pebble
	f Filter

	ids  []ID  // messages still to visit, or
	refs []ref // jobs, or
	fam  byte  // what stands in an index, 0: nothing
	from []byte
	end  []byte
	last ID // of the messages that were there
}

// candidates finds where to look by the narrowest index that the filter names.
func (p *Pebble) candidates(ctx context.Context, f Filter) (*candidates, error) {
	c := &candidates{p: p, f: f}
	switch {
	case len(f.IDs) > 0:
		c.ids = slices.Clone(f.IDs)
		slices.SortFunc(c.ids, func(a, b ID) int { return slices.Compare(a[:], b[:]) })
		c.ids = slices.Compact(c.ids)
		return c, nil
	case f.Sender != "":
		return c, c.over(appendIndexPrefix(nil, famSender, f.Sender))
	case f.Domain != "":
		return c, c.over(appendIndexPrefix(nil, famDomain, string(f.Domain)))
	case f.HeldOnly:
		return c, c.over([]byte{famHeld})
	case f.Transport != "":
		if ways, few := p.waysOf(f); few {
			var err error
			c.refs, err = p.gather(ctx, ways, f.Nexthop)
			return c, err
		}
	}
	if f.Tenant != "" {
		return c, c.over(appendIndexPrefix(nil, famTenant, f.Tenant))
	}
	return c, c.over([]byte{famJob})
}

// over goes over the keys that begin with a prefix, of the messages that are
// there now.
func (c *candidates) over(prefix []byte) error {
	it, err := c.p.db.NewIter(keysOf(famJob))
	if err != nil {
		return readError(err)
	}
	if it.Last() {
		c.fam, c.from, c.end = prefix[0], prefix, keyEnd(prefix)
		copy(c.last[:], it.Key()[1:])
	}
	return readError(errors.Join(it.Error(), it.Close()))
}

// next gives a page, which may be empty; false after the last.
func (c *candidates) next() (page []ref, more bool, err error) {
	switch {
	case len(c.ids) > 0:
		n := min(len(c.ids), c.p.opt.Page)
		page, err = c.p.jobsOfAll(c.ids[:n])
		c.ids = c.ids[n:]
	case len(c.refs) > 0:
		n := min(len(c.refs), c.p.opt.Page)
		page, c.refs = c.refs[:n], c.refs[n:]
	case c.fam == famSender:
		var ids []ID
		if ids, err = c.messages(); err == nil {
			page, err = c.p.jobsOfAll(ids)
		}
	case c.fam != 0:
		page, err = c.jobs()
	default:
		return nil, false, nil
	}
	return page, err == nil, err
}

// messages reads a page of an index of messages.
func (c *candidates) messages() (ids []ID, err error) {
	err = c.keys(idSize, func(key, _ []byte) bool {
		ids = append(ids, ID(key[len(key)-idSize:]))
		return len(ids) < c.p.opt.Page
	})
	return ids, err
}

// jobs reads a page of an index of jobs, or of the jobs themselves. What the
// record of a job alone tells that it is not selected is left out.
func (c *candidates) jobs() (refs []ref, err error) {
	all := c.fam != famJob || c.f.Transport == "" && c.f.Nexthop == "" && c.f.OlderThan.IsZero()
	err = c.keys(idSize+4, func(key, value []byte) bool {
		r, _ := parseRef(key[len(key)-idSize-4:])
		if !all {
			if j, _, err := decodeJob(r, key, value); err == nil && !c.f.admits(j) {
				return true
			}
		}
		refs = append(refs, r)
		return len(refs) < c.p.opt.Page
	})
	return refs, err
}

// keys visits keys that end in size octets, the first of which are a message's id,
// until visit has enough and the message ends. The next call goes on there.
func (c *candidates) keys(size int, visit func(key, value []byte) bool) error {
	seen, enough := 0, false
	var id ID
	next := []byte(nil)
	err := eachIn(c.p.db, c.from, c.end, func(key, value []byte) bool {
		if len(key) <= size {
			return true
		}
		of := ID(key[len(key)-size:][:idSize])
		if bytes.Compare(of[:], c.last[:]) > 0 {
			return false
		}
		if (enough || seen >= pageKeys) && of != id {
			next = bytes.Clone(key)
			return false
		}
		id = of
		seen++
		enough = !visit(key, value) || enough
		return true
	})
	if c.from = next; next == nil {
		c.fam = 0
	}
	return err
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

// gather gives the jobs of some ways, which stand in their schedule by lane and
// time, and all held ones. A snapshot sees each job in one of the two.
func (p *Pebble) gather(ctx context.Context, ways []way, nexthop string) (refs []ref, err error) {
	if len(ways) == 0 {
		return nil, nil
	}
	snap := p.db.NewSnapshot()
	take := func(key, _ []byte) bool {
		if r, ok := parseRef(key[max(0, len(key)-idSize-4):]); ok {
			refs = append(refs, r)
		}
		return ctx.Err() == nil
	}
	for _, w := range ways {
		prefix := appendName(appendName([]byte{famDue}, w.tenant), w.transport)
		if nexthop != "" {
			prefix = appendName(prefix, nexthop)
		}
		err = errors.Join(err, eachIn(snap, prefix, keyEnd(prefix), take))
	}
	err = errors.Join(err, eachIn(snap, []byte{famHeld}, []byte{famHeld + 1}, take), snap.Close(), ctx.Err())
	slices.SortFunc(refs, ref.compare)
	return refs, err
}

// jobsOfAll gives the jobs of messages that come in the order of their ids.
func (p *Pebble) jobsOfAll(ids []ID) (refs []ref, err error) {
	it, err := p.db.NewIter(keysOf(famJob))
	if err != nil {
		return nil, readError(err)
	}
	var prefix []byte
	for _, id := range ids {
		prefix = appendMessageKey(prefix[:0], famJob, id)
		for ok := it.SeekGE(prefix); ok && bytes.HasPrefix(it.Key(), prefix); ok = it.Next() {
			if r, ok := parseRef(it.Key()[1:]); ok {
				refs = append(refs, r)
			}
		}
	}
	return refs, readError(errors.Join(it.Error(), it.Close()))
}
