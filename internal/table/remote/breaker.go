package remote

import (
	"fmt"
	"time"
)

// A source that failed so often in a row is left alone, first for a second, then
// for twice as long after each probe that fails.
const (
	failuresToOpen = 5
	firstWait      = time.Second
	longestWait    = 8 * time.Second
)

// breaker decides whether a source is asked. Its owner guards it.
type breaker struct {
	failures int // in a row
	wait     time.Duration
	until    time.Time
	probing  bool // one ask is under way to try
	cause    error
}

// admit tells whether to ask now, and whether the ask is a probe.
func (b *breaker) admit(now time.Time) (ok, probe bool) {
	if !b.open() {
		return true, false
	}
	if b.probing || now.Before(b.until) {
		return false, false
	}
	b.probing = true
	return true, true
}

func (b *breaker) open() bool { return b.failures >= failuresToOpen }

// refusal is the cause of an answer that was not asked for.
func (b *breaker) refusal() error { return fmt.Errorf("%w: %w", ErrOpen, b.cause) }

// answered: the source is well.
func (b *breaker) answered() { *b = breaker{} }

// failed notes a failure. One that was under way when the breaker opened changes
// nothing more.
func (b *breaker) failed(now time.Time, probe bool, cause error) {
	late := b.open() && !probe
	b.failures++
	b.cause = cause
	if late || !b.open() {
		return
	}
	b.wait = min(max(2*b.wait, firstWait), longestWait)
	b.until = now.Add(b.wait)
	b.probing = false
}
