package dns

import (
	"context"
	"errors"
	"sync"
)

// flights lets equal questions that are asked at the same time share one
// query. The first caller asks in its own goroutine, the others wait.
type flights struct {
	mu   sync.Mutex // guards open
	open map[question]*flight
}

type flight struct {
	done  chan struct{} // closed when the fields below are set
	a     answer
	err   error
	given bool // false: the caller that asked went away, somebody else must
}

// do gives the outcome of ask for q, and whether another caller asked it. When
// the asking caller's own context ends, one of those that wait asks anew.
func (f *flights) do(ctx context.Context, q question, ask func() (answer, error)) (answer, bool, error) {
	for {
		fl, leads := f.join(q)
		if leads {
			f.lead(ctx, q, fl, ask)
			return fl.a, false, fl.err
		}
		select {
		case <-ctx.Done():
			return answer{}, true, context.Cause(ctx)
		case <-fl.done:
			if fl.given {
				return fl.a, true, fl.err
			}
		}
	}
}

func (f *flights) join(q question) (fl *flight, leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl, ok := f.open[q]; ok {
		return fl, false
	}
	if f.open == nil {
		f.open = map[question]*flight{}
	}
	fl = &flight{done: make(chan struct{})}
	f.open[q] = fl
	return fl, true
}

func (f *flights) lead(ctx context.Context, q question, fl *flight, ask func() (answer, error)) {
	defer func() {
		f.mu.Lock()
		delete(f.open, q)
		f.mu.Unlock()
		close(fl.done)
	}()
	fl.a, fl.err = ask()
	fl.given = fl.err == nil || !gone(ctx)
}

// gone tells whether the caller of ctx went away, as opposed to the question's
// own time running out.
func gone(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTimeout)
}
