package spool

import (
	"sync"
	"sync/atomic"
)

// gate counts the calls inside, so that Close can wait for them: pebble panics
// when it is used after its end.
type gate struct {
	mu     sync.Mutex // guards what follows
	inside int
	shut   bool
	empty  chan struct{} // closed when shut and nobody is inside
}

// enter admits a call, or tells that the store is closed. A call may enter
// again while it is inside.
func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return ErrUnavailable
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.shut {
		close(g.empty)
	}
}

// close lets nobody in any more and waits for those inside; it is false when
// the gate was closed before.
func (g *gate) close() bool {
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		return false
	}
	g.shut, g.empty = true, make(chan struct{})
	if g.inside == 0 {
		close(g.empty)
	}
	g.mu.Unlock()
	<-g.empty
	return true
}

// trouble is why the store takes no mail. The zero value is none.
type trouble struct{ err atomic.Pointer[error] }

func (t *trouble) set(err error) { t.err.Store(&err) }

func (t *trouble) get() error {
	if err := t.err.Load(); err != nil {
		return *err
	}
	return nil
}
