package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/dns/dnstest"
	"github.com/postroad/postroad/internal/mail"
)

const zoneText = `
@            MX 20 mx2
@            MX 10 mx1
@            A 192.0.2.80
mx1     120  A 192.0.2.1
mx1     60   A 192.0.2.2
mx1     600  AAAA 2001:db8::1
mx2          A 192.0.2.3
null         MX 0 .
noMX         A 192.0.2.9
literal      MX 5 192.0.2.44.
odd          MX 5 b\@d.example.org.
alias        CNAME step
step    30   CNAME @
out          CNAME target.example.net.
dangling     CNAME nothing
loop         CNAME pool
pool         CNAME loop
a.b.c        TXT "deep"
*.wild       MX 10 mx1
mx           MX 10 _a._b
sub.mixed    A 192.0.2.5
`

// serve is a Stub over sockets to a server with the test zones.
func serve(t *testing.T, o dns.Options) (*dns.Stub, *dnstest.Server) {
	t.Helper()
	s, err := dnstest.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	zones(t, s)
	if o.Servers == nil {
		o.Servers = []string{s.Addr()}
	}
	return dns.New(o), s
}

func zones(t *testing.T, s *dnstest.Server) {
	t.Helper()
	if err := s.Zone("example.org", zoneText); err != nil {
		t.Fatal(err)
	}
	if err := s.Zone("example.net", "target MX 7 mail\nmail A 198.51.100.1\n"); err != nil {
		t.Fatal(err)
	}
}

