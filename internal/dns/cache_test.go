package dns_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/dns/dnstest"
	"github.com/postroad/postroad/internal/mail"
)

// inProcess is a Stub without sockets, for a synctest bubble.
func inProcess(t *testing.T, o dns.Options) (*dns.Stub, *dnstest.Server) {
	t.Helper()
	s := dnstest.New()
	zones(t, s)
	o.Servers, o.Exchange = []string{"ns"}, s
	return dns.New(o), s
}

// Each kind of answer lives as long as the RFCs and the bounds say, not shorter
// and not longer.
func TestCacheLives(t *testing.T) {
	for _, c := range []struct {
		zone, name string
		lives      time.Duration
	}{
		{"@ 90 MX 1 a", "e.example", 90 * time.Second},
		{"@ 90 MX 1 a\n@ 40 MX 2 b", "e.example", 40 * time.Second},
		{"@ 2000000 MX 1 a", "e.example", 24 * time.Hour},
		{"@ 90 MX 1 a\nx 20 CNAME @", "x.e.example", 20 * time.Second},
		{"@ 100 SOA a b 1 1 1 1 70", "e.example", 70 * time.Second},
		{"@ 50 SOA a b 1 1 1 1 70", "no.e.example", 50 * time.Second},
		{"@ 90000 SOA a b 1 1 1 1 90000", "no.e.example", time.Hour},
		{"@ 300 SOA a b 1 1 1 1 300\nx 15 CNAME no", "x.e.example", 15 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, s := inProcess(t, dns.Options{})
			if err := s.Zone("e.example", c.zone); err != nil {
				t.Fatal(err)
			}
			asked := func() int {
				_, _, _ = r.MX(t.Context(), mail.Domain(c.name))
				return s.Count("", "")
			}
			first := asked()
			time.Sleep(c.lives - time.Nanosecond)
			if n := asked(); n != first {
				t.Errorf("%q: asked again before %v", c.zone, c.lives)
			}
			time.Sleep(time.Nanosecond)
			if n := asked(); n != 2*first {
				t.Errorf("%q: not asked again after %v", c.zone, c.lives)
			}
		})
	}
}

func TestTTLCountsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := inProcess(t, dns.Options{})
		_, fresh, err := r.MX(t.Context(), "example.org")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Second)
		_, aged, err := r.MX(t.Context(), "example.org")
		if err != nil || fresh.TTL-aged.TTL != 100*time.Second {
			t.Errorf("TTL %v, then %v (%v)", fresh.TTL, aged.TTL, err)
		}
	})
}

func TestZeroTTLIsNotKept(t *testing.T) {
	r, s := inProcess(t, dns.Options{})
	if err := s.Zone("e.example", "@ 0 MX 1 a"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, _, err := r.MX(t.Context(), "e.example"); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Count("e.example", "MX"); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
}

// A failure is kept for at most five seconds and never turns into a denial.
func TestFailureIsKeptShortly(t *testing.T) {
	for name, f := range map[string]dnstest.Fault{"SERVFAIL": {Rcode: mdns.RcodeServerFailure}, "silence": {Drop: true}} {
		synctest.Test(t, func(t *testing.T) {
			r, s := inProcess(t, dns.Options{})
			s.Fail("example.org", f)
			_, _, err := r.MX(t.Context(), "example.org")
			n := s.Count("", "")
			if _, _, again := r.MX(t.Context(), "example.org"); kind(t, again) != dns.Temporary || kind(t, err) != dns.Temporary {
				t.Errorf("%s: %v, then %v", name, err, again)
			}
			if s.Count("", "") != n {
				t.Errorf("%s: asked again at once", name)
			}
			s.Heal("example.org")
			time.Sleep(5 * time.Second)
			if _, _, err := r.MX(t.Context(), "example.org"); err != nil {
				t.Errorf("%s: five seconds after it healed: %v", name, err)
			}
		})
	}
}

// Silence takes the time of the question, however many tries it has.
func TestTimeoutBoundsTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := inProcess(t, dns.Options{Timeout: 4 * time.Second})
		s.Fail("", dnstest.Fault{Drop: true})
		start := time.Now()
		_, _, err := r.Addrs(t.Context(), "mx1.example.org")
		if d := time.Since(start); kind(t, err) != dns.Temporary || d != 4*time.Second {
			t.Errorf("%v after %v", err, d)
		}
		if n := s.Count("", "A"); n != 3 {
			t.Errorf("%d tries, want 3", n)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	r, s := inProcess(t, dns.Options{Entries: 3})
	if err := s.Zone("w.example", "* MX 1 a"); err != nil {
		t.Fatal(err)
	}
	ask := func(names ...mail.Domain) {
		for _, n := range names {
			if _, _, err := r.MX(t.Context(), n+".w.example"); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask("a", "b", "c", "a", "d") // b is the least recently used
	if n := r.Stats().Entries; n != 3 {
		t.Errorf("%d entries", n)
	}
	s.Forget()
	ask("a", "c", "d", "b")
	if s.Count("", "") != 1 || s.Count("b.w.example", "MX") != 1 {
		t.Errorf("asked %v", s.Queries())
	}
}

func TestEqualQuestionsShareAQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := inProcess(t, dns.Options{})
		s.Fail("example.org", dnstest.Fault{Delay: time.Second})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if mx, _, err := r.MX(t.Context(), "example.org"); err != nil || len(mx) != 2 {
					t.Errorf("%v, %v", mx, err)
				}
			})
		}
		wg.Wait()
		if n := s.Count("", ""); n != 1 || r.Stats().Shared != 19 {
			t.Errorf("%d queries, %+v", n, r.Stats())
		}
	})
}

// The caller whose query the others wait for goes away: one of them takes over.
func TestLeaderLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := inProcess(t, dns.Options{})
		s.Fail("example.org", dnstest.Fault{Delay: time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := r.MX(ctx, "example.org"); kind(t, err) != dns.Temporary {
				t.Errorf("leader: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, _, err := r.MX(t.Context(), "example.org"); err != nil {
				t.Errorf("follower: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}
