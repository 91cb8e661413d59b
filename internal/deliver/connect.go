package deliver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// visit offers the message to one host: over a connection that is still open,
// or a new one to the first of its addresses that gets as far as MAIL. What the
// host says from there on counts for all of its addresses.
func (r *run) visit(ctx context.Context, h Host) {
	if h.Err != nil {
		r.failAll(failure{reply: mail.ReplyOf(h.Err)}, h.String())
		return
	}
	if s := r.pooled(h); s != nil && r.offer(ctx, s) {
		return
	}
	for addrs := h.Addrs; ctx.Err() == nil; {
		s, used, f := r.connect(ctx, h, addrs)
		if s != nil {
			r.offer(ctx, s)
			return
		}
		r.refused = true
		r.failAll(f, h.String())
		if addrs = addrs[min(used, len(addrs)):]; len(addrs) == 0 {
			return
		}
	}
}

// pooled takes an open connection to any address of the host.
func (r *run) pooled(h Host) *session {
	if !r.t.Reuse {
		return nil
	}
	if h.Socket != "" {
		return r.d.reuse(r.identity(h, netip.Addr{}))
	}
	for _, a := range h.Addrs {
		if s := r.d.reuse(r.identity(h, a)); s != nil {
			return s
		}
	}
	return nil
}

func (d *Deliverer) reuse(key identity) *session {
	s := d.pool.get(key)
	if s != nil {
		d.counters.Reused.Add(1)
	}
	return s
}

func (r *run) identity(h Host, a netip.Addr) identity {
	key := identity{
		protocol: r.protocol(), host: h.Name, socket: h.Socket, tls: r.t.TLS,
		user: r.t.User, hello: r.hello(), tenant: r.a.Job.Lane.Tenant,
	}
	if a.IsValid() {
		key.addr, key.source = netip.AddrPortFrom(a, h.Port), sourceFor(r.t, a)
	}
	if r.t.Pass != nil {
		key.secret = *r.t.Pass
	}
	return key
}

func (r *run) protocol() smtp.Protocol {
	if r.t.Kind == decide.KindLMTP {
		return smtp.ProtocolLMTP
	}
	return smtp.ProtocolSMTP
}

func (r *run) hello() mail.Domain {
	if r.t.Hostname != "" {
		return r.t.Hostname
	}
	return r.cfg.Hostname
}

// connect opens a session with one of the addresses; used is how many of them
// are thereby done with.
func (r *run) connect(ctx context.Context, h Host, addrs []netip.Addr) (s *session, used int, f failure) {
	c := connector{dial: r.d.o.Dial, t: r.t, host: h, counter: &r.d.counters}
	if h.Socket != "" {
		conn, err := c.socket(ctx)
		if err != nil {
			return nil, 1, failure{reply: connectReply(err)}
		}
		s, f := r.open(ctx, h, netip.Addr{}, conn)
		return s, 1, f
	}
	d := c.race(ctx, addrs)
	if d.err != nil {
		return nil, len(addrs), failure{reply: connectReply(d.err)}
	}
	s, f = r.open(ctx, h, addrs[d.index], d.conn)
	if s == nil && f.handshake && r.t.TLS == config.TLSOffer {
		// What was only offered is no reason to keep the mail; the handshake that
		// failed took the connection with it.
		r.d.counters.TLSFallbacks.Add(1)
		conn, err := c.one(ctx, addrs[d.index])
		if err != nil {
			return nil, d.index + 1, failure{reply: connectReply(err)}
		}
		s, f = r.greet(ctx, h, conn, opening{addr: addrs[d.index], tls: config.TLSNone})
	}
	return s, d.index + 1, f
}

// opening says how a session is to be opened.
type opening struct {
	addr netip.Addr
	tls  config.TLSMode
}

func (r *run) open(ctx context.Context, h Host, a netip.Addr, conn net.Conn) (*session, failure) {
	return r.greet(ctx, h, conn, opening{addr: a, tls: r.t.TLS})
}

