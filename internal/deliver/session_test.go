package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/spool"
)

// certificate for a name, and the pool that trusts it.
func certificate(t *testing.T, name string) (*tls.Config, *x509.CertPool) {
	ca, err := lab.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Certificate(name)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, ca.Pool()
}

// The TLS modes of a transport against hosts with a good certificate, one for
// another name, none at all and one that fails the handshake.
func TestTLSModes(t *testing.T) {
	good, roots := certificate(t, "mx.partner.example")
	other, _ := certificate(t, "other.example")
	broken := &tls.Config{}
	const (
		inTLS    = "a delivered 250 2.0.0 taken TLS1.3"
		inClear  = "a delivered 250 2.0.0 taken "
		noOffer  = "a waits 454 4.7.4 TLS is required, but the host does not offer it "
		failed   = "a waits 454 4.7.5 TLS handshake failed "
		wrong    = "a waits 454 4.7.5 certificate of the host cannot be verified "
		declined = "a waits 454 4.7.4 host declines the TLS that is required "
	)
	for _, c := range []struct {
		name  string
		mode  config.TLSMode
		tls   *tls.Config
		ehlo  string
		last  bool
		want  string
		conns int
	}{
		{"none does not ask", config.TLSNone, good, "", false, inClear, 1},
		{"offer", config.TLSOffer, good, "", false, inTLS, 1},
		{"offer takes any certificate", config.TLSOffer, other, "", false, inTLS, 1},
		{"offer goes on without", config.TLSOffer, nil, "", false, inClear, 1},
		{"offer falls back on a new connection", config.TLSOffer, broken, "", false, inClear, 2},
		{"offer stays when it is declined", config.TLSOffer, nil, "STARTTLS", false, inClear, 1},
		{"require", config.TLSRequire, good, "", false, inTLS, 1},
		{"require takes any certificate", config.TLSRequire, other, "", false, inTLS, 1},
		{"require without an offer", config.TLSRequire, nil, "", false, noOffer, 1},
		{"require that fails", config.TLSRequire, broken, "", false, failed, 1},
		{"require that is declined", config.TLSRequire, nil, "STARTTLS", false, declined, 1},
		{"require at the last attempt", config.TLSRequire, nil, "", true, "a failed 550 5.7.4 TLS is required, but the host does not offer it ", 1},
		{"verify", config.TLSVerify, good, "", false, inTLS, 1},
		{"verify without an offer", config.TLSVerify, nil, "", false, noOffer, 1},
		{"verify with another name", config.TLSVerify, other, "", false, wrong, 1},
		{"verify with another name at the last attempt", config.TLSVerify, other, "", true, "a failed 550 5.7.5 certificate of the host cannot be verified ", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.d.o.Roots = roots
			if c.tls == other {
				w.d.o.Roots.AddCert(mustParse(t, other)) // trusted, for another name
			}
			w.zone.addrs["mx.partner.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
			h := &host{tls: c.tls, ehlo: c.ehlo}
			w.hosts["192.0.2.1:25"] = h
			w.transport(&config.Transport{Name: "t", Kind: decide.KindSMTP, TLS: c.mode, Tiers: [][]string{{"mx.partner.example"}}})
			a := job("t", "a@d.example")
			a.Last = c.last
			res := w.d.Attempt(context.Background(), a)
			got, _, _ := strings.Cut(told(a, res), " @")
			if got = strings.TrimSpace(got) + " " + res.TLS; got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if h.seen().conns != c.conns {
				t.Errorf("%d connections, want %d", h.seen().conns, c.conns)
			}

		})
	}
}

