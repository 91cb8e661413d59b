package receive_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
)

var somebody = netip.MustParseAddr("192.0.2.1")

// client speaks SMTP in lockstep.
type client struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func newClient(t testing.TB, c net.Conn) *client {
	return &client{t: t, conn: c, in: bufio.NewReader(c)}
}

// reply reads a whole reply and gives its last line; "" at the end.
func (c *client) reply() string {
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return ""
		}
		if len(line) < 4 || line[3] != '-' {
			return strings.TrimRight(line, "\r\n")
		}
	}
}

func (c *client) say(line, want string) {
	c.t.Helper()
	io.WriteString(c.conn, line+"\r\n")
	if got := c.reply(); !strings.HasPrefix(got, want) {
		c.t.Errorf("%s: the server says %q, want %q", line, got, want)
	}
}

func (c *client) greeted(want string) {
	c.t.Helper()
	if got := c.reply(); !strings.HasPrefix(got, want) {
		c.t.Errorf("the server greets with %q, want %q", got, want)
	}
}

func TestLimitsOfConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		open := func(client string, want string) net.Conn {
			conn, _ := w.connect("few", netip.MustParseAddr(client))
			newClient(t, conn).greeted(want)
			return conn
		}
		a := open("192.0.2.1", "220")
		defer a.Close()
		open("192.0.2.1", "220").Close()
		synctest.Wait()
		b := open("192.0.2.1", "220")
		defer b.Close()
		open("192.0.2.1", "421 4.7.0").Close()
		c := open("2001:db8::1", "220")
		defer c.Close()
		open("192.0.2.2", "421 4.7.0").Close() // three in all
		c.Close()
		b.Close()
		synctest.Wait()
		// One IPv6 host has as many addresses as it likes.
		defer open("2001:db8::2", "220").Close()
		defer open("2001:db8:0:0:1::1", "220").Close()
		open("2001:db8::3", "421").Close()
		synctest.Wait()
		if n := w.server.Counters().TurnedAway.Load(); n != 3 {
			t.Errorf("%d connections turned away, want 3", n)
		}
	})
}

// Hosts of our own, which a relay rule names, are held by the listener's limit
// and not by that of one client.
func TestPartnersOpenMoreConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 3 {
			conn, _ := w.connect("few", netip.MustParseAddr("10.0.0.9"))
			newClient(t, conn).greeted("220")
			defer conn.Close()
		}
		conn, _ := w.connect("few", netip.MustParseAddr("10.0.0.9"))
		newClient(t, conn).greeted("421 4.7.0")
		conn.Close()
		synctest.Wait()
	})
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		idleConn, idleDone := w.connect("public", somebody)
		idle := newClient(t, idleConn)
		idle.greeted("220")
		busyConn, busyDone := w.connect("public", somebody)
		busy := newClient(t, busyConn)
		busy.greeted("220")
		busy.say("EHLO x", "250")
		busy.say("MAIL FROM:<s@client.example>", "250")
		busy.say("RCPT TO:<ann@example.com>", "250")

		ended := make(chan error, 1)
		go func() { ended <- w.server.Shutdown(t.Context()) }()
		if got := idle.reply(); !strings.HasPrefix(got, "421 4.3.2") {
			t.Errorf("the idle session hears %q", got)
		}
		<-idleDone
		late, _ := w.connect("public", somebody)
		if got := newClient(t, late).reply(); got != "" {
			t.Errorf("a late connection hears %q", got)
		}
		busy.say("DATA", "354")
		io.WriteString(busyConn, "Subject: x\r\n\r\n.\r\n")
		if got := busy.reply(); !strings.HasPrefix(got, "250") {
			t.Errorf("the running transaction ends with %q", got)
		}
		if got := busy.reply(); !strings.HasPrefix(got, "421 4.3.2") {
			t.Errorf("after its transaction the session hears %q", got)
		}
		<-busyDone
		if err := <-ended; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if len(w.store.messages()) != 1 {
			t.Error("the message of the running transaction is lost")
		}
	})
}

func TestShutdownCutsAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		conn, done := w.connect("public", somebody)
		c := newClient(t, conn)
		c.greeted("220")
		c.say("EHLO x", "250")
		c.say("MAIL FROM:<>", "250")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := w.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		<-done
	})
}

