package salvage

import (
	"bytes"
	"fmt"
	"sort"

	"github.com/cockroachdb/pebble/v2"
)

// Item is the newest that is known of a key.
type Item struct {
	Key     []byte
	Deleted bool

	w    *Wreck
	from *table
	row  row
}

// Cursor goes over the keys of a range, in order.
type Cursor struct {
	w       *Wreck
	sources []*source
	from    []byte
	to      []byte
	last    []byte
	begun   bool
}

// Range gives the keys from one on and before another; nil does not bound.
func (w *Wreck) Range(from, to []byte) *Cursor {
	c := &Cursor{w: w, from: from, to: to}
	for _, t := range w.tables {
		if blocks := t.within(from, to); len(blocks) > 0 {
			c.sources = append(c.sources, &source{w: w, table: t, blocks: blocks})
		}
	}
	i := sort.Search(len(w.recent), func(i int) bool { return bytes.Compare(w.recent[i].key, from) >= 0 })
	c.sources = append(c.sources, &source{w: w, rows: w.recent[i:]})
	return c
}

// Next gives the next key.
func (c *Cursor) Next() (Item, bool) {
	for {
		s, r, ok := c.smallest()
		if !ok {
			return Item{}, false
		}
		s.next()
		switch {
		case !c.counts(s, r), c.begun && bytes.Equal(r.key, c.last):
			continue // an older version, or beyond the range
		}
		c.last, c.begun = append(c.last[:0], r.key...), true
		return Item{Key: r.key, Deleted: isDeletion(r.kind), w: c.w, from: s.table, row: r}, true
	}
}

// counts tells whether an entry is one of a single key within the bounds.
func (c *Cursor) counts(s *source, r row) bool {
	if t := s.table; t != nil && t.meta.to != nil && (bytes.Compare(r.key, t.meta.from) < 0 || bytes.Compare(r.key, t.meta.to) > 0) {
		return false
	}
	return bytes.Compare(r.key, c.from) >= 0 && (isDeletion(r.kind) || isSet(r.kind))
}

// smallest finds the source with the first entry.
func (c *Cursor) smallest() (best *source, first row, ok bool) {
	for i := 0; i < len(c.sources); i++ {
		s := c.sources[i]
		r, has := s.head()
		if !has || c.to != nil && bytes.Compare(r.key, c.to) >= 0 {
			c.sources = append(c.sources[:i], c.sources[i+1:]...)
			i--
			continue
		}
		if best == nil || r.before(first) < 0 {
			best, first = s, r
		}
	}
	return best, first, best != nil
}

func isSet(kind byte) bool {
	return kind == byte(pebble.InternalKeyKindSet) || kind == byte(pebble.InternalKeyKindSetWithDelete)
}

func isDeletion(kind byte) bool {
	return kind == byte(pebble.InternalKeyKindDelete) || kind == byte(pebble.InternalKeyKindSingleDelete) ||
		kind == byte(pebble.InternalKeyKindDeleteSized)
}

// Value reads the value of a key, wherever it lies.
func (it Item) Value() ([]byte, error) {
	if !it.row.external {
		return it.row.value, nil
	}
	a, ok := blobAddress(it.row.value)
	if !ok {
		return nil, fmt.Errorf("%w: no address of a value", errBlock)
	}
	var direct error = errBlock
	if refs := it.from.meta.blobs; a.reference < len(refs) {
		if b := it.w.blobs[it.w.ids[refs[a.reference]]]; b != nil {
			v, err := b.at(it.w, a)
			if err == nil && len(v) == a.length && it.w.opt.Valid(it.Key, v) {
				return v, nil
			}
			direct = err
		}
	}
	return it.search(a, direct)
}

// search looks for a value by its length in all blob files, since the address
// leads to nothing.
func (it Item) search(a address, direct error) ([]byte, error) {
	for _, num := range sortedKeys(it.w.blobs) {
		b := it.w.blobs[num]
		for _, p := range b.ofLength(it.w, a.length) {
			if v, err := b.value(it.w, p); err == nil && it.w.opt.Valid(it.Key, v) {
				return v, nil
			}
		}
	}
	if direct == nil {
		direct = errBlock
	}
	return nil, fmt.Errorf("%w: value of %d octets", direct, a.length)
}