// greet makes a session of a connection: everything before MAIL.
func (r *run) greet(ctx context.Context, h Host, conn net.Conn, o opening) (*session, failure) {
	s := &session{
		Client: smtp.NewClient(conn, smtp.ClientOptions{
			Protocol: r.protocol(), Hello: string(r.hello()),
			Command: r.t.CommandTimeout, Data: r.t.DataTimeout, Buffers: r.d.buffers,
		}),
		raw: conn, key: r.identity(h, o.addr), remote: remoteName(h, o.addr), opened: time.Now(),
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	f, ok := r.dialogue(ctx, s, h, o)
	if !stop() || !ok {
		s.Quit()
		return nil, f
	}
	return s, failure{}
}

// dialogue runs greeting, EHLO, TLS and AUTH.
func (r *run) dialogue(ctx context.Context, s *session, h Host, o opening) (failure, bool) {
	if o.tls == config.TLSImplicit {
		r.d.counters.Handshakes.Add(1)
		if err := s.Handshake(r.d.tlsConfig(o.tls, h.Name)); err != nil {
			return s.failure(err), false
		}
	}
	if err := s.Greet(); err != nil {
		return s.failure(err), false
	}
	if err := s.Hello(); err != nil {
		return s.failure(err), false
	}
	if r.isMyself(s) {
		loop := mail.Reply{Code: 554, Enhanced: "5.4.6", Text: "mail for this domain loops back to myself"}
		return failure{reply: loop, final: loop.Enhanced, unanimous: true}, false
	}
	if f, ok := r.secure(s, h, o); !ok {
		return f, false
	}
	if r.t.User == "" {
		return failure{}, true
	}
	return r.login(ctx, s, o)
}

// isMyself: a host found by DNS that answers with our own name is us behind an
// address that nobody declared.
func (r *run) isMyself(s *session) bool {
	return r.t.Kind == decide.KindMX && len(r.a.Job.Nexthops) == 0 &&
		strings.EqualFold(s.Capabilities().Name, string(r.cfg.Hostname))
}

// secure starts TLS as the mode wants it.
func (r *run) secure(s *session, h Host, o opening) (failure, bool) {
	if o.tls == config.TLSNone || o.tls == config.TLSImplicit {
		return failure{}, true
	}
	if !s.Capabilities().StartTLS {
		if o.tls == config.TLSOffer {
			return failure{}, true
		}
		return failure{reply: mail.Reply{Code: 454, Enhanced: "4.7.4", Text: "TLS is required, but the host does not offer it"}, final: "5.7.4"}, false
	}
	r.d.counters.Handshakes.Add(1)
	err := s.StartTLS(r.d.tlsConfig(o.tls, h.Name))
	if err == nil {
		return failure{}, true
	}
	var e *smtp.ClientError
	if o.tls == config.TLSOffer && errors.As(err, &e) && e.Stage == smtp.StageTLS && e.Cause == nil && e.Reply.Code != 421 {
		return failure{}, true // declined in words: the connection goes on in the clear
	}
	return s.failure(err), false
}

// login says who we are, never where others could listen.
func (r *run) login(ctx context.Context, s *session, o opening) (failure, bool) {
	if s.TLS() == nil && o.addr.IsValid() && !o.addr.IsLoopback() {
		return failure{reply: mail.Reply{Code: 454, Enhanced: "4.7.0", Text: "authentication needs TLS, which there is not"}, final: "5.7.11"}, false
	}
	pass, err := r.t.Pass.Read() // at each new connection, so that a changed one needs no reload
	if err != nil {
		r.d.o.Log.LogAttrs(ctx, slog.LevelError, "no password", slog.String("transport", r.t.Name), slog.String("error", err.Error()))
		return failure{reply: mail.Reply{Code: 451, Enhanced: "4.3.5", Text: "mail system configuration error"}}, false
	}
	err = s.Auth(smtp.Credentials{User: r.t.User, Pass: pass})
	if errors.Is(err, smtp.ErrMechanism) {
		return failure{reply: mail.Reply{Code: 454, Enhanced: "4.7.0", Text: "host offers no authentication that we speak"}, final: "5.7.4"}, false
	}
	if err != nil {
		return s.failure(err), false
	}
	return failure{}, true
}

// failure of the dialogue before MAIL.
func (s *session) failure(err error) failure {
	var e *smtp.ClientError
	if !errors.As(err, &e) {
		return failure{reply: mail.ReplyOf(err)}
	}
	return dialogueFailure(e, s.remote)
}

// remoteName is "mx.example.net[192.0.2.1]:25".
func remoteName(h Host, a netip.Addr) string {
	if !a.IsValid() {
		return h.String()
	}
	name := h.Name
	if name == a.String() {
		name = ""
	}
	return name + "[" + a.String() + "]:" + strconv.Itoa(int(h.Port))
}

// waitingSlots gives the places of the recipients that are not settled.
func (r *run) waitingSlots() []int {
	out := make([]int, 0, r.left)
	for i := range r.slots {
		if !r.slots[i].settled {
			out = append(out, i)
		}
	}
	return slices.Clip(out)
}
