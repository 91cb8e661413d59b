package spool

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// reclaimRest is the least pause between two passes; a pass that took long is
	// followed by reclaimShare times as long.
	reclaimRest  = 5 * time.Second
	reclaimShare = 4
	// reclaimLate is when a pass is made for however little.
	reclaimLate = 10 * time.Second
)

// Shares of the blobs that may be garbage. On a full disk most of what is read to
// be written again is worth it; on another, most of it dies by itself soon.
const (
	garbageUsual = 0.5
	garbageFull  = 0.1
)

// perMessage is about what the records of a message take beside its body.
const perMessage = 1 << 10

// reclaimer makes the database give back what has been delivered, while the disk
// is full. By itself it would not: deletions are small, and stay in the memtable
// until new mail pushes them out, which is not taken; and in tables they wait for
// others before they meet what they delete.
//
// A pass flushes the memtable and merges the tables piece by piece, so that each
// step needs little room. Delivery goes on meanwhile.
type reclaimer struct {
	p       *Pebble
	dropped atomic.Int64 // octets of the messages that have gone since the last pass
	wake    chan struct{}

	last time.Time // when the last pass ended
	took time.Duration
	next []byte // where the next pass begins
}

// newReclaimer takes it that the last process has left something.
func newReclaimer(p *Pebble) *reclaimer {
	r := &reclaimer{p: p, wake: make(chan struct{}, 1)}
	r.dropped.Store(1)
	return r
}

// kick says that the disk is full.
func (r *reclaimer) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run makes passes until ctx ends.
func (r *reclaimer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		if r.due(time.Now()) {
			r.pass(ctx)
		}
	}
}

// due tells whether a pass is worth it now.
func (r *reclaimer) due(now time.Time) bool {
	rested := now.Sub(r.last)
	switch {
	case rested < max(reclaimRest, reclaimShare*r.took):
		return false
	case r.dropped.Load() >= r.p.opt.MinFree/16:
		return true
	}
	return rested >= reclaimLate && (r.dropped.Load() > 0 || r.garbage() > garbageFull)
}

// garbage is the share of the blobs that nothing refers to.
func (r *reclaimer) garbage() float64 {
	b := r.p.db.Metrics().BlobFiles
	if b.ValueSize == 0 {
		return 0
	}
	return 1 - float64(b.ReferencedValueSize)/float64(b.ValueSize)
}

// pass gives back what it can until there is room again. Nothing depends on it, so
// that an error only ends it.
func (r *reclaimer) pass(ctx context.Context) {
	begun := time.Now()
	dropped := r.dropped.Swap(0)
	before := r.p.space.left()
	err := r.flush(ctx)
	for _, piece := range r.pieces() {
		if err != nil || ctx.Err() != nil || r.enough() {
			break
		}
		r.next = piece.end
		err = r.p.db.Compact(ctx, piece.start, piece.end, false)
	}
	r.last = time.Now()
	r.took = r.last.Sub(begun)
	if ctx.Err() == nil {
		r.p.logError("reclaiming", err)
		r.enough()
		r.p.opt.Log.Info("spool: reclaimed space of what has gone", "gone", dropped, "free_before", before, "free", r.p.space.left(), "took", r.took)
	}
}

// flush writes the memtable, unless that is under way or there is not the room.
// When it fills up, the database writes it in any case.
func (r *reclaimer) flush(ctx context.Context) error {
	m := r.p.db.Metrics().MemTable
	if m.Count > 1 || int64(m.Size) > r.p.space.left() {
		return nil
	}
	done, err := r.p.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	return nil
}

// enough looks whether there is room, and some more, so that mail is not refused
// again at once.
func (r *reclaimer) enough() bool {
	r.p.space.check()
	return r.p.space.full() == nil && r.p.space.left() >= r.p.opt.MinFree/8*9
}

// piece is a range of keys that is merged at a time.
type piece struct{ start, end []byte }

// pieces cuts the keys of all tables into pieces of which each takes an eighth of
// the room, beginning where the last pass ended.
func (r *reclaimer) pieces() []piece {
	tables, err := r.tables()
	if err != nil {
		r.p.logError("listing tables", err)
		return nil
	}
	var out []piece
	most, size := r.p.space.left()/8, int64(0)
	start := []byte{0}
	for _, t := range tables {
		if size += int64(t.Size); size > most && bytes.Compare(t.Smallest.UserKey, start) > 0 {
			out = append(out, piece{start, t.Smallest.UserKey})
			start, size = t.Smallest.UserKey, int64(t.Size)
		}
	}
	out = append(out, piece{start, []byte{0xff}})
	first, _ := slices.BinarySearchFunc(out, r.next, func(p piece, key []byte) int { return bytes.Compare(p.start, key) })
	return slices.Concat(out[first:], out[:first])
}

// tables gives those of all levels in the order of their first keys.
func (r *reclaimer) tables() ([]pebble.SSTableInfo, error) {
	levels, err := r.p.db.SSTables()
	if err != nil {
		return nil, err
	}
	all := slices.Concat(levels...)
	slices.SortFunc(all, func(a, b pebble.SSTableInfo) int {
		return cmp.Or(bytes.Compare(a.Smallest.UserKey, b.Smallest.UserKey), cmp.Compare(a.Size, b.Size))
	})
	return all, nil
}
