package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/postroad/postroad/internal/dns/dnstest"
)

// Lab is a small internet. Close ends all of it.
type Lab struct {
	DNS     *dnstest.Server
	Hosts   *Hosts
	CA      *CA
	Capture *Capture // of all receivers
	Port    int      // which receivers without an address of their own share

	reserve   net.Listener // holds Port on the first host
	mu        sync.Mutex   // guards receivers
	receivers []*Receiver
}

// Options of a lab whose addresses are fixed. The zero Options take free ones.
type Options struct {
	DNS   string     // "127.0.0.1:5355"
	First netip.Addr // of the hosts
	Port  int        // of the hosts
}

// New starts a lab on free addresses, with a DNS that has no zones yet.
func New() (*Lab, error) { return NewAt(Options{}) }

// NewAt starts a lab on fixed addresses.
func NewAt(o Options) (*Lab, error) {
	if o.DNS == "" {
		o.DNS = "127.0.0.1:0"
	}
	ca, err := NewCA()
	if err != nil {
		return nil, err
	}
	l := &Lab{CA: ca, Capture: newCapture(nil), Hosts: randomHosts(), Port: o.Port}
	if o.First.IsValid() {
		l.Hosts = NewHosts(o.First)
	}
	if err := l.reservePort(); err != nil {
		return nil, err
	}
	if l.DNS, err = dnstest.Listen(o.DNS); err != nil {
		_ = l.reserve.Close()
		return nil, err
	}
	return l, nil
}

// reservePort keeps the common port for this lab: who asks for a free port of
// the first host will not be given it.
func (l *Lab) reservePort() error {
	first, err := l.Hosts.Next()
	if err != nil {
		return err
	}
	l.reserve, err = net.Listen("tcp", net.JoinHostPort(first.String(), strconv.Itoa(l.Port)))
	if err != nil {
		return err
	}
	l.Port = l.reserve.Addr().(*net.TCPAddr).Port
	return nil
}

// Start starts a receiver. Without Config.Addr it gets the next address of the
// lab and the common port.
func (l *Lab) Start(c Config) (*Receiver, error) {
	if c.Addr == "" {
		host, err := l.Hosts.Next()
		if err != nil {
			return nil, err
		}
		c.Addr = net.JoinHostPort(host.String(), strconv.Itoa(l.Port))
	}
	if c.TLS != TLSNone && c.TLSConfig == nil {
		cert, err := l.CA.Certificate(c.Name, hostOf(c.Addr))
		if err != nil {
			return nil, err
		}
		c.TLSConfig = serverTLS(cert)
	}
	r, err := listen(c, l.Capture)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.receivers = append(l.receivers, r)
	return r, nil
}

// Down gives the address of a host that refuses connections.
func (l *Lab) Down() (netip.Addr, error) { return l.Hosts.Next() }

// Violations are the breaches of the protocol that any receiver saw.
func (l *Lab) Violations() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, r := range l.receivers {
		for _, v := range r.Violations() {
			out = append(out, fmt.Sprintf("%s: %s", r.Name, v))
		}
	}
	return out
}

// Close ends receivers and DNS and waits for their goroutines.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := []error{l.DNS.Close(), l.reserve.Close()}
	for _, r := range l.receivers {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}
