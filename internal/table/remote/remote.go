package remote

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/table"
)

// Asker is one kind of table at its source. Its methods may be called by several
// goroutines.
type Asker interface {
	// Lookup answers one key, in the form of table.Key, and returns soon after
	// ctx has ended. What it cannot tell is TryLater with a Cause; a Cause that
	// wraps ErrKey says that it is this key's fault, and that the source is well.
	// It connects when it is first asked, and again whenever it has to.
	Lookup(ctx context.Context, key string) table.Answer
	// Close gives up all connections. No Lookup follows it.
	Close() error
}

// Batcher is an Asker whose protocol answers several keys in one exchange.
type Batcher interface {
	Asker
	// LookupAll answers the keys in their order.
	LookupAll(ctx context.Context, keys []string) []table.Answer
}

// Causes of TryLater that are not the Asker's.
var (
	ErrKey     = errors.New("this key cannot be asked for")
	ErrTimeout = errors.New("no answer in time")
	ErrBusy    = errors.New("all connections are in use")
	ErrOpen    = errors.New("not asked since it failed so often")
	ErrClosed  = errors.New("the table is closed")
)

// Options of a Source. Zero fields of a size or a wait take the default where
// one is named.
type Options struct {
	Name        string           // of the table
	Kind        string           // where answers come from, as explanations show it: "sql"
	Timeout     time.Duration    // longest wait for an answer; 5s
	TTL         time.Duration    // how long a found answer serves; 0: it is asked anew
	NegativeTTL time.Duration    // the same for "not found"
	Stale       time.Duration    // how much longer an answer serves while the source fails
	Connections int              // asks at once; 8
	Cache       int64            // octets of answers kept; 16 MiB
	Clock       func() time.Time // time.Now
	Log         *slog.Logger     // of the beginning and the end of troubles; none
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Connections <= 0 {
		o.Connections = 8
	}
	if o.Cache <= 0 {
		o.Cache = 16 << 20
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Source is one remote table; it satisfies table.Source and table.Batch. It is
// safe for several goroutines. Close ends it.
type Source struct {
	opts  Options
	asker Asker
	slots chan struct{} // holds a token for each ask under way
	ctx   context.Context
	end   context.CancelFunc
	tasks sync.WaitGroup // entered under mu while closed is false

	mu      sync.Mutex // guards what follows
	cache   *cache
	breaker Breaker
	flights map[string]*flight
	counts  Counts
	closed  bool
}

// New makes a Source over asker, which it owns from now on. Nothing is asked yet.
func New(asker Asker, opts Options) *Source {
	o := opts.withDefaults()
	s := &Source{opts: o, asker: asker, slots: make(chan struct{}, o.Connections),
		cache: newCache(o.Cache), flights: map[string]*flight{}}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// Lookup answers key within the timeout, or sooner when ctx ends.
func (s *Source) Lookup(ctx context.Context, key string) table.Answer {
	return s.LookupAll(ctx, []string{key})[0]
}

// LookupAll answers the keys in their order, side by side or, where the protocol
// can, in one exchange.
func (s *Source) LookupAll(ctx context.Context, keys []string) []table.Answer {
	answers := make([]table.Answer, len(keys))
	waits := s.begin(keys, answers)
	for i, f := range waits {
		if f != nil {
			answers[i] = f.wait(ctx)
		}
	}
	return answers
}

// begin answers what can be answered at once and gives the flights to wait for.
func (s *Source) begin(keys []string, answers []table.Answer) []*flight {
	now := s.opts.Clock()
	var waits, fresh []*flight
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, key := range keys {
		a, f, isNew := s.start(key, now)
		if f == nil {
			answers[i] = a
			continue
		}
		if waits == nil {
			waits = make([]*flight, len(keys))
		}
		waits[i] = f
		if isNew {
			fresh = append(fresh, f)
		}
	}
	s.launch(fresh)
	return waits
}

// start answers one key from the cache, joins the flight that asks for it, or
// makes one. The caller holds mu.
func (s *Source) start(key string, now time.Time) (a table.Answer, f *flight, isNew bool) {
	if e := s.cache.get(key); e != nil && now.Before(e.fresh) {
		s.counts.hit(e.answer.Status)
		return e.answer, nil, false
	}
	if f = s.flights[key]; f != nil {
		return a, f, false
	}
	if s.closed {
		return later(ErrClosed), nil, false
	}
	as, ok := s.breaker.Admit(now)
	if !ok {
		s.counts.Refused++
		return s.instead(key, s.breaker.Refusal(), now), nil, false
	}
	f = &flight{key: key, as: as, done: make(chan struct{})}
	s.flights[key] = f
	return a, f, true
}

// instead gives an answer from before when it may still serve, else TryLater. The
// caller holds mu.
func (s *Source) instead(key string, cause error, now time.Time) table.Answer {
	e := s.cache.get(key)
	if e == nil || !now.Before(e.fresh.Add(s.opts.Stale)) {
		return later(cause)
	}
	s.counts.Stale++
	a := e.answer
	a.Source += ", stale"
	return a
}

func later(cause error) table.Answer { return table.Answer{Status: table.TryLater, Cause: cause} }

// Close ends what is under way with TryLater and closes the Asker.
func (s *Source) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.tasks.Wait()
	if again {
		return nil
	}
	return s.asker.Close()
}