func show(mx []dns.MX) string {
	var out []string
	for _, m := range mx {
		host := string(m.Host)
		switch {
		case m.Literal != "":
			host = "literal:" + m.Literal
		case host == "":
			host = "."
		}
		out = append(out, fmt.Sprintf("%d %s", m.Pref, host))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func kind(t *testing.T, err error) dns.Kind {
	t.Helper()
	var e *dns.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *dns.Error", err)
	}
	return e.Kind
}

func TestMX(t *testing.T) {
	r, _ := serve(t, dns.Options{})
	for _, c := range []struct {
		name, want string
		canonical  mail.Domain
	}{
		{"example.org", "10 mx1.example.org, 20 mx2.example.org", "example.org"},
		{"EXAMPLE.org", "10 mx1.example.org, 20 mx2.example.org", "example.org"},
		{"null.example.org", "0 .", "null.example.org"},
		{"literal.example.org", "5 literal:192.0.2.44", "literal.example.org"},
		{"odd.example.org", `5 literal:b\@d.example.org`, "odd.example.org"},
		{"alias.example.org", "10 mx1.example.org, 20 mx2.example.org", "example.org"},
		{"out.example.org", "7 mail.example.net", "target.example.net"},
		{"x.wild.example.org", "10 mx1.example.org", "x.wild.example.org"},
		{"mx.example.org", "10 _a._b.example.org", "mx.example.org"},
	} {
		mx, meta, err := r.MX(t.Context(), mail.Domain(c.name))
		if err != nil || show(mx) != c.want || meta.Canonical != c.canonical {
			t.Errorf("MX %s = %q, canonical %q, %v; want %q, %q", c.name, show(mx), meta.Canonical, err, c.want, c.canonical)
		}
	}
}

func TestNegative(t *testing.T) {
	r, _ := serve(t, dns.Options{})
	for name, want := range map[string]dns.Kind{
		"nomx.example.org":         dns.NoData,
		"missing.example.org":      dns.NXDomain,
		"b.c.example.org":          dns.NoData, // an empty non-terminal exists
		"mixed.example.org":        dns.NoData,
		"dangling.example.org":     dns.NXDomain,
		"loop.example.org":         dns.Temporary,
		"refused.example.com":      dns.Temporary, // no zone of this server
		"[192.0.2.1]":              dns.NXDomain,
		"":                         dns.NXDomain,
		"two words.example.org":    dns.NXDomain,
		strings.Repeat("a", 64):    dns.NXDomain,
		"dangling..example.org":    dns.NXDomain,
		"trailing.example.org.":    dns.NXDomain,
		"x.nomx.example.org":       dns.NXDomain,
		"under.dangling.alias.com": dns.Temporary,
	} {
		_, _, err := r.MX(t.Context(), mail.Domain(name))
		if got := kind(t, err); got != want {
			t.Errorf("MX %s: kind %d, want %d (%v)", name, got, want, err)
		}
	}
}

func TestAddrs(t *testing.T) {
	r, s := serve(t, dns.Options{})
	addrs, meta, err := r.Addrs(t.Context(), "mx1.example.org")
	want := []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	if err != nil || !slices.Equal(addrs, want) || meta.TTL != time.Minute {
		t.Fatalf("got %v, %v, %v", addrs, meta, err)
	}
	s.Fail("mx2.example.org", dnstest.Fault{Type: mdns.TypeAAAA, Rcode: mdns.RcodeServerFailure})
	addrs, meta, err = r.Addrs(t.Context(), "mx2.example.org")
	if err != nil || len(addrs) != 1 || meta.TTL > 5*time.Second {
		t.Errorf("one family fails: %v, %v, %v; want the other, kept shortly", addrs, meta, err)
	}
}

// Only when both families deny does an address "not exist".
func TestAddrsDenied(t *testing.T) {
	for _, c := range []struct {
		name   string
		a, b   int // codes of A and AAAA; -1: as the zone says
		denial dns.Kind
	}{
		{"null.example.org", -1, -1, dns.NoData},
		{"nothing.example.org", -1, -1, dns.NXDomain},
		{"null.example.org", mdns.RcodeServerFailure, -1, dns.Temporary},
		{"null.example.org", -1, mdns.RcodeServerFailure, dns.Temporary},
		{"nothing.example.org", mdns.RcodeRefused, -1, dns.Temporary},
		{"null.example.org", mdns.RcodeNameError, -1, dns.NoData},
		{"null.example.org", -1, mdns.RcodeNameError, dns.NoData},
	} {
		r, s := serve(t, dns.Options{})
		if c.a >= 0 {
			s.Fail(c.name, dnstest.Fault{Type: mdns.TypeA, Rcode: c.a})
		}
		if c.b >= 0 {
			s.Fail(c.name, dnstest.Fault{Type: mdns.TypeAAAA, Rcode: c.b})
		}
		_, _, err := r.Addrs(t.Context(), mail.Domain(c.name))
		if got := kind(t, err); got != c.denial {
			t.Errorf("%+v: kind %d (%v)", c, got, err)
		}
	}
}

func TestSecure(t *testing.T) {
	for _, trust := range []bool{false, true} {
		r, s := serve(t, dns.Options{TrustAD: trust})
		if err := s.Secure("example.org"); err != nil {
			t.Fatal(err)
		}
		_, meta, err := r.MX(t.Context(), "example.org")
		if err != nil || meta.Secure != trust {
			t.Errorf("trust %v: Secure = %v, %v", trust, meta.Secure, err)
		}
		// The chain leaves the signed zone.
		if _, meta, err = r.MX(t.Context(), "out.example.org"); err != nil || meta.Secure {
			t.Errorf("trust %v: through an unsigned zone Secure = %v, %v", trust, meta.Secure, err)
		}
	}
}

func TestFaults(t *testing.T) {
	second := map[string]dnstest.Fault{
		"SERVFAIL": {Rcode: mdns.RcodeServerFailure}, "REFUSED": {Rcode: mdns.RcodeRefused}, "NOTIMP": {Rcode: mdns.RcodeNotImplemented},
		"silence": {Drop: true}, "late": {Delay: 3 * time.Second}, "lame": {Lame: true},
		"wrong id": {WrongID: true}, "wrong question": {WrongQuestion: true}, "garbage": {Garbage: true},
	}
	for name, f := range second {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, s := serve(t, dns.Options{Timeout: 600 * time.Millisecond})
			s.Fail("example.org", f)
			start := time.Now()
			_, _, err := r.MX(t.Context(), "example.org")
			if kind(t, err) != dns.Temporary {
				t.Errorf("kind %d, want Temporary: %v", kind(t, err), err)
			}
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// What fails once is asked again within the same question.
func TestRetry(t *testing.T) {
	for name, f := range map[string]dnstest.Fault{
		"silence": {Drop: true, Times: 1}, "wrong id": {WrongID: true, Times: 1}, "garbage": {Garbage: true, Times: 2},
		"truncated": {Truncate: true, Network: "udp"}, "before EDNS": {Rcode: mdns.RcodeFormatError, Network: "udp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, s := serve(t, dns.Options{Timeout: 2 * time.Second})
			s.Fail("example.org", f)
			mx, _, err := r.MX(t.Context(), "example.org")
			if err != nil || len(mx) != 2 {
				t.Errorf("got %v, %v", mx, err)
			}
		})
	}
}

func TestTruncatedNaturally(t *testing.T) {
	r, s := serve(t, dns.Options{})
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "@ MX %d a-long-name-of-a-host-%d.example.com.\n", i, i)
	}
	if err := s.Zone("big.example", b.String()); err != nil {
		t.Fatal(err)
	}
	mx, _, err := r.MX(t.Context(), "big.example")
	if err != nil || len(mx) != 200 || r.Stats().Truncated != 1 {
		t.Errorf("%d records, %v, %+v", len(mx), err, r.Stats())
	}
}

// A dead first server costs its share of the time once; then the good one is
// asked first.
func TestServersRotate(t *testing.T) {
	dead, err := dnstest.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	dead.Fail("", dnstest.Fault{Drop: true})
	good, err := dnstest.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	zones(t, good)
	r := dns.New(dns.Options{Servers: []string{dead.Addr(), good.Addr()}, Timeout: 2 * time.Second})
	for _, name := range []mail.Domain{"example.org", "alias.example.org", "null.example.org"} {
		if _, _, err := r.MX(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := dead.Count("", ""); n != 1 {
		t.Errorf("the dead server was asked %d times, want 1", n)
	}
}

func TestCallerLeaves(t *testing.T) {
	r, s := serve(t, dns.Options{})
	s.Fail("example.org", dnstest.Fault{Drop: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := r.MX(ctx, "example.org")
	if kind(t, err) != dns.Temporary || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	s.Heal("example.org")
	// Nothing was learnt about the name, so nothing is kept.
	if _, _, err := r.MX(t.Context(), "example.org"); err != nil {
		t.Errorf("the next caller: %v", err)
	}
}
