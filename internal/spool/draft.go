package spool

import (
	"context"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// draft is a message being received: in memory while it is small, then in a
// file under tmp/.
type draft struct {
	p    *Pebble
	id   ID
	kind kind

	mu     sync.Mutex // guards what follows: a session may abort what it writes
	stage  stage
	failed error // of the write that ended it
	size   int64
	budget int64     // reserved in p.memory
	text   text      // empty once the body lies in file
	file   *bodyFile // nil while the body is in memory
	ready  *prepared
}

// kind of a draft.
type kind uint8

const (
	isMail kind = iota
	isReport
)

// stage of a draft.
type stage uint8

const (
	writing stage = iota
	isPrepared
	ended
)

// prepared is a draft on its way into a batch.
type prepared struct {
	batch  *pebble.Batch
	size   int64
	env    Envelope
	jobs   []*jobRecord
	few    bool  // so that they may be kept as fresh
	text   text  // empty when it lies in a file
	budget int64 // reserved in the store's memory for text
}

// Create begins a message.
func (p *Pebble) Create(context.Context) (Draft, error) { return p.create(isMail) }

// CreateReport begins a report of our own.
func (p *Pebble) CreateReport(context.Context) (Draft, error) { return p.create(isReport) }

func (p *Pebble) create(k kind) (Draft, error) {
	if err := p.accepts(k); err != nil {
		return nil, err
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.gate.leave()
	id, err := p.ids.next()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return &draft{p: p, id: id, kind: k}, nil
}

// ID of the message to be.
func (d *draft) ID() ID { return d.id }

// Write appends to the body. An error ends the draft: what was written is not
// known any more.
func (d *draft) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.in(writing); err != nil {
		return 0, err
	}
	if err := d.append(b); err != nil {
		d.drop()
		d.failed = err
		return 0, err
	}
	d.size += int64(len(b))
	d.p.space.spend(int64(len(b)))
	return len(b), nil
}

// in gives an error unless the draft is in that stage.
func (d *draft) in(s stage) error {
	if d.failed != nil {
		return d.failed
	}
	if d.stage != s {
		return fmt.Errorf("%w: the draft has ended", ErrInvalid)
	}
	return nil
}

func (d *draft) append(b []byte) error {
	if limit := d.p.opt.MaxSize; limit > 0 && d.size+int64(len(b)) > limit {
		return ErrTooBig
	}
	if err := d.p.space.fullOf(d.kind); err != nil {
		return err
	}
	if d.file == nil && d.fits(len(b)) {
		d.text.write(b, &d.p.memory)
		return nil
	}
	if d.file == nil {
		if err := d.spill(); err != nil {
			return err
		}
	}
	if err := d.file.write(b); err != nil {
		return diskError(err)
	}
	return nil
}

// fits tells whether n more octets may stand in memory, and reserves what they
// take.
func (d *draft) fits(n int) bool {
	need := d.size + int64(n)
	return need <= int64(d.p.opt.InlineMax) && d.reserve(need)
}

// reserve takes memory of the budget until the draft has so many octets of it.
func (d *draft) reserve(octets int64) bool {
	for d.budget < octets {
		if !d.p.memory.take(pageSize) && !(d.p.fresh.evict(pageSize) && d.p.memory.take(pageSize)) {
			return false
		}
		d.budget += pageSize
	}
	return true
}

// spill moves the body from memory to a file.
func (d *draft) spill() error {
	if err := d.p.enter(); err != nil {
		return err
	}
	defer d.p.gate.leave()
	f, err := d.p.createBody(d.id)
	if err == nil {
		d.file = f
	}
	for i := 0; i < len(d.text) && err == nil; i++ {
		err = f.write(d.text[i])
	}
	if err != nil {
		return diskError(err)
	}
	d.releaseMemory()
	return nil
}

func (d *draft) releaseMemory() {
	d.p.memory.release(d.text, d.budget)
	d.text, d.budget = nil, 0
}

// Abort gives up what was not committed.
func (d *draft) Abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop()
}

// drop ends the draft and removes what is left of it. The caller holds mu.
func (d *draft) drop() {
	if d.stage == ended {
		return
	}
	d.stage = ended
	d.releaseMemory()
	if d.ready != nil {
		d.ready.batch.Close()
		d.p.memory.release(d.ready.text, d.ready.budget)
		d.ready = nil
	}
	if d.file != nil && d.p.gate.enter() == nil {
		d.file.remove()
		d.p.gate.leave()
	}
}
