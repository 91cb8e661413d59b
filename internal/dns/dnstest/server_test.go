package dnstest_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/postroad/postroad/internal/dns/dnstest"
)

func ask(t *testing.T, s *dnstest.Server, name string, qtype uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	m, err := s.Exchange(t.Context(), "udp", "", q)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What is written out and read in again is the same zone.
func TestZoneText(t *testing.T) {
	s := dnstest.New()
	if err := s.Zone("example.org", "@ MX 10 mx\nmx A 192.0.2.1\n*.w CNAME mx\n"); err != nil {
		t.Fatal(err)
	}
	text := s.ZoneText("Example.ORG.")
	if !strings.HasPrefix(text, "example.org.\t300\tIN\tSOA\t") || !strings.Contains(text, "IN\tNS\tns.example.org.") {
		t.Errorf("no SOA first, or no NS:\n%s", text)
	}
	again := dnstest.New()
	if err := again.Zone("example.org", text); err != nil {
		t.Fatal(err)
	}
	if again.ZoneText("example.org") != text {
		t.Errorf("changed:\n%s\nbecame\n%s", text, again.ZoneText("example.org"))
	}
}

func TestBadZoneChangesNothing(t *testing.T) {
	s := dnstest.New()
	if err := s.Zone("example.org", "@ MX 10 mx"); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"@ MX ten mx", "other.example. A 192.0.2.1"} {
		if err := s.Zone("example.org", bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if m := ask(t, s, "example.org", dns.TypeMX); len(m.Answer) != 1 {
		t.Errorf("the zone is gone: %v", m)
	}
}

func TestWildcard(t *testing.T) {
	s := dnstest.New()
	if err := s.Zone("w.example", "* MX 1 a\nb A 192.0.2.1\nx.c A 192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{
		"q.w.example": 1, "q.q.w.example": 1,
		"b.w.example": 0, "q.b.w.example": 0, // the name, or a nearer one, exists
		"c.w.example": 0, "y.c.w.example": 0,
	} {
		if m := ask(t, s, name, dns.TypeMX); len(m.Answer) != want {
			t.Errorf("%s: %d records, want %d", name, len(m.Answer), want)
		}
	}
}

func TestFaultHappensSoManyTimes(t *testing.T) {
	s := dnstest.New()
	if err := s.Zone("example.org", "@ MX 1 a"); err != nil {
		t.Fatal(err)
	}
	s.Fail("example.org", dnstest.Fault{Type: dns.TypeMX, Rcode: dns.RcodeServerFailure, Times: 2})
	s.Fail("example.org", dnstest.Fault{Rcode: dns.RcodeRefused, Times: 1})
	want := []int{dns.RcodeServerFailure, dns.RcodeServerFailure, dns.RcodeRefused, dns.RcodeSuccess}
	for i, code := range want {
		if m := ask(t, s, "example.org", dns.TypeMX); m.Rcode != code {
			t.Errorf("question %d: %s", i, dns.RcodeToString[m.Rcode])
		}
	}
	if s.Count("example.org", "MX") != len(want) || s.Count("", "A") != 0 {
		t.Errorf("log: %v", s.Queries())
	}
}
