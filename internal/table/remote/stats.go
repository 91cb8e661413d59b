package remote

import (
	"time"

	"github.com/postroad/postroad/internal/table"
)

// Counts of a Source since it was made.
type Counts struct {
	Asked        int64 // keys that the Asker was asked for
	Hits         int64 // found answers from the cache
	NegativeHits int64 // "not found" from the cache
	Stale        int64 // answers given in place of a failure
	Failures     int64 // asks that brought no answer
	Refused      int64 // keys not asked for while the breaker was open
	Latency      Latency
}

func (c *Counts) hit(s table.Status) {
	if s == table.NotFound {
		c.NegativeHits++
		return
	}
	c.Hits++
}

// LatencyBounds are the upper ends of the buckets of Latency, but of the last,
// which has none.
func LatencyBounds() [latencyBuckets - 1]time.Duration {
	return [...]time.Duration{time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond,
		100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second, 10 * time.Second}
}

const latencyBuckets = 8

// Latency is how long asks took, the wait for a connection included.
type Latency struct {
	Count   int64
	Sum     time.Duration
	Buckets [latencyBuckets]int64
}

func (l *Latency) observe(took time.Duration) {
	l.Count++
	l.Sum += took
	for i, bound := range LatencyBounds() {
		if took <= bound {
			l.Buckets[i]++
			return
		}
	}
	l.Buckets[latencyBuckets-1]++
}

// Status of a Source, for metrics and the console.
type Status struct {
	Name   string
	Kind   string
	Counts Counts
	Cached int   // answers kept
	Open   bool  // it is not asked now
	Err    error // the last failure, when nothing was answered since
}

// Status gives the present state.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{Name: s.opts.Name, Kind: s.opts.Kind, Counts: s.counts,
		Cached: s.cache.len(), Open: s.breaker.Open(), Err: s.breaker.cause}
}
