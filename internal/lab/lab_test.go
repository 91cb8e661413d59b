package lab_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/lab"
)

// Hosts have addresses of their own and one port, so that zones can lead to them.
func TestHostsShareAPort(t *testing.T) {
	l, a := start(t, lab.Config{Name: "mx1.example.org"})
	b, err := l.Start(lab.Config{Name: "mx2.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	down, err := l.Down()
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Port)
	if a.Host == b.Host || a.Addr != net.JoinHostPort(a.Host, port) || b.Addr != net.JoinHostPort(b.Host, port) {
		t.Errorf("%s and %s, port %s", a.Addr, b.Addr, port)
	}
	if _, err := net.Dial("tcp", net.JoinHostPort(down.String(), port)); err == nil {
		t.Error("the host that is down answers")
	}
	if err := l.DNS.Zone("example.org", "@ MX 1 mx1\nmx1 A "+a.Host); err != nil {
		t.Fatal(err)
	}
	got, _, err := dns.New(dns.Options{Servers: []string{l.DNS.Addr()}}).Addrs(t.Context(), "mx1.example.org")
	if err != nil || len(got) != 1 || got[0].String() != a.Host {
		t.Errorf("%v, %v", got, err)
	}
}

func TestHostsEnd(t *testing.T) {
	h := lab.NewHosts(netip.MustParseAddr("127.0.1.253"))
	for range 2 {
		if _, err := h.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := h.Next(); err == nil {
		t.Errorf("gave %v", a)
	}
}

func TestWaitMessagesEnds(t *testing.T) {
	_, r := start(t, lab.Config{})
	if _, err := lab.Send(r.Addr, "", []string{"a@x.example"}, nil); err != nil {
		t.Fatal(err)
	}
	m, err := r.WaitMessages(2, 20*time.Millisecond)
	if err == nil || len(m) != 1 {
		t.Errorf("%d messages, %v", len(m), err)
	}
}

func TestCertificateFile(t *testing.T) {
	ca, err := lab.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	path, err := ca.WriteFile(t.TempDir(), "mx.example.org")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(path, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: "mx.example.org"}); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a key that others may read: %v, %v", info, err)
	}
}