func TestServeTakesConnectionsUntilShutdown(t *testing.T) {
	w := newWorld(t)
	ln := listen(t)
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(ln, "public") }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := newClient(t, conn)
	c.greeted("220")
	c.say("QUIT", "221")
	if err := w.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := w.server.Serve(listen(t), "public"); err != nil {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

func listen(t testing.TB) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// Who talks before the greeting does not speak SMTP.
func TestEarlyTalker(t *testing.T) {
	w := newWorld(t)
	ln := listen(t)
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// On the loopback the octets are there when Write returns, and nobody
	// accepts yet.
	if _, err := io.WriteString(conn, "EHLO eager\r\n"); err != nil {
		t.Fatal(err)
	}
	go w.server.Serve(ln, "public")
	defer w.server.Shutdown(t.Context())
	newClient(t, conn).greeted("554 5.5.0")
}

// A transaction ends under the generation with which it began; the next one is
// under the new one.
func TestGenerationIsPinnedFromMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		conn, _ := w.connect("public", somebody)
		defer conn.Close()
		c := newClient(t, conn)
		c.greeted("220")
		c.say("EHLO x", "250")
		c.say("MAIL FROM:<s@client.example>", "250")
		c.say("RCPT TO:<ann@example.com>", "250")
		w.reload(t, func(r *decide.Rules) { r.Domains = nil })
		c.say("RCPT TO:<bob@example.com>", "250")
		c.say("DATA", "354")
		c.say("Subject: x\r\n\r\n.", "250")
		if got := w.store.messages()[0].env.Generation; got != "g1" {
			t.Errorf("decided under %q", got)
		}
		c.say("MAIL FROM:<s@client.example>", "250")
		c.say("RCPT TO:<ann@example.com>", "554 5.7.1")
	})
}

// reload puts a changed configuration in place of the old one.
func (w *world) reload(t *testing.T, change func(*decide.Rules)) {
	rules := testRules()
	rules.Generation = "g2"
	change(rules)
	snapshot, err := decide.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	w.gen.mu.Lock()
	defer w.gen.mu.Unlock()
	next := *w.gen.gen.Config
	next.Generation, next.Rules, next.Snapshot = "g2", rules, snapshot
	w.gen.gen.Config = &next
}

// A listener that a reload took away serves nobody.
func TestListenerThatWentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		conn, done := w.connect("nosuch", somebody)
		if got := newClient(t, conn).reply(); got != "" {
			t.Errorf("the server says %q", got)
		}
		<-done
	})
}

func TestCertificateIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dir := t.TempDir()
		f := keyFiles{dir: dir, chain: filepath.Join(dir, "c.pem"), key: filepath.Join(dir, "k.pem")}
		w.setCertificate(f)
		for i, name := range []string{"one.example", "two.example"} {
			if err := writeCertificate(f, name); err != nil {
				t.Fatal(err)
			}
			touch(t, f, i)
			time.Sleep(2 * time.Second)
			if got := w.certificateName(t); got != name {
				t.Errorf("the certificate is for %q, want %q", got, name)
			}
		}
		if err := os.WriteFile(f.chain, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		touch(t, f, 2)
		time.Sleep(2 * time.Second)
		if got := w.certificateName(t); got != "two.example" {
			t.Errorf("after a broken file the certificate is for %q", got)
		}
		if !strings.Contains(w.log.String(), "certificate is broken") {
			t.Error("nobody is told of the broken file")
		}
	})
}

func (w *world) setCertificate(f keyFiles) {
	for _, l := range w.gen.gen.Config.Listeners {
		if l.Name == "implicit" {
			l.Certificates = []config.CertificateFile{{Chain: f.chain, Key: f.key}}
		}
	}
}

// touch gives the files a time of their own, since the clock of a test stands.
func touch(t *testing.T, f keyFiles, n int) {
	at := time.Date(2000, 1, 1, 0, n+1, 0, 0, time.UTC)
	for _, name := range []string{f.chain, f.key} {
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) certificateName(t *testing.T) string {
	conn, done := w.connect("implicit", somebody)
	tc := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "mx.example.com"})
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	name := tc.ConnectionState().PeerCertificates[0].DNSNames[0]
	tc.SetDeadline(time.Now())
	conn.Close()
	<-done
	return name
}

