package spool

import "context"

// watchers are those who want hints. The owner holds Pebble.mu.
type watchers map[chan Hint]struct{}

// hintsKept is how many hints wait for a slow reader before they are lost.
const hintsKept = 256

// tell gives a hint to all who listen, and waits for none.
func (w watchers) tell(h Hint) {
	for c := range w {
		select {
		case c <- h:
		default:
		}
	}
}

// Watch gives hints until ctx ends.
func (p *Pebble) Watch(ctx context.Context) (<-chan Hint, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.gate.leave()
	c := make(chan Hint, hintsKept)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watch == nil {
		p.watch = watchers{}
	}
	p.watch[c] = struct{}{}
	context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watch, c)
		close(c)
	})
	return c, nil
}
