package spool

import (
	"fmt"
	"sync"
	"time"
)

// stallAfter is how long no batch may become durable, while some wait, before
// the store says that it is not available.
const stallAfter = 10 * time.Second

// gatherAbove is from how many batches on their way the log rests for gatherFor
// between two syncs. A sync costs processor time, the runtime's for the thread that it
// blocks included, and so many clients keep the processors at work meanwhile. Those of
// twenty sessions with their deliveries are fewer, and are not made to wait.
const (
	gatherAbove = 64
	gatherFor   = time.Millisecond
)

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

// rest is how long the log lets batches gather after a sync before the next one.
// Nobody hears of a batch before the sync that makes it durable.
func (p *pulse) rest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting < gatherAbove {
		return 0
	}
	return gatherFor
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
