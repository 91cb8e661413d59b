package verify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/mail"
)

// Prober asks one transport; *deliver.Deliverer does.
type Prober interface {
	Probe(ctx context.Context, p deliver.Probe) deliver.Probed
}

// Options of a Verifier. Prober must be set.
type Options struct {
	Prober Prober
	Dir    string // of the file with the answers; "" keeps them in memory only
	Log    *slog.Logger
	Now    func() time.Time // time.Now
}

const (
	// asksMost questions to one transport at once.
	asksMost = 4
	// asksEvery is the least time between two questions to one transport.
	asksEvery = 50 * time.Millisecond
	// awayFor is how long hosts that did not answer are left alone: clients need not
	// wait for each of their recipients, and are told soon that the hosts are back.
	awayFor = 5 * time.Second
	// awayMost domains are remembered as away.
	awayMost = 1 << 12
)

// Counters since the start.
type Counters struct {
	Asked  atomic.Int64 // questions to hosts
	Failed atomic.Int64 // of these: nobody said yes or no
	Stale  atomic.Int64 // answers from before in place of those
}

// Verifier asks transports about addresses. It is safe for several goroutines;
// Close ends it when nobody asks any more.
type Verifier struct {
	o        Options
	cache    *cache
	counters Counters

	mu      sync.Mutex // guards what follows
	lanes   map[string]*lane
	flights map[place]*flight
	away    map[way]time.Time // until when hosts are left alone
}

// way is the hosts of a transport for a domain.
type way struct {
	transport string
	domain    mail.Domain
}

// lane is the questions to one transport.
type lane struct {
	slots chan struct{} // holds a token for each question under way
	next  time.Time     // guarded by Verifier.mu: the earliest time for another one
}

// flight is a question under way; others wait for its answer.
type flight struct {
	done   chan struct{}
	probed deliver.Probed
}

// New makes a Verifier with the answers of before. Answers that cannot be read
// are asked for again; the log says so.
func New(o Options) *Verifier {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &Verifier{o: o, cache: &cache{answers: map[place]answer{}}, lanes: map[string]*lane{}, flights: map[place]*flight{}, away: map[way]time.Time{}}
	if o.Dir != "" {
		c, err := openCache(o.Dir, o.Now())
		if err != nil {
			o.Log.Error("answers about recipients are kept in memory only", "error", err)
		}
		v.cache = c
	}
	return v
}

// Counters since the start.
func (v *Verifier) Counters() *Counters { return &v.counters }

// Len is the number of answers kept.
func (v *Verifier) Len() int { return v.cache.len() }

// Close closes the file.
func (v *Verifier) Close() error { return v.cache.close() }

// probe asks a transport, or waits for who does already. An error is ctx's.
func (v *Verifier) probe(ctx context.Context, p deliver.Probe) (deliver.Probed, error) {
	at := place{p.Transport, p.Recipient.Key()}
	v.mu.Lock()
	f := v.flights[at]
	if f != nil {
		v.mu.Unlock()
		select {
		case <-f.done:
			return f.probed, nil
		case <-ctx.Done():
			return deliver.Probed{}, ctx.Err()
		}
	}
	f = &flight{done: make(chan struct{})}
	v.flights[at] = f
	v.mu.Unlock()
	away := deliver.Probed{Reply: mail.Reply{Code: 451, Enhanced: "4.4.1", Text: "no host answered just now"}, Away: true}
	defer func() {
		v.mu.Lock()
		delete(v.flights, at)
		v.mu.Unlock()
		close(f.done)
	}()
	if v.isAway(p) {
		f.probed = away
		return f.probed, nil
	}
	err := v.turn(ctx, p.Transport, func() {
		if v.isAway(p) { // found out while we waited
			f.probed = away
			return
		}
		v.counters.Asked.Add(1)
		f.probed = v.o.Prober.Probe(ctx, p)
		v.note(p, f.probed)
	})
	return f.probed, err
}

// isAway tells whether the hosts for a question did not answer just now.
func (v *Verifier) isAway(p deliver.Probe) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.o.Now().Before(v.away[wayOf(p)])
}

// note remembers whether the hosts answered.
func (v *Verifier) note(p deliver.Probe, said deliver.Probed) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !said.Away {
		delete(v.away, wayOf(p))
		return
	}
	if len(v.away) >= awayMost {
		clear(v.away) // they are asked once more
	}
	v.away[wayOf(p)] = v.o.Now().Add(awayFor)
}

func wayOf(p deliver.Probe) way { return way{p.Transport, p.Recipient.Domain} }

// turn waits until a transport may be asked once more, and does.
func (v *Verifier) turn(ctx context.Context, transport string, do func()) error {
	l := v.lane(transport)
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return fmt.Errorf("verify: too many questions to transport.%s: %w", transport, ctx.Err())
	}
	if wait := v.pace(l); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	do()
	return nil
}

func (v *Verifier) lane(transport string) *lane {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.lanes[transport]
	if l == nil {
		l = &lane{slots: make(chan struct{}, asksMost)}
		v.lanes[transport] = l
	}
	return l
}

// pace takes the next place in time and tells how far away it is.
func (v *Verifier) pace(l *lane) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.o.Now()
	if l.next.Before(now) {
		l.next = now
	}
	wait := l.next.Sub(now)
	l.next = l.next.Add(asksEvery)
	return wait
}
