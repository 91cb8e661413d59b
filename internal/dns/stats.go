package dns

import "sync/atomic"

// Stats counts since the start, for metrics.
type Stats struct {
	Queries   uint64 // sent to a server, retries included
	Cached    uint64 // questions answered from the cache
	Shared    uint64 // questions that joined another caller's query
	Truncated uint64 // replies asked for again by TCP
	Timeouts  uint64 // tries without a reply
	Failed    uint64 // questions that no server answered
	Entries   int    // in the cache now
}

type counters struct {
	queries, cached, shared, truncated, timeouts, failed atomic.Uint64
}

// Stats gives the counters as they stand.
func (s *Stub) Stats() Stats {
	return Stats{
		Queries:   s.stats.queries.Load(),
		Cached:    s.stats.cached.Load(),
		Shared:    s.stats.shared.Load(),
		Truncated: s.stats.truncated.Load(),
		Timeouts:  s.stats.timeouts.Load(),
		Failed:    s.stats.failed.Load(),
		Entries:   s.cache.len(),
	}
}
