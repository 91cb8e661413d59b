package directory

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/table/remote"
)

// idleTime is how long a connection is kept for the next attempt.
const idleTime = time.Minute

// noAtLeast is how long a no of a server takes at least. How it compares names
// and passwords is not ours, and many answer faster for a name that they do not
// know.
const noAtLeast = 300 * time.Millisecond

// bounded is a backend on another machine: so many attempts at once, a no that
// tells nothing by its time, and a breaker as tables have it. While that is open
// nobody waits for a server that does not answer.
type bounded struct {
	backend
	slots chan struct{}
	floor time.Duration

	mu      sync.Mutex // guards breaker
	breaker remote.Breaker
}

func newBounded(b backend, atOnce int, floor time.Duration) *bounded {
	return &bounded{backend: b, slots: make(chan struct{}, max(1, atOnce)), floor: floor}
}

func (b *bounded) verify(ctx context.Context, a Attempt) (string, error) {
	begun := time.Now()
	as, err := b.admitted(begun)
	if err != nil {
		return "", err
	}
	name, err := b.inTurn(ctx, a)
	b.note(ctx, as, err)
	if err == nil && !plausible(Attempt{Name: name, Password: a.Password}) {
		return "", errName
	}
	if errors.Is(err, ErrWrong) {
		pause(ctx, b.floor-time.Since(begun))
	}
	return name, err
}

var errName = errors.New("the directory spells the name in a way that no name has")

// oddAnswer is an answer that is neither yes nor no. Who gives one is there: it is
// no reason to ask nobody else, or else whoever knows an account that is broken
// could shut the others out.
type oddAnswer struct{ error }

func (e oddAnswer) Unwrap() error { return e.error }

// admitted tells whether the directory is asked now.
func (b *bounded) admitted(now time.Time) (remote.Ask, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	as, ok := b.breaker.Admit(now)
	if !ok {
		return as, b.breaker.Refusal()
	}
	return as, nil
}

// note tells the breaker what came of an ask. A client that left says nothing of
// the directory.
func (b *bounded) note(ctx context.Context, as remote.Ask, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch odd := (oddAnswer{}); {
	case err == nil, errors.Is(err, ErrWrong), errors.As(err, &odd), errors.Is(err, remote.ErrKey):
		b.breaker.Answered()
	case errors.Is(ctx.Err(), context.Canceled):
		b.breaker.GivenUp(as)
	default:
		b.breaker.Failed(time.Now(), as, err)
	}
}

func (b *bounded) inTurn(ctx context.Context, a Attempt) (string, error) {
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return b.backend.verify(ctx, a)
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
