package spool

import (
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

const (
	// freshAge is after how long a message that still waits is forgotten when a
	// new one comes: its lane is slow, and a read from the disk costs it nothing more.
	freshAge = 5 * time.Second
	// freshJobs is how many jobs and recipients a message may have that is kept
	// as fresh: what its records take stays small beside the body.
	freshJobs = 64
	// freshShare bounds what the mail of a lane may hold, in parts of what is free
	// then: one alone takes two thirds of all, and the mail of others finds room
	// beside any number of them (Choudhury and Hahne's dynamic threshold).
	freshShare = 2
)

// fresh keeps messages as they came until their first attempts have begun, so
// that these read nothing back. It shares the budget of the drafts: at most half
// of it, and what drafts need it gives up.
//
// When it is full the messages that lie in it stay and new ones pass by: first
// in is first delivered, and a cache that drops the oldest would drop what is
// asked for next. What a lane cannot work off does not take the room of those
// that can: each has a share, told by the first job of a message.
type fresh struct {
	memory *memory
	most   int64

	mu    sync.Mutex // guards what follows; no other lock but memory's is taken under it
	byID  map[ID]*young
	order []aged // in order of arrival; may name messages that have gone
	held  int64
	lanes map[Lane]int64 // what each holds; none holds nothing
}

// areFew tells of jobs that may be kept as fresh.
func areFew(jobs []Job) bool {
	recipients := 0
	for i := range jobs {
		recipients += len(jobs[i].Recipients)
	}
	return len(jobs) <= freshJobs && recipients <= freshJobs
}

// young is a message in memory. Who opened it may read on after it is gone: its
// pages are used again when the last of them has closed it.
type young struct {
	env    Envelope
	text   text
	jobs   []*jobRecord // by number; nil once claimed or changed
	budget int64
	lane   Lane // whose share it takes
	users  int  // fresh itself, and who opened it
}

type aged struct {
	id      ID
	arrived time.Time
}

func newFresh(m *memory) fresh {
	return fresh{memory: m, most: m.free / 2, byID: map[ID]*young{}, lanes: map[Lane]int64{}}
}

// keep takes a message and its share of the budget, or says no.
func (f *fresh) keep(m *prepared, now time.Time) bool {
	if m.jobs[0].big || !m.few {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire(now.Add(-freshAge))
	id, lane := m.jobs[0].Message, m.jobs[0].Lane
	if !f.admit(lane, m.budget) {
		return false
	}
	f.byID[id] = &young{env: m.env, text: m.text, jobs: m.jobs, budget: m.budget, lane: lane, users: 1}
	f.order = append(f.order, aged{id, now})
	return true
}

// admit takes n octets for a lane, if its share has them. The caller holds mu.
func (f *fresh) admit(lane Lane, n int64) bool {
	share := f.lanes[lane] + n
	if f.held+n > f.most || share > freshShare*(f.most-f.held) {
		return false
	}
	f.held += n
	f.lanes[lane] = share
	return true
}

// release gives n octets of a lane back. The caller holds mu.
func (f *fresh) release(lane Lane, n int64) {
	f.held -= n
	if f.lanes[lane] -= n; f.lanes[lane] == 0 {
		delete(f.lanes, lane)
	}
}

// open gives envelope and body of a message that is here.
func (f *fresh) open(id ID) (Envelope, Body, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	y := f.byID[id]
	if y == nil {
		return Envelope{}, nil, false
	}
	y.users++
	return y.env, &freshBody{fresh: f, young: y}, true
}

// leave ends one use of a message; the pages of the last are used again. The
// caller holds mu.
func (f *fresh) leave(y *young) {
	if y.users--; y.users == 0 {
		f.memory.recycle(y.text)
	}
}

// freshBody is the body of a message in memory. A read after its Close is an
// error: the octets may be another message's by then.
type freshBody struct {
	fresh *fresh

	mu    sync.RWMutex // held while a read uses young
	young *young       // nil once closed
}

// Size is the body's; 0 after Close.
func (b *freshBody) Size() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.young == nil {
		return 0
	}
	return b.young.env.Size
}

// ReadAt copies from memory. Its error is fs.ErrClosed or io.EOF.
func (b *freshBody) ReadAt(p []byte, off int64) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.young == nil {
		return 0, fs.ErrClosed
	}
	if off < 0 {
		return 0, fmt.Errorf("%w: negative offset", ErrInvalid)
	}
	n := b.young.text.readAt(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Spans gives the body to use from where it lies, and keeps it there until use
// returns: a Close waits. Its error is use's or, when it is not called,
// fs.ErrClosed.
func (b *freshBody) Spans(use func(spans [][]byte) error) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.young == nil {
		return fs.ErrClosed
	}
	return use(b.young.text)
}

// Close gives the body up.
func (b *freshBody) Close() error {
	b.mu.Lock()
	y := b.young
	b.young = nil
	b.mu.Unlock()
	if y != nil {
		b.fresh.mu.Lock()
		defer b.fresh.mu.Unlock()
		b.fresh.leave(y)
	}
	return nil
}

// takeJob gives the record of a job once: from then on it is its holder's. Who
// changes a job takes it as well, so that no old state is left here.
func (f *fresh) takeJob(r ref) *jobRecord {
	f.mu.Lock()
	defer f.mu.Unlock()
	y := f.byID[r.id]
	if y == nil || int(r.job) >= len(y.jobs) {
		return nil
	}
	j := y.jobs[r.job]
	y.jobs[r.job] = nil
	return j
}

// drop forgets a message: it is gone, or waits for its next attempt.
func (f *fresh) drop(id ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(id)
}

// evict forgets the oldest messages until n octets of the budget are free; false
// when it has none left.
func (f *fresh) evict(n int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.order) > 0 && n > 0 {
		n -= f.remove(f.order[0].id)
		f.order = f.order[1:]
	}
	return n <= 0
}

// expire forgets what arrived before then. The caller holds mu.
func (f *fresh) expire(then time.Time) {
	for len(f.order) > 0 {
		first := f.order[0]
		if _, here := f.byID[first.id]; here && !first.arrived.Before(then) {
			return
		}
		f.remove(first.id)
		f.order = f.order[1:]
	}
}

// remove forgets one message and tells what it held. The caller holds mu.
func (f *fresh) remove(id ID) int64 {
	y := f.byID[id]
	if y == nil {
		return 0
	}
	delete(f.byID, id)
	f.release(y.lane, y.budget)
	f.memory.give(y.budget)
	f.leave(y)
	return y.budget
}
