package dns

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/postroad/postroad/internal/mail"
)

// Causes of an Error, for errors.Is.
var (
	ErrName  = errors.New("not a host name")
	ErrChain = errors.New("CNAME chain too long or a loop")
	ErrLame  = errors.New("server does not answer for the name")
)

// Stub is a Resolver that asks a set of recursive servers and keeps their
// answers. It starts no goroutine that outlives a call.
type Stub struct {
	opts    Options
	cache   *cache
	flights flights
	servers rotation
	stats   counters
}

var _ Resolver = (*Stub)(nil)

// New makes a Stub. It opens no socket; resolv.conf is read here.
func New(o Options) *Stub {
	o = o.complete()
	return &Stub{opts: o, cache: newCache(o.Entries), servers: rotation{all: o.Servers}}
}

// MX implements Resolver.
func (s *Stub) MX(ctx context.Context, name mail.Domain) ([]MX, Meta, error) {
	a, err := s.resolve(ctx, name, dns.TypeMX)
	if err != nil {
		return nil, Meta{}, err
	}
	return a.mx, a.meta(), nil
}

// Addrs implements Resolver. AAAA stand before A, each family in the order of
// the answer.
func (s *Stub) Addrs(ctx context.Context, name mail.Domain) ([]netip.Addr, Meta, error) {
	type outcome struct {
		a   chained
		err error
	}
	side := make(chan outcome, 1)
	go func() {
		a, err := s.resolve(ctx, name, dns.TypeAAAA)
		side <- outcome{a, err}
	}()
	a4, err4 := s.resolve(ctx, name, dns.TypeA)
	six := <-side
	return merge(six.a, six.err, a4, err4)
}

// merge joins the two families. A family that could not be asked does not take
// away the addresses of the other, but makes the answer short-lived.
func merge(a6 chained, err6 error, a4 chained, err4 error) ([]netip.Addr, Meta, error) {
	switch {
	case err6 == nil && err4 == nil:
		m := a6.meta()
		m.TTL = min(m.TTL, a4.ttl)
		m.Secure = m.Secure && a4.secure
		return append(append([]netip.Addr(nil), a6.addrs...), a4.addrs...), m, nil
	case err6 == nil:
		return a6.addrs, shortened(a6.meta(), err4), nil
	case err4 == nil:
		return a4.addrs, shortened(a4.meta(), err6), nil
	}
	k6, k4 := kindOf(err6), kindOf(err4)
	switch {
	case k6 == Temporary:
		return nil, Meta{}, err6
	case k4 == Temporary || k4 == NoData:
		return nil, Meta{}, err4
	default: // A says NXDomain; the families contradict each other or agree
		return nil, Meta{}, err6
	}
}

// shortened bounds the TTL of an answer that lacks a family for now.
func shortened(m Meta, missing error) Meta {
	if kindOf(missing) == Temporary {
		m.TTL = min(m.TTL, failureTTL)
	}
	return m
}

// kindOf gives the kind of an error of this package.
func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Temporary
}

// chained is an answer with all CNAMEs on the way to it.
type chained struct {
	answer
	canonical mail.Domain
	ttl       time.Duration // left now, shortest on the way
}

func (c chained) meta() Meta {
	return Meta{TTL: c.ttl, Secure: c.secure, Canonical: c.canonical}
}

// resolve asks for a name and follows CNAMEs whose target a reply left out
// (RFC 1034 s3.6.2, s5.2.2).
func (s *Stub) resolve(ctx context.Context, name mail.Domain, qtype uint16) (chained, error) {
	out := chained{ttl: maxTTL}
	fail := func(kind Kind, cause error) (chained, error) {
		return chained{}, &Error{Kind: kind, Name: string(name), Type: dns.TypeToString[qtype], Cause: cause}
	}
	d, err := hostName(string(name) + ".")
	if err != nil {
		return fail(NXDomain, err) // such a name cannot exist in the DNS
	}
	out.canonical = d
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Timeout, errTimeout)
	defer cancel()
	secure := true
	links := 0
	for {
		a, left, err := s.ask(ctx, question{name: string(out.canonical), qtype: qtype})
		if err != nil {
			return fail(Temporary, err)
		}
		out.ttl = min(out.ttl, left)
		secure = secure && a.secure
		if links += a.links; links > maxChain {
			return fail(Temporary, ErrChain)
		}
		if a.end != "" {
			out.canonical = a.end
		}
		switch a.state {
		case stateMissing:
			return fail(NXDomain, nil)
		case stateEmpty:
			return fail(NoData, nil)
		case stateFull:
			out.answer, out.secure = a, secure
			return out, nil
		case stateElsewhere: // ask for the target
		}
	}
}