func TestCertificateBySNI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dir := t.TempDir()
		var files []config.CertificateFile
		for _, name := range []string{"first.example", "mx.example.com"} {
			f := keyFiles{chain: filepath.Join(dir, name), key: filepath.Join(dir, name+".key")}
			if err := writeCertificate(f, name); err != nil {
				t.Fatal(err)
			}
			files = append(files, config.CertificateFile{Chain: f.chain, Key: f.key})
		}
		for _, l := range w.gen.gen.Config.Listeners {
			l.Certificates = files
		}
		if got := w.certificateName(t); got != "mx.example.com" {
			t.Errorf("asked for mx.example.com, got %q", got)
		}
		for _, l := range w.gen.gen.Config.Listeners {
			l.Certificates = files[:1]
		}
		w.reload(t, func(*decide.Rules) {})
		if got := w.certificateName(t); got != "first.example" {
			t.Errorf("asked for a name that is not there, got %q", got)
		}
	})
}

// A client certificate is named by its fingerprint, and asked for only where a
// rule looks at it.
func TestClientCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		pair, err := tls.LoadX509KeyPair(keys(t).chain, keys(t).key)
		if err != nil {
			t.Fatal(err)
		}
		if w.certificateAsked(t, pair) {
			t.Error("a certificate was asked for, and no rule looks at it")
		}
		w.reload(t, func(r *decide.Rules) {
			m := noTables()
			m.Certificate = []string{fingerprint(pair)}
			r.Relay = []decide.Relay{{Ref: decide.Ref{Name: "relay.branch"}, Match: m}}
		})
		if !w.certificateAsked(t, pair) {
			t.Error("no certificate was asked for, and a rule looks at it")
		}
	})
}

func fingerprint(pair tls.Certificate) string {
	sum := sha256.Sum256(pair.Certificate[0])
	return "sha256:" + hex.EncodeToString(sum[:])
}

// certificateAsked tells whether the server asks for a certificate; if so, mail
// to a foreign domain must be taken from its owner.
func (w *world) certificateAsked(t *testing.T, pair tls.Certificate) bool {
	asked := false
	conn, done := w.connect("public", somebody)
	c := newClient(t, conn)
	c.greeted("220")
	c.say("EHLO x", "250")
	c.say("STARTTLS", "220")
	tc := tls.Client(conn, &tls.Config{
		InsecureSkipVerify: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &pair, nil
		},
	})
	c = newClient(t, tc)
	c.say("EHLO x", "250")
	c.say("MAIL FROM:<s@client.example>", "250")
	if asked {
		c.say("RCPT TO:<friend@foreign.example>", "250")
	}
	c.say("QUIT", "221")
	conn.Close()
	<-done
	return asked
}

func TestCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		counters := w.server.Counters()
		conn, done := w.connect("public", somebody)
		c := newClient(t, conn)
		c.greeted("220")
		c.say("EHLO x", "250")
		c.say("MAIL FROM:<s@client.example>", "250")
		c.say("RCPT TO:<ann@example.com>", "250")
		c.say("RCPT TO:<nobody@example.com>", "550")
		c.say("RCPT TO:<panics@slow.example>", "451")
		c.say("DATA", "354")
		c.say("Subject: x\r\n\r\n.", "250")
		c.say("QUIT", "221")
		<-done
		for name, got := range map[string][2]int64{
			"connections":  {counters.Connections.Load(), 1},
			"sessions":     {counters.Sessions.Load(), 0},
			"transactions": {counters.Transactions.Load(), 1},
			"messages":     {counters.Messages.Load(), 1},
			"recipients":   {counters.Recipients.Load(), 1},
			"refused 5xx":  {counters.RefusedPerm.Load(), 1},
			"refused 4xx":  {counters.RefusedTemp.Load(), 1},
			"panics":       {counters.Panics.Load(), 1},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %d, want %d", name, got[0], got[1])
			}
		}
		if counters.Bytes.Load() != int64(len(w.store.messages()[0].body)) {
			t.Errorf("bytes: %d", counters.Bytes.Load())
		}
	})
}
