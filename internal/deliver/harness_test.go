package deliver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// zone is a resolver with answers by heart. A name without an entry does not
// exist; "" in errs is no error.
type zone struct {
	mx    map[mail.Domain][]dns.MX
	addrs map[mail.Domain][]netip.Addr
	errs  map[string]dns.Kind // "MX name" or "A name"
}

func (z zone) fails(typ string, name mail.Domain) error {
	if k, ok := z.errs[typ+" "+string(name)]; ok {
		return &dns.Error{Kind: k, Name: string(name), Type: typ}
	}
	return nil
}

func (z zone) MX(_ context.Context, name mail.Domain) ([]dns.MX, dns.Meta, error) {
	if err := z.fails("MX", name); err != nil {
		return nil, dns.Meta{}, err
	}
	if mx := z.mx[name]; mx != nil {
		return append([]dns.MX(nil), mx...), dns.Meta{}, nil
	}
	if z.addrs[name] != nil {
		return nil, dns.Meta{}, &dns.Error{Kind: dns.NoData, Name: string(name), Type: "MX"}
	}
	return nil, dns.Meta{}, &dns.Error{Kind: dns.NXDomain, Name: string(name), Type: "MX"}
}

func (z zone) Addrs(_ context.Context, name mail.Domain) ([]netip.Addr, dns.Meta, error) {
	if err := z.fails("A", name); err != nil {
		return nil, dns.Meta{}, err
	}
	if a := z.addrs[name]; a != nil {
		return append([]netip.Addr(nil), a...), dns.Meta{}, nil
	}
	return nil, dns.Meta{}, &dns.Error{Kind: dns.NXDomain, Name: string(name), Type: "A"}
}

// host is a receiver with programmed replies. A reply "drop" closes the
// connection and "hang" says nothing; "" is a yes.
type host struct {
	refuse   bool          // the connection is refused
	delay    time.Duration // before the connection is there
	greeting string
	ehlo     string // lines after the first, "|" between; or a refusal
	name     string // in the reply to EHLO
	mail     string
	rcpt     map[string]string // by local part
	data     string
	end      string
	ends     map[string]string // LMTP, by local part
	tls      *tls.Config       // offers STARTTLS; an empty one fails the handshake
	lmtp     bool
	auth     string // reply to AUTH

	mu  sync.Mutex // guards rec
	rec record
}

// record is what happened to a host.
type record struct {
	conns    int
	mails    int
	messages []message
	said     []string // every command
	sources  []netip.Addr
}

// seen is the record as of now.
func (h *host) seen() record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rec
}

type message struct {
	to   []string
	data string
}

func (h *host) note(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// serve is one connection.
func (h *host) serve(conn net.Conn) {
	h.note(func() { h.rec.conns++ })
	s := &served{h: h, conn: conn, br: bufio.NewReaderSize(conn, 32<<10)}
	defer func() { _ = s.conn.Close() }()
	if !s.say(or(h.greeting, "220 mx ESMTP")) {
		return
	}
	for s.command() {
	}
}

type served struct {
	h    *host
	conn net.Conn
	br   *bufio.Reader
	to   []string
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// say gives false when the connection ends.
func (s *served) say(reply string) bool {
	switch reply {
	case "drop":
		return false
	case "hang":
		_, _ = s.br.Peek(1 << 14) // until the client goes
		return false
	}
	_, err := fmt.Fprintf(s.conn, "%s\r\n", reply)
	return err == nil && !strings.HasPrefix(reply, "421")
}

func (s *served) command() bool {
	line, err := s.br.ReadString('\n')
	if err != nil {
		return false
	}
	line = strings.TrimRight(line, "\r\n")
	h := s.h
	h.note(func() { h.rec.said = append(h.rec.said, line) })
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "LHLO":
		return s.hello()
	case "STARTTLS":
		return s.startTLS()
	case "AUTH":
		return s.say(or(h.auth, "235 2.7.0 ok"))
	case "MAIL":
		h.note(func() { h.rec.mails++ })
		s.to = nil
		return s.say(or(h.mail, "250 ok"))
	case "RCPT":
		local := strings.TrimPrefix(arg[:strings.IndexByte(arg, '@')], "TO:<")
		reply := or(h.rcpt[local], "250 ok")
		if reply[0] == '2' {
			s.to = append(s.to, local)
		}
		return s.say(reply)
	case "DATA":
		return s.data()
	case "RSET":
		return s.say("250 ok")
	case "QUIT":
		return false
	}
	return s.say("500 what")
}

func (s *served) hello() bool {
	h := s.h
	if len(h.ehlo) > 3 && (h.ehlo[0] == '4' || h.ehlo[0] == '5') || h.ehlo == "drop" || h.ehlo == "hang" {
		return s.say(h.ehlo)
	}
	lines := []string{or(h.name, "mx.example.net")}
	if h.ehlo != "" {
		lines = append(lines, strings.Split(h.ehlo, "|")...)
	}
	if _, done := s.conn.(*tls.Conn); h.tls != nil && !done {
		lines = append(lines, "STARTTLS")
	}
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		if _, err := fmt.Fprintf(s.conn, "250%s%s\r\n", sep, l); err != nil {
			return false
		}
	}
	return true
}

func (s *served) startTLS() bool {
	if s.h.tls == nil {
		return s.say("454 4.7.0 no")
	}
	if !s.say("220 go") {
		return false
	}
	conn := tls.Server(s.conn, s.h.tls)
	if conn.Handshake() != nil {
		return false
	}
	s.conn, s.br = conn, bufio.NewReader(conn)
	return true
}

