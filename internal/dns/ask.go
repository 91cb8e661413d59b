package dns

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

var errTimeout = errors.New("no reply in time")

// ask answers one question from the cache or the servers, and says how long
// the answer still lives.
func (s *Stub) ask(ctx context.Context, q question) (answer, time.Duration, error) {
	now := s.opts.Clock()
	if e, ok := s.cache.get(q, now); ok {
		s.stats.cached.Add(1)
		return e.a, e.expires.Sub(now), e.err
	}
	a, shared, err := s.flights.do(ctx, q, func() (answer, error) { return s.fetch(ctx, q) })
	if shared {
		s.stats.shared.Add(1)
	}
	return a, a.ttl, err
}

// fetch asks the servers and keeps what they say.
func (s *Stub) fetch(ctx context.Context, q question) (answer, error) {
	a, err := s.query(ctx, q)
	switch {
	case err == nil && a.ttl > 0:
		s.cache.put(entry{q: q, a: a, expires: s.opts.Clock().Add(a.ttl)})
	case err != nil && !gone(ctx):
		// RFC 2308 s7: without this, a thousand recipients of a dead domain
		// would each wait for the same silence.
		s.stats.failed.Add(1)
		s.cache.put(entry{q: q, err: err, expires: s.opts.Clock().Add(failureTTL)})
	}
	return a, err
}

// query tries the servers in turn, beginning with the one that answered last,
// and gives each try an equal share of the time that is left.
func (s *Stub) query(ctx context.Context, q question) (answer, error) {
	tries := min(max(minTries, 2*s.servers.len()), maxTries)
	err := error(errTimeout)
	for try := range tries {
		if ctx.Err() != nil {
			break
		}
		at := s.servers.current()
		var a answer
		if a, err = s.try(ctx, q, s.servers.all[at], tries-try); err == nil {
			return a, nil
		}
		s.servers.skip(at)
		if spoke := (errServer{}); errors.As(err, &spoke) && try+1 >= s.servers.len() {
			break // every server was asked and said no; asking again would not help
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer{}, err
}

// try asks one server, by UDP and, when the reply does not fit, by TCP
// (RFC 7766 s5).
func (s *Stub) try(ctx context.Context, q question, server string, triesLeft int) (answer, error) {
	deadline, _ := ctx.Deadline()
	share := time.Until(deadline) / time.Duration(triesLeft)
	ctx, cancel := context.WithTimeoutCause(ctx, share, errTimeout)
	defer cancel()
	s.stats.queries.Add(1)
	m, err := s.exchange(ctx, "udp", server, s.message(q))
	if err == nil && m.Truncated {
		s.stats.truncated.Add(1)
		m, err = s.exchange(ctx, "tcp", server, s.message(q))
	}
	if err == nil && m.Rcode == dns.RcodeFormatError {
		// RFC 6891 s7: a server of before EDNS; TCP, since it cannot send long datagrams.
		plain := s.message(q)
		plain.Extra = nil
		m, err = s.exchange(ctx, "tcp", server, plain)
	}
	if err != nil {
		return answer{}, err
	}
	a, err := convert(q, m)
	a.secure = a.secure && s.opts.TrustAD
	return a, err
}

func (s *Stub) exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	m, err := s.opts.Exchange.Exchange(ctx, network, server, q)
	if err == nil {
		return m, nil
	}
	if ctx.Err() != nil {
		s.stats.timeouts.Add(1)
		return nil, context.Cause(ctx)
	}
	return nil, err
}

// message makes a query with a random id.
func (s *Stub) message(q question) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(q.name+".", q.qtype)
	m.RecursionDesired = true
	m.AuthenticatedData = s.opts.TrustAD // RFC 6840 s5.7: asks for the AD flag
	m.SetEdns0(udpSize, false)
	return m
}

// rotation remembers which server answered last.
type rotation struct {
	all []string
	at  atomic.Uint32
}

func (r *rotation) len() int { return len(r.all) }

func (r *rotation) current() int { return int(r.at.Load()) }

// skip goes on from a server that failed, unless another question did already.
func (r *rotation) skip(from int) {
	r.at.CompareAndSwap(uint32(from), uint32((from+1)%len(r.all)))
}