func mustParse(t *testing.T, cfg *tls.Config) *x509.Certificate {
	cert, err := x509.ParseCertificate(cfg.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestImplicitTLSIsVerified(t *testing.T) {
	good, roots := certificate(t, "192.0.2.1")
	for _, trusted := range []bool{true, false} {
		w := newWorld(t)
		if trusted {
			w.d.o.Roots = roots
		} else {
			w.d.o.Roots = x509.NewCertPool()
		}
		h := &host{}
		w.d.o.Dial = func(context.Context, string, string, netip.Addr) (net.Conn, error) {
			return loopback(t, func(conn net.Conn) { h.serve(tls.Server(conn, good)) }), nil
		}
		w.transport(&config.Transport{Name: "t", Kind: decide.KindSMTP, TLS: config.TLSImplicit, Tiers: [][]string{{"192.0.2.1:465"}}})
		res := w.d.Attempt(context.Background(), job("t", "a@d.example"))
		if delivered := res.Recipients[0].State == spool.Delivered; delivered != trusted || (res.TLS == "TLS1.3") != trusted {
			t.Errorf("trusted %v: %+v", trusted, res)
		}
	}
}

func TestLogin(t *testing.T) {
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good, _ := certificate(t, "x")
	for _, c := range []struct {
		name, addr string
		h          *host
		secret     config.Secret
		want       string
	}{
		{"in the clear to another machine: never", "192.0.2.1", &host{ehlo: "AUTH PLAIN"}, config.Secret{File: pass},
			"a waits 454 4.7.0 authentication needs TLS, which there is not"},
		{"in the clear to this machine", "127.0.0.1", &host{ehlo: "AUTH PLAIN"}, config.Secret{File: pass}, "a delivered 250 2.0.0 taken @[127.0.0.1]:25"},
		{"over TLS", "192.0.2.1", &host{ehlo: "AUTH PLAIN", tls: good}, config.Secret{File: pass}, "a delivered 250 2.0.0 taken @[192.0.2.1]:25"},
		{"refused: the operator's mistake, all wait", "127.0.0.1", &host{ehlo: "AUTH PLAIN", auth: "535 5.7.8 wrong"}, config.Secret{File: pass}, "a waits 535 5.7.8 wrong @[127.0.0.1]:25"},
		{"not offered", "127.0.0.1", &host{}, config.Secret{File: pass}, "a waits 454 4.7.0 host offers no authentication that we speak"},
		{"the password is not there", "127.0.0.1", &host{ehlo: "AUTH PLAIN"}, config.Secret{File: pass + "x"}, "a waits 451 4.3.5 mail system configuration error"},
		{"nor in the environment", "127.0.0.1", &host{ehlo: "AUTH PLAIN"}, config.Secret{Env: "POSTROAD_TEST_NO_SUCH_SECRET"}, "a waits 451 4.3.5 mail system configuration error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.hosts[c.addr+":25"] = c.h
			w.transport(&config.Transport{Name: "t", Kind: decide.KindSMTP, TLS: config.TLSOffer, User: "u", Pass: &c.secret, Tiers: [][]string{{c.addr}}})
			a := job("t", "a@d.example")
			got := told(a, w.d.Attempt(context.Background(), a))
			if i := strings.Index(c.want, "@["); i >= 0 {
				got = strings.Replace(got, "@", "@["+c.addr+"]:25", 1)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			said := slices.Contains(c.h.seen().said, "AUTH PLAIN AHUAc2VjcmV0")
			if want := c.secret.File == pass && c.h.ehlo != "" && (c.addr == "127.0.0.1" || c.h.tls != nil); said != want {
				t.Errorf("password said: %v, want %v", said, want)
			}

		})
	}
}

func TestLMTP(t *testing.T) {
	w := newWorld(t)
	h := &host{lmtp: true, ehlo: "PIPELINING|DSN", rcpt: map[string]string{"c": "550 5.1.1 no"}, ends: map[string]string{"b": "452 4.2.2 full", "d": "554 5.6.0 no"}}
	second := &host{lmtp: true, ehlo: "PIPELINING"}
	w.hosts["/run/lmtp"], w.hosts["10.0.0.6:24"] = h, second
	w.transport(&config.Transport{Name: "t", Kind: decide.KindLMTP, Tiers: [][]string{{"unix:/run/lmtp"}, {"10.0.0.6"}}})
	a := job("t", "a@d.example", "b@d.example", "c@d.example", "d@d.example")
	res := w.d.Attempt(context.Background(), a)
	want := "a delivered 250 2.0.0 taken @unix:/run/lmtp | b delivered 250 2.0.0 taken @ | c failed 550 5.1.1 no @unix:/run/lmtp | d failed 554 5.6.0 no @unix:/run/lmtp"
	if got := told(a, res); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if h.seen().said[0] != "LHLO me.example" || len(second.seen().messages) != 1 || res.DSNCapable {
		t.Errorf("said %q, second %v, DSN %v", h.seen().said[0], second.seen().messages, res.DSNCapable)
	}
}

func TestLMTPDroppedBetweenReplies(t *testing.T) {
	w := newWorld(t)
	h := &host{lmtp: true, ends: map[string]string{"b": "drop"}}
	second := &host{lmtp: true}
	w.hosts["10.0.0.5:24"], w.hosts["10.0.0.6:24"] = h, second
	w.transport(&config.Transport{Name: "t", Kind: decide.KindLMTP, Tiers: [][]string{{"10.0.0.5"}, {"10.0.0.6"}}})
	a := job("t", "a@d.example", "b@d.example", "c@d.example")
	want := "a delivered 250 2.0.0 taken @ | b waits 451 4.4.2 lost connection after end of data @ | c waits 451 4.4.2 lost connection after end of data @"
	if got := told(a, w.d.Attempt(context.Background(), a)); got != want || second.seen().conns != 0 {
		t.Errorf("got  %s\nwant %s; second host tried %d times", got, want, second.seen().conns)
	}
}

// The next family is tried beside the first after a short delay, and the loser
// is closed (RFC 8305).
func TestAddressesAreRaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow, fast := &host{delay: 10 * time.Second}, &host{delay: 10 * time.Millisecond}
		w.hosts["[2001:db8::1]:25"], w.hosts["192.0.2.1:25"] = slow, fast
		w.zone.addrs["d.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
		begun := time.Now()
		res := w.d.Attempt(context.Background(), job("mx", "a@d.example"))
		if took := time.Since(begun); res.Recipients[0].State != spool.Delivered || took != raceDelay+10*time.Millisecond {
			t.Errorf("took %v: %+v", took, res)
		}
		if res.Recipients[0].Remote != "d.example[192.0.2.1]:25" {
			t.Errorf("remote %s", res.Recipients[0].Remote)
		}
	})
}

