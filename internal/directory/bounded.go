package directory

import (
	"context"
	"errors"
	"time"
)

// idleTime is how long a connection is kept for the next attempt.
const idleTime = time.Minute

// noAtLeast is how long a no of a server takes at least. How it compares names
// and passwords is not ours, and many answer faster for a name that they do not
// know.
const noAtLeast = 300 * time.Millisecond

// bounded is a backend on another machine: so many attempts at once, and a no
// that tells nothing by its time.
type bounded struct {
	backend
	slots chan struct{}
	floor time.Duration
}

func newBounded(b backend, atOnce int, floor time.Duration) *bounded {
	return &bounded{backend: b, slots: make(chan struct{}, max(1, atOnce)), floor: floor}
}

func (b *bounded) verify(ctx context.Context, a Attempt) (string, error) {
	begun := time.Now()
	name, err := b.inTurn(ctx, a)
	if err == nil && !plausible(Attempt{Name: name, Password: a.Password}) {
		return "", errName
	}
	if errors.Is(err, ErrWrong) {
		pause(ctx, b.floor-time.Since(begun))
	}
	return name, err
}

var errName = errors.New("the directory spells the name in a way that no name has")

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