func (s *served) data() bool {
	if len(s.to) == 0 {
		return s.say("554 5.5.1 no valid recipients")
	}
	if d := or(s.h.data, "354 go"); d[0] != '3' {
		return s.say(d)
	}
	if !s.say("354 go") {
		return false
	}
	var body strings.Builder
	for {
		line, err := s.br.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		body.WriteString(strings.TrimPrefix(line, "."))
	}
	if !s.h.lmtp {
		return s.taken(body.String(), s.to, or(s.h.end, "250 2.0.0 taken"))
	}
	for _, to := range s.to {
		if !s.taken(body.String(), []string{to}, or(s.h.ends[to], or(s.h.end, "250 2.0.0 taken"))) {
			return false
		}
	}
	return true
}

// taken keeps the message before the reply goes out, as a real host does.
func (s *served) taken(data string, to []string, reply string) bool {
	if reply[0] == '2' {
		s.h.note(func() { s.h.rec.messages = append(s.h.rec.messages, message{to: to, data: data}) })
	}
	return s.say(reply)
}

// world is a deliverer with hosts by "address:port" or "unix path", over pipes.
type world struct {
	t     *testing.T
	hosts map[string]*host
	zone  zone
	cfg   *config.Config
	d     *Deliverer
	log   bytes.Buffer
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, hosts: map[string]*host{},
		zone: zone{mx: map[mail.Domain][]dns.MX{}, addrs: map[mail.Domain][]netip.Addr{}, errs: map[string]dns.Kind{}},
		cfg:  &config.Config{Hostname: "me.example", Transports: map[string]*config.Transport{}},
	}
	w.transport(&config.Transport{Name: "mx", Kind: decide.KindMX, Port: 25})
	w.d = New(Options{
		Configs:    func() *config.Config { return w.cfg },
		Resolvers:  func(string) dns.Resolver { return w.zone },
		Log:        slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Dial:       w.dial,
		Shuffle:    func(int, func(i, j int)) {},
		Interfaces: func() []netip.Addr { return nil },
	})
	t.Cleanup(func() { _ = w.d.Close() })
	return w
}

func (w *world) transport(t *config.Transport) *config.Transport {
	if t.ConnectTimeout == 0 {
		t.ConnectTimeout, t.CommandTimeout, t.DataTimeout = 30*time.Second, 5*time.Minute, 10*time.Minute
	}
	w.cfg.Transports[t.Name] = t
	return t
}

func (w *world) dial(ctx context.Context, network, address string, source netip.Addr) (net.Conn, error) {
	h := w.hosts[address]
	if h == nil {
		return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
	}
	if h.delay > 0 {
		select {
		case <-time.After(h.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if h.refuse {
		h.note(func() { h.rec.conns++ })
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	h.note(func() { h.rec.sources = append(h.rec.sources, source) })
	if h.tls != nil {
		return loopback(w.t, h.serve), nil
	}
	ours, theirs := net.Pipe()
	go h.serve(theirs)
	return ours, nil
}

// loopback is a connection of the real network to serve. (TLS ends with both
// sides writing, which a pipe without a buffer cannot do.)
func loopback(t *testing.T, serve func(net.Conn)) net.Conn {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	go serve(theirs)
	return conn
}

// mxHost adds a host that is an MX of d.example: mxN at 192.0.2.N, preference N.
func (w *world) mxHost(n int, h *host) {
	name := mail.Domain(fmt.Sprintf("mx%d.example.net", n))
	addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
	w.zone.mx["d.example"] = append(w.zone.mx["d.example"], dns.MX{Host: name, Pref: uint16(n)})
	w.zone.addrs[name] = []netip.Addr{addr}
	w.hosts[addr.String()+":25"] = h
}

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func address(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(errors.New(s + ": " + err.Error()))
	}
	return a
}

// body of a message in memory.
type body struct{ *strings.Reader }

func (body) Close() error { return nil }

func newBody(s string) spool.Body { return body{strings.NewReader(s)} }

const plainMessage = "Subject: x\r\n\r\n.hello\r\n"

// job for recipients of d.example over a transport.
func job(transport string, to ...string) queue.Attempt {
	a := queue.Attempt{Body: newBody(plainMessage)}
	a.Job = spool.Job{Lane: spool.Lane{Transport: transport}, Sender: mail.Path{Address: address("s@example.org")}, Rule: "route.r (f.hcl:1)"}
	for i, s := range to {
		rcpt := address(s)
		a.Job.Recipients = append(a.Job.Recipients, spool.Recipient{N: i, Final: rcpt, Original: rcpt})
	}
	if transport == "mx" {
		a.Job.Lane.Nexthop = string(a.Job.Recipients[0].Final.Domain)
	}
	return a
}

// told is a result on a line: "a delivered 250 2.0.0 taken @mx1 | b waits …".
func told(a queue.Attempt, res queue.Result) string {
	var out []string
	for i, r := range res.Recipients {
		word := [...]string{"waits", "delivered", "failed", "removed"}[r.State]
		at := ""
		if r.Remote != "" {
			at = " @" + strings.TrimSuffix(strings.Split(r.Remote, "[")[0], ".example.net")
		}
		out = append(out, a.Job.Recipients[i].Final.Local+" "+word+" "+r.Reply.String()+at)
	}
	return strings.Join(out, " | ")
}
