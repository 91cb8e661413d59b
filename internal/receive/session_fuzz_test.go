package receive_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/spool"
)

// scripted is a connection on which the client says one piece at each read and
// never listens.
type scripted struct {
	pieces []string
	next   int
	rest   string
	said   strings.Builder // by the server
	mute   bool            // do not keep it
}

func (c *scripted) Read(b []byte) (int, error) {
	if c.rest == "" {
		if c.next == len(c.pieces) {
			return 0, io.EOF
		}
		c.rest = c.pieces[c.next]
		c.next++
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *scripted) Write(b []byte) (int, error) {
	if !c.mute {
		c.said.Write(b)
	}
	return len(b), nil
}

func (c *scripted) Close() error        { return nil }
func (c *scripted) LocalAddr() net.Addr { return nil }
func (c *scripted) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(somebody, 1))
}
func (c *scripted) SetDeadline(time.Time) error      { return nil }
func (c *scripted) SetReadDeadline(time.Time) error  { return nil }
func (c *scripted) SetWriteDeadline(time.Time) error { return nil }

// FuzzSession: whatever a client says, in whatever pieces, no session panics, and
// all that the server says is replies.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"EHLO x\r\n|MAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n|Subject: x\r\n\r\n.\r\n|QUIT\r\n",
		"EHLO x\r\n|STARTTLS\r\n|\x16\x03\x01",
		"HELO x\r\n|AUTH PLAIN AGFubgBzZWNyZXQ=\r\n|BDAT 1\r\n",
		"EHLO x\r\n|MAIL FROM:<>\r\n|RCPT TO:<postmaster> NOTIFY=NEVER\r\n|DATA\r\n|.\r|\n|NOOP\r\n",
		"EHLO x\r\n|MAIL FROM:<>\r\nRCPT TO:<team@example.com>\r\nDATA\r\n|a\r\n|.\n|\r\n.|\r\n",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, text string, repair bool) {
		listener := "public"
		if repair {
			listener = "trusted"
		}
		c := &scripted{pieces: strings.Split(text, "|")}
		w.server.ServeConn(c, listener)
		if w.server.Counters().Panics.Load() != 0 {
			t.Fatalf("a session panicked:\n%s", w.log.String())
		}
		for _, line := range strings.SplitAfter(c.said.String(), "\r\n") {
			if line != "" && !isReply(line) && !strings.HasPrefix(line, "\x15") { // a TLS alert
				t.Fatalf("the server says %q in %q", line, c.said.String())
			}
		}
	})
}

func isReply(line string) bool {
	if len(line) < 6 || !strings.HasSuffix(line, "\r\n") || line[0] < '2' || line[0] > '5' || line[3] != ' ' && line[3] != '-' {
		return false
	}
	for _, c := range line[:len(line)-2] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// nowhere is a store that forgets at once, so that the benchmark measures the
// session.
type nowhere struct{ spool.Store }

func (nowhere) Health() spool.Health                        { return spool.Health{} }
func (nowhere) Create(context.Context) (spool.Draft, error) { return new(forgotten), nil }

type forgotten struct{}

func (forgotten) Write(p []byte) (int, error)               { return len(p), nil }
func (forgotten) ID() spool.ID                              { return spool.ID{1} }
func (forgotten) Commit(spool.Envelope, []spool.Job) error  { return nil }
func (forgotten) Prepare(spool.Envelope, []spool.Job) error { return nil }
func (forgotten) Abort()                                    {}

// BenchmarkSession is a message of 10 KB from MAIL to 250 in an open session,
// with pipelining.
func BenchmarkSession(b *testing.B) {
	w := newWorld(b)
	server := receive.New(receive.Options{
		Store: nowhere{}, Generations: &w.gen, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	envelope := "MAIL FROM:<s@client.example> SIZE=10000 BODY=8BITMIME\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n"
	message := "Received: from a by b; Mon, 2 Jan 2006 15:04:05 +0000\r\nFrom: a@b.example\r\nTo: c@d.example\r\n" +
		"Subject: a message of the usual kind\r\nDate: Mon, 2 Jan 2006 15:04:05 +0000\r\nMessage-ID: <1@b.example>\r\n\r\n" +
		strings.Repeat(strings.Repeat("x", 76)+"\r\n", 128) + ".\r\n"
	c := &scripted{pieces: make([]string, 0, 2*b.N+1), mute: true}
	c.pieces = append(c.pieces, "EHLO client.example\r\n")
	for range b.N {
		c.pieces = append(c.pieces, envelope, message)
	}
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	b.ResetTimer()
	server.ServeConn(c, "plain")
	if n := server.Counters().Messages.Load(); n != int64(b.N) {
		b.Fatalf("%d messages were taken, want %d", n, b.N)
	}
}
