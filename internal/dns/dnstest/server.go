package dnstest

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Query is one question as it came in.
type Query struct {
	Name    string // lower case, without the final dot
	Type    string // "MX"
	Network string // "udp" or "tcp"
	Time    time.Time
}

// Server is an authoritative DNS. All methods may be called at any time by
// several goroutines.
type Server struct {
	mu      sync.Mutex // guards what follows
	zones   map[string]*zone
	faults  map[string][]*Fault
	queries []Query

	addr   string
	udp    *dns.Server
	tcp    *dns.Server
	done   sync.WaitGroup
	closed chan struct{}
	once   sync.Once
}

// New makes a server without sockets: an Exchanger for dns.Options.
func New() *Server {
	return &Server{zones: map[string]*zone{}, faults: map[string][]*Fault{}, closed: make(chan struct{})}
}

// Listen makes a server on UDP and TCP of an address; port 0 is a free one. The
// caller closes it.
func Listen(addr string) (*Server, error) {
	s := New()
	pc, l, err := bind(addr)
	if err != nil {
		return nil, err
	}
	s.addr = pc.LocalAddr().String()
	s.udp = &dns.Server{PacketConn: pc, Handler: s.handler("udp")}
	s.tcp = &dns.Server{Listener: l, Handler: s.handler("tcp")}
	for _, srv := range []*dns.Server{s.udp, s.tcp} {
		started := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		s.done.Go(func() { _ = srv.ActivateAndServe() })
		<-started
	}
	return s, nil
}

// bind takes the same port of both protocols. A free port of one may be taken in
// the other, so it tries several.
func bind(addr string) (net.PacketConn, net.Listener, error) {
	var last error
	for range 20 {
		pc, err := net.ListenPacket("udp", addr)
		if err != nil {
			return nil, nil, err
		}
		l, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, l, nil
		}
		last = err
		_ = pc.Close()
	}
	return nil, nil, last
}

// Addr is the address that the server listens on, "127.0.0.1:5355"; "" for
// one without sockets.
func (s *Server) Addr() string { return s.addr }

// Close ends the server and waits for its goroutines.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		if s.udp != nil {
			err = errors.Join(s.udp.Shutdown(), s.tcp.Shutdown())
			s.done.Wait()
		}
	})
	return err
}

// Zone serves the zone, in place of one with the same origin. What text does not
// say is added: SOA, NS, a TTL of 300.
func (s *Server) Zone(origin, text string) error {
	z, err := parseZone(origin, text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.zones[z.origin]; old != nil {
		z.secure = old.secure
	}
	s.zones[z.origin] = z
	return nil
}

// Secure says that answers from a zone carry the AD flag from now on, as if a
// validating resolver had found them signed.
func (s *Server) Secure(origin string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.zones[dns.CanonicalName(origin)]
	if old == nil {
		return fmt.Errorf("dnstest: no zone %s", origin)
	}
	z := *old
	z.secure = true
	s.zones[z.origin] = &z
	return nil
}

// ZoneText is the zone as a master file for other servers, or "".
func (s *Server) ZoneText(origin string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z := s.zones[dns.CanonicalName(origin)]; z != nil {
		return z.text()
	}
	return ""
}

// Queries gives what was asked so far.
func (s *Server) Queries() []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Query(nil), s.queries...)
}

// Count says how often a name was asked for; "" counts any name or any type.
func (s *Server) Count(name, qtype string) int {
	n := 0
	for _, q := range s.Queries() {
		if (name == "" || q.Name == name) && (qtype == "" || q.Type == qtype) {
			n++
		}
	}
	return n
}

// Forget empties the log of questions.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = nil
}