// An address that fails at once does not wait for the delay; one that greets
// badly hands over to the next address of the same host.
func TestNextAddressOfAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hosts["192.0.2.1:25"] = &host{refuse: true}
		w.hosts["192.0.2.2:25"] = &host{greeting: "421 4.3.2 busy"}
		w.hosts["192.0.2.3:25"] = &host{}
		w.zone.addrs["d.example"] = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")}
		begun := time.Now()
		res := w.d.Attempt(context.Background(), job("mx", "a@d.example"))
		if res.Recipients[0].Remote != "d.example[192.0.2.3]:25" || time.Since(begun) != 0 {
			t.Errorf("after %v: %+v", time.Since(begun), res)
		}
	})
}

func TestSourceByFamily(t *testing.T) {
	w := newWorld(t)
	four, six := &host{}, &host{}
	w.hosts["192.0.2.1:25"], w.hosts["[2001:db8::1]:25"] = four, six
	for _, to := range []string{"192.0.2.1", "2001:db8::1"} {
		w.transport(&config.Transport{Name: "t", Kind: decide.KindSMTP, Tiers: [][]string{{to}},
			Source4: netip.MustParseAddr("198.51.100.1"), Source6: netip.MustParseAddr("2001:db8::99")})
		w.d.Attempt(context.Background(), job("t", "a@d.example"))
	}
	if four.seen().sources[0].String() != "198.51.100.1" || six.seen().sources[0].String() != "2001:db8::99" {
		t.Errorf("%v %v", four.seen().sources, six.seen().sources)
	}
}

// A host found by DNS that calls itself by our name is ourselves.
func TestHostIsMyselfByName(t *testing.T) {
	w := newWorld(t)
	h := &host{name: "ME.example"}
	w.mxHost(1, h)
	a := job("mx", "a@d.example")
	want := "a failed 554 5.4.6 mail for this domain loops back to myself"
	if got := told(a, w.d.Attempt(context.Background(), a)); got != want || h.seen().mails != 0 {
		t.Errorf("got %s, want %s; offered %d times", got, want, h.seen().mails)
	}
	a.Job.Nexthops = []string{"[192.0.2.1]"} // the administrator knows better
	if got := w.d.Attempt(context.Background(), a); got.Recipients[0].State != spool.Delivered {
		t.Errorf("got %+v", got)
	}
}

func TestCancelledAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.mxHost(1, &host{mail: "hang"})
		second := &host{}
		w.mxHost(2, second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		a := job("mx", "a@d.example")
		a.Last = true
		begun := time.Now()
		res := w.d.Attempt(ctx, a)
		if got, want := told(a, res), "a waits 451 4.3.2 delivery interrupted"; got != want || res.Unreachable || second.seen().conns != 0 {
			t.Errorf("got %s, want %s; %+v", got, want, res)
		}
		if time.Since(begun) != time.Second {
			t.Errorf("took %v", time.Since(begun))
		}
	})
}
