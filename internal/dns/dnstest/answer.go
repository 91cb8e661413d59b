package dnstest

import (
	"strings"

	"github.com/miekg/dns"
)

const maxChain = 16

// answer is the reply of a server without faults (RFC 1034 s4.3.2).
func (s *Server) answer(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true // so that stub resolvers are content
	if o := q.IsEdns0(); o != nil {
		m.SetEdns0(1232, o.Do())
	}
	question := q.Question[0]
	name := dns.CanonicalName(question.Name)
	for range maxChain {
		z := s.zoneOf(name)
		if z == nil {
			if len(m.Answer) == 0 {
				m.Rcode = dns.RcodeRefused
			}
			return m // a CNAME that leads out of our zones ends the reply
		}
		m.Authoritative = true
		m.AuthenticatedData = z.secure && (len(m.Answer) == 0 || m.AuthenticatedData)
		target, done := z.answer(m, name, question.Qtype)
		if done {
			return m
		}
		name = target
	}
	m.Rcode = dns.RcodeServerFailure
	return m
}

// answer adds what the zone knows of a name, and gives the target of a CNAME.
func (z *zone) answer(m *dns.Msg, name string, qtype uint16) (target string, done bool) {
	all, exists := z.at(name)
	if !exists {
		m.Rcode = dns.RcodeNameError
		m.Ns = []dns.RR{z.soa}
		return "", true
	}
	var cname *dns.CNAME
	found := false
	for _, rr := range all {
		if c, ok := rr.(*dns.CNAME); ok {
			cname = c
		}
		if rr.Header().Rrtype == qtype || qtype == dns.TypeANY {
			m.Answer = append(m.Answer, rr)
			found = true
		}
	}
	if found {
		return "", true
	}
	if cname != nil {
		m.Answer = append(m.Answer, cname)
		return strings.ToLower(cname.Target), false
	}
	m.Ns = []dns.RR{z.soa}
	return "", true
}

// zoneOf finds the zone nearest to a name.
func (s *Server) zoneOf(name string) *zone {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if z := s.zones[name]; z != nil {
			return z
		}
		if name == "." {
			return nil
		}
		name = parent(name)
	}
}
