package spool

import (
	"context"
	"time"
)

// Pebble is the Store on one machine: a pebble database, and a file for each
// big body.
type Pebble struct {
	opt Options
	ids idSource
}

var _ Store = (*Pebble)(nil)

// Open opens the spool in a folder, or makes it.
func Open(o Options) (*Pebble, error) {
	o = o.withDefaults()
	return &Pebble{opt: o, ids: idSource{now: o.Now, rand: o.Rand}}, nil
}

func (p *Pebble) Create(context.Context) (Draft, error) { return nil, ErrUnavailable }
func (p *Pebble) Lanes(context.Context, time.Time, int) ([]LaneDue, error) {
	return nil, ErrUnavailable
}
func (p *Pebble) Claim(context.Context, ClaimReq) ([]Job, error) { return nil, ErrUnavailable }
func (p *Pebble) Extend(context.Context, Lease, time.Duration) (Lease, error) {
	return Lease{}, ErrUnavailable
}
func (p *Pebble) Update(context.Context, Lease, Outcome, []Draft) error { return ErrUnavailable }
func (p *Pebble) Replace(context.Context, Lease, []Job) error           { return ErrUnavailable }
func (p *Pebble) Open(context.Context, ID) (Envelope, Body, error) {
	return Envelope{}, nil, ErrUnavailable
}
func (p *Pebble) Scan(context.Context, Filter, func(Entry) error) error { return ErrUnavailable }
func (p *Pebble) Change(context.Context, Filter, Action) (int, error)   { return 0, ErrUnavailable }
func (p *Pebble) Count(context.Context, Group) (map[Lane]Counts, error) { return nil, ErrUnavailable }
func (p *Pebble) Watch(context.Context) (<-chan Hint, error)            { return nil, ErrUnavailable }
func (p *Pebble) Health() Health                                        { return Health{Err: ErrUnavailable} }
func (p *Pebble) Close() error                                          { return nil }
