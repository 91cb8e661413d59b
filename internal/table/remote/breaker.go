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

// Breaker decides whether something that can fail is asked; the zero one is closed.
// Its owner guards it.
type Breaker struct {
	failures int // in a row
	wait     time.Duration
	until    time.Time
	probing  bool // one ask is under way to try
	cause    error
}

// Ask says what a Breaker lets through.
type Ask uint8

// Asks.
const (
	AskAny   Ask = iota // it is closed: as all do
	AskProbe            // the one that tries whether it may close
)

// Admit tells whether to ask now, and as what.
func (b *Breaker) Admit(now time.Time) (as Ask, ok bool) {
	if !b.Open() {
		return AskAny, true
	}
	if b.probing || now.Before(b.until) {
		return AskAny, false
	}
	b.probing = true
	return AskProbe, true
}

// Open tells whether failures have opened it.
func (b *Breaker) Open() bool { return b.failures >= failuresToOpen }

// Refusal is the cause of an answer that was not asked for.
func (b *Breaker) Refusal() error { return fmt.Errorf("%w: %w", ErrOpen, b.cause) }

// Answered notes an answer: the source is well.
func (b *Breaker) Answered() { *b = Breaker{} }

// Failed notes a failure. One that was under way when the breaker opened changes
// nothing more.
func (b *Breaker) Failed(now time.Time, as Ask, cause error) {
	late := b.Open() && as != AskProbe
	b.failures++
	b.cause = cause
	if late || !b.Open() {
		return
	}
	b.wait = min(max(2*b.wait, firstWait), longestWait)
	b.until = now.Add(b.wait)
	b.probing = false
}

// GivenUp notes that an ask has ended without a word about the source.
func (b *Breaker) GivenUp(as Ask) {
	if as == AskProbe {
		b.probing = false
	}
}
