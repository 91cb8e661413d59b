package dnstest

import (
	"time"

	"github.com/miekg/dns"
)

// Fault is what goes wrong with questions. The zero fields of the first group
// mean "any"; those of the second mean "does not happen".
type Fault struct {
	Type    uint16 // dns.TypeMX
	Network string // "udp" or "tcp"
	Times   int    // so many questions, then it is over

	Rcode         int           // dns.RcodeServerFailure, dns.RcodeRefused, ...
	Drop          bool          // no reply
	Delay         time.Duration // before the reply
	Truncate      bool          // TC and no records
	WrongID       bool          // the reply answers another query
	WrongQuestion bool          // the reply answers another question
	Garbage       bool          // octets that are no DNS message
	Lame          bool          // a referral to the root instead of an answer
}

// Fail sets the fault of a name; "" is any name. Several faults of a name are
// looked at in the order in which they were set, the first that fits happens.
func (s *Server) Fail(name string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := faultKey(name)
	s.faults[key] = append(s.faults[key], &f)
}

// Heal takes away all faults of a name.
func (s *Server) Heal(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.faults, faultKey(name))
}

func faultKey(name string) string {
	if name == "" {
		return ""
	}
	return dns.CanonicalName(name)
}

// faultOf is called with mu held.
func (s *Server) faultOf(q dns.Question, network string) Fault {
	for _, key := range []string{dns.CanonicalName(q.Name), ""} {
		for _, f := range s.faults[key] {
			if f.Times < 0 || f.Type != 0 && f.Type != q.Qtype || f.Network != "" && f.Network != network {
				continue
			}
			if f.Times > 0 {
				if f.Times--; f.Times == 0 {
					f.Times = -1 // spent
				}
			}
			return *f
		}
	}
	return Fault{}
}

// spoil changes a reply as the fault wants it.
func (f Fault) spoil(m *dns.Msg) {
	if f.Rcode != 0 {
		m.Rcode, m.Answer, m.Ns = f.Rcode, nil, nil
	}
	if f.Truncate {
		m.Truncated, m.Answer, m.Ns = true, nil, nil
	}
	if f.WrongID {
		m.Id++
	}
	if f.WrongQuestion {
		m.Question = []dns.Question{{Name: "wrong.invalid.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
	}
	if f.Lame {
		m.Answer, m.Authoritative, m.RecursionAvailable = nil, false, false
		m.Ns = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: "ns.invalid."}}
	}
}
