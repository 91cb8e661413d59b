package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/postroad/postroad/internal/mail"
)

// question is what the cache is asked by: a name in lower case without its
// final dot.
type question struct {
	name  string
	qtype uint16
}

// state says what a reply tells about the end of its CNAME chain.
type state uint8

const (
	stateMissing   state = iota + 1 // NXDOMAIN
	stateEmpty                      // the name exists, the type does not
	stateFull                       // records
	stateElsewhere                  // a CNAME whose target is not in the reply
)

// answer is what one reply says to one question. It is immutable and shared.
type answer struct {
	state  state
	links  int         // CNAMEs in this reply
	end    mail.Domain // end of them; "" when there are none
	mx     []MX
	addrs  []netip.Addr
	secure bool
	ttl    time.Duration // how long it may be kept; 0: not at all
}

// errServer is a reply that is no answer; another server may know better.
type errServer struct{ rcode int }

func (e errServer) Error() string {
	if s, ok := dns.RcodeToString[e.rcode]; ok {
		return s
	}
	return fmt.Sprintf("RCODE%d", e.rcode)
}

var (
	errTarget  = errors.New("CNAME leads to no host name")
	errNoReply = errors.New("not a reply to the question")
)

// convert reads a reply. An error means that this server gave no answer; it
// says nothing about the name.
func convert(q question, m *dns.Msg) (answer, error) {
	if !m.Response || m.Opcode != dns.OpcodeQuery || m.Truncated {
		return answer{}, errNoReply
	}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return answer{}, errServer{m.Rcode}
	}
	a := answer{secure: m.AuthenticatedData, ttl: maxTTL}
	name, err := a.walk(q, m.Answer)
	if err != nil {
		return answer{}, err
	}
	// RFC 6604 s3: the code of a reply with CNAMEs is that of the chain's end.
	if m.Rcode == dns.RcodeNameError {
		return a.negative(stateMissing, name, m.Ns), nil
	}
	if a.collect(name, q.qtype, m.Answer); a.state == stateFull {
		return a, nil
	}
	if soaFor(name, m.Ns) != nil || a.links == 0 && !isReferral(m) {
		return a.negative(stateEmpty, name, m.Ns), nil
	}
	if a.links == 0 {
		return answer{}, ErrLame
	}
	a.state = stateElsewhere
	return a, nil
}

// walk follows the CNAMEs that start at the question's name, whatever their
// order in the section, and gives the name at which they end.
func (a *answer) walk(q question, section []dns.RR) (string, error) {
	name := q.name
	for {
		c := cnameOf(name, section)
		if c == nil {
			return name, nil
		}
		if a.links++; a.links > maxChain {
			return "", ErrChain
		}
		target, err := hostName(c.Target)
		if err != nil {
			return "", errTarget
		}
		a.keepFor(c.Hdr.Ttl)
		a.end = target
		name = string(target)
	}
}

func cnameOf(name string, section []dns.RR) *dns.CNAME {
	for _, rr := range section {
		if c, ok := rr.(*dns.CNAME); ok && owns(name, c) {
			return c
		}
	}
	return nil
}

// collect takes the records of the asked type that belong to name; whatever
// else a server put into the section is not believed.
func (a *answer) collect(name string, qtype uint16, section []dns.RR) {
	for _, rr := range section {
		if rr.Header().Rrtype != qtype || !owns(name, rr) {
			continue
		}
		switch r := rr.(type) {
		case *dns.MX:
			a.mx = append(a.mx, mxOf(r))
		case *dns.A:
			a.addAddr(r.A)
		case *dns.AAAA:
			a.addAddr(r.AAAA)
		default:
			continue
		}
		a.keepFor(rr.Header().Ttl)
	}
	if len(a.mx)+len(a.addrs) > 0 {
		a.state = stateFull
	}
}

func (a *answer) addAddr(ip []byte) {
	if addr, ok := netip.AddrFromSlice(ip); ok {
		a.addrs = append(a.addrs, addr.Unmap())
	}
}

// keepFor shortens the life of the answer. RFC 2181 s8: a TTL with its highest
// bit set counts as zero.
func (a *answer) keepFor(seconds uint32) {
	if seconds > 1<<31-1 {
		seconds = 0
	}
	a.ttl = min(a.ttl, time.Duration(seconds)*time.Second)
}

// negative makes a of a reply that denies. RFC 2308 s5: it is kept for the
// shorter of the SOA's TTL and its minimum, and not at all without a SOA.
func (a answer) negative(s state, name string, authority []dns.RR) answer {
	a.state = s
	soa := soaFor(name, authority)
	if soa == nil {
		a.ttl = 0
		return a
	}
	a.ttl = min(a.ttl, maxNegativeTTL)
	a.keepFor(soa.Hdr.Ttl)
	a.keepFor(soa.Minttl)
	return a
}

// soaFor finds the SOA of a zone that holds name.
func soaFor(name string, authority []dns.RR) *dns.SOA {
	for _, rr := range authority {
		if soa, ok := rr.(*dns.SOA); ok && dns.IsSubDomain(soa.Hdr.Name, name+".") {
			return soa
		}
	}
	return nil
}

// isReferral tells a delegation (RFC 2308 s2.1) from an empty answer: the
// server sent us away instead of asking for us.
func isReferral(m *dns.Msg) bool {
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeNS {
			return !m.Authoritative && !m.RecursionAvailable
		}
	}
	return false
}

func owns(name string, rr dns.RR) bool {
	h := rr.Header()
	return h.Class == dns.ClassINET && strings.EqualFold(h.Name, name+".")
}

// mxOf keeps the target of a broken record in Literal: deliver must know that
// there was an MX, since its presence forbids the name's own addresses
// (RFC 5321 s5.1).
func mxOf(r *dns.MX) MX {
	if r.Mx == "." {
		return MX{Pref: r.Preference}
	}
	bare := strings.TrimSuffix(r.Mx, ".")
	if _, err := netip.ParseAddr(bare); err == nil {
		return MX{Pref: r.Preference, Literal: bare}
	}
	host, err := hostName(r.Mx)
	if err != nil {
		return MX{Pref: r.Preference, Literal: bare}
	}
	return MX{Pref: r.Preference, Host: host}
}

// hostName reads a name as miekg prints it: escaped, with its final dot.
func hostName(fqdn string) (mail.Domain, error) {
	d, err := mail.ParseDomain(strings.TrimSuffix(fqdn, "."))
	if err != nil || d[0] == '[' {
		return "", ErrName
	}
	return d, nil
}
