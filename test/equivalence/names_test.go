package equivalence

import (
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// names is DNS in which every name exists: a domain has one MX, "mx." before it,
// and every name has one address, from which it can be told.
type names struct {
	mu     sync.Mutex
	byName map[string]netip.Addr
	byAddr map[netip.Addr]string
	next   netip.Addr
}

func newNames() *names {
	// Public addresses: names from DNS must not lead to private ones.
	return &names{byName: map[string]netip.Addr{}, byAddr: map[netip.Addr]string{}, next: netip.MustParseAddr("20.0.0.1")}
}

// serve answers on port 53 until the world ends.
func (n *names) serve() error {
	conn, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	go (&dns.Server{PacketConn: conn, Handler: n}).ActivateAndServe()
	go (&dns.Server{Listener: ln, Handler: n}).ActivateAndServe()
	return nil
}

// ServeDNS answers MX and A; of other types a name has nothing.
func (n *names) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	name := strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	head := dns.RR_Header{Name: q.Question[0].Name, Rrtype: q.Question[0].Qtype, Class: dns.ClassINET, Ttl: 300}
	switch q.Question[0].Qtype {
	case dns.TypeMX:
		m.Answer = append(m.Answer, &dns.MX{Hdr: head, Preference: 10, Mx: "mx." + name + "."})
	case dns.TypeA:
		m.Answer = append(m.Answer, &dns.A{Hdr: head, A: n.address(name).AsSlice()})
	}
	_ = w.WriteMsg(m)
}

// address is that of a name, the next free one for a name that is new.
func (n *names) address(name string) netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, ok := n.byName[name]
	if !ok {
		a, n.next = n.next, n.next.Next()
		n.byName[name], n.byAddr[a] = a, name
	}
	return a
}

// name is that of an address, or the address itself.
func (n *names) name(a netip.Addr) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name, ok := n.byAddr[a.Unmap()]; ok {
		return name
	}
	return a.Unmap().String()
}
