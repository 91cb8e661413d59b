package receive

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// session is the state of one connection: who the client is, and the transaction
// that is open. A transaction is rebuilt from zero by each MAIL.
type session struct {
	server *Server
	wire   *conn    // deadlines
	conn   net.Conn // what is read and written: wire, or TLS over it
	ctx    context.Context
	door   config.Listener
	client netip.Addr
	log    *slog.Logger
	in     *bufio.Reader
	out    *smtp.ReplyWriter

	hostname string
	helo     string
	extended bool // EHLO, not HELO
	tls      *tls.ConnectionState
	login    decide.Login

	tx           *Transaction // nil outside MAIL … end of data
	errors       int
	idleCommands int
	authFailures int
}

// inSize holds a whole TLS record and a command line of any kind that is allowed.
const inSize = 16 << 10

// buffers are shared by all sessions of a process: an idle one costs its own,
// and thousands of short ones make no garbage.
type buffers struct{ in, out sync.Pool }

func newSession(s *Server, c *conn, door config.Listener, client netip.Addr) *session {
	c.writeTimeout = door.Timeout
	return &session{
		server: s, wire: c, conn: c, door: door, client: client, log: s.log,
		in:  s.buffers.reader(c),
		out: s.buffers.writer(c),
	}
}

func (b *buffers) reader(r io.Reader) *bufio.Reader {
	if br, ok := b.in.Get().(*bufio.Reader); ok {
		br.Reset(r)
		return br
	}
	return bufio.NewReaderSize(r, inSize)
}

func (b *buffers) writer(w io.Writer) *smtp.ReplyWriter {
	if rw, ok := b.out.Get().(*smtp.ReplyWriter); ok {
		rw.Reset(w)
		return rw
	}
	return smtp.NewReplyWriter(w)
}

// release ends the session whatever its state: nothing of an open transaction
// is kept.
func (s *session) release() {
	s.abort()
	s.in.Reset(nil)
	s.out.Reset(nil)
	s.server.buffers.in.Put(s.in)
	s.server.buffers.out.Put(s.out)
}

// run is the session from greeting to end.
func (s *session) run(ctx context.Context, gen Generation) {
	s.ctx = ctx
	s.hostname = string(gen.Config.Hostname)
	s.log = s.server.log.With("client", s.client.String(), "listener", s.door.Name)
	s.log.Debug("connected")
	defer s.recover()
	if s.door.TLS == config.TLSImplicit && !s.handshake() {
		return
	}
	if s.talksFirst() {
		s.reply(554, "5.5.0", "wait for the greeting")
		s.out.Flush()
		return
	}
	s.out.Lines(220, s.hostname+" ESMTP")
	for s.step() {
	}
	s.out.Flush()
	s.log.Debug("disconnected")
}

// recover keeps a defect of ours to one session.
func (s *session) recover() {
	if r := recover(); r != nil {
		s.server.counters.Panics.Add(1)
		s.log.Error("session panicked", "panic", r, "stack", string(debug.Stack()))
	}
}

// step reads one command and answers it. False ends the session.
func (s *session) step() bool {
	line, err := s.readLine(smtp.MaxCommandLine)
	if err != nil {
		return s.lineFault(err)
	}
	cmd, err := smtp.ParseCommand(line)
	if err != nil {
		return s.fault(mail.ReplyOf(err))
	}
	return s.command(cmd)
}

// readLine reads one line, after it has sent all replies when none is buffered.
func (s *session) readLine(max int) ([]byte, error) {
	if !smtp.HasLine(s.in) {
		if err := s.out.Flush(); err != nil {
			return nil, err
		}
		if err := s.wire.await(s.door.Timeout, s.tx == nil); err != nil {
			return nil, err
		}
	}
	return smtp.ReadLine(s.in, max)
}

// lineFault answers a line that could not be read.
func (s *session) lineFault(err error) bool {
	switch {
	case errors.Is(err, smtp.ErrLineTooLong):
		return s.fault(mail.Reply{Code: 500, Enhanced: "5.5.2", Text: "line too long"})
	case errors.Is(err, smtp.ErrBareNewline):
		return s.fault(mail.Reply{Code: 500, Enhanced: "5.5.2", Text: "lines end in CR LF"})
	case errors.Is(err, smtp.ErrEndlessLine):
		s.reply(500, "5.5.2", "line too long")
	case errors.Is(err, errShutdown), isTimeout(err) && s.wire.isClosing():
		s.reply(421, "4.3.2", "shutting down")
	case isTimeout(err):
		s.server.counters.Timeouts.Add(1)
		s.reply(421, "4.4.2", "timeout")
	}
	return false
}

// command has a method a verb.
func (s *session) command(cmd smtp.Command) bool {
	switch cmd.Verb {
	case smtp.EHLO:
		return s.ehlo(cmd.Arg)
	case smtp.HELO:
		return s.heloCommand(cmd.Arg)
	case smtp.STARTTLS:
		return s.startTLS(cmd.Arg)
	case smtp.AUTH:
		return s.auth(cmd.Arg)
	case smtp.MAIL:
		return s.mail(cmd.Arg)
	case smtp.RCPT:
		return s.rcpt(cmd.Arg)
	case smtp.DATA:
		return s.data(cmd.Arg)
	case smtp.RSET:
		return s.rset()
	case smtp.NOOP:
		return s.noop()
	case smtp.VRFY:
		return s.vrfy(cmd.Arg)
	case smtp.HELP:
		return s.help()
	case smtp.QUIT:
		return s.quit()
	case smtp.BDAT:
		return s.bdat()
	case smtp.Foreign:
		return s.foreign()
	}
	return s.fault(mail.Reply{Code: 502, Enhanced: "5.5.1", Text: "command not implemented"})
}

func (s *session) reply(code int, enhanced, text string) {
	s.out.Reply(mail.Reply{Code: code, Enhanced: enhanced, Text: text})
}

// ok answers and goes on.
func (s *session) ok(code int, enhanced, text string) bool {
	s.reply(code, enhanced, text)
	return true
}

// fault answers an error, counts it, and ends the session of a client that makes
// too many.
func (s *session) fault(r mail.Reply) bool {
	s.errors++
	if s.errors >= s.door.MaxErrors {
		s.log.Info("too many errors", "helo", s.helo, "last", r.String())
		s.reply(421, "4.7.0", "too many errors")
		return false
	}
	s.out.Reply(r)
	return true
}

// turnAway refuses a connection that got no session.
func (s *session) turnAway(code int, enhanced, text string) {
	s.server.counters.TurnedAway.Add(1)
	s.log.Info("connection refused", "client", s.client.String(), "listener", s.door.Name, "code", code, "text", text)
	if s.door.TLS != config.TLSImplicit {
		s.reply(code, enhanced, text)
		s.out.Flush()
	}
}

// pipelined tells that the client sent more behind a command whose answer it
// must await (RFC 2920 s3.1). What follows may be another's words, smuggled
// in, so the session ends.
func (s *session) pipelined() bool {
	if s.in.Buffered() == 0 {
		return false
	}
	s.log.Info("unauthorised pipelining", "helo", s.helo)
	s.reply(554, "5.5.0", "command must be the last of its group")
	return true
}

// abort forgets the open transaction.
func (s *session) abort() {
	if s.tx != nil {
		s.tx.Abort()
		s.tx = nil
	}
}
