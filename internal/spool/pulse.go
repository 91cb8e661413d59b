package spool

import (
	"fmt"
	"sync"
	"time"
)

// stallAfter is how long no batch may become durable, while some wait, before
// the store says that it is not available.
const stallAfter = 10 * time.Second

// pulse watches the batches on their way to the disk: pebble does not return an
// error when the disk hangs, or is full, it waits. It goes by real time, since
// that is what a client waits.
type pulse struct {
	mu      sync.Mutex // guards what follows
	waiting int
	moved   time.Time // of the last batch that became durable, or the first that waits
}

func (p *pulse) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting++; p.waiting == 1 {
		p.moved = time.Now()
	}
}

func (p *pulse) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	p.moved = time.Now()
}

// stalled gives ErrUnavailable while nothing moves.
func (p *pulse) stalled() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == 0 || time.Since(p.moved) < stallAfter {
		return nil
	}
	return fmt.Errorf("%w: nothing became durable for %v", ErrUnavailable, time.Since(p.moved).Round(time.Second))
}
