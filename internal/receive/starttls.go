package receive

import (
	"context"
	"crypto/tls"

	"github.com/postroad/postroad/internal/mail"
)

// startTLS: RFC 3207. What the client sent in the clear before the handshake must
// not be taken for words said under TLS: input that is already buffered drops
// the connection, and the session starts from zero.
func (s *session) startTLS(arg string) bool {
	switch {
	case arg != "":
		return s.fault(mail.Reply{Code: 501, Enhanced: "5.5.4", Text: "STARTTLS takes no parameter"})
	case s.tls != nil:
		return s.fault(mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "TLS is active"})
	case !s.mayStartTLS():
		return s.fault(mail.Reply{Code: 502, Enhanced: "5.5.1", Text: "TLS is not available"})
	case s.tx != nil:
		return s.fault(mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "not during a transaction"})
	case s.in.Buffered() > 0:
		s.log.Info("input behind STARTTLS", "helo", s.helo)
		return false
	}
	s.reply(220, "2.0.0", "ready to start TLS")
	if s.out.Flush() != nil || !s.handshake() {
		return false
	}
	s.helo, s.extended = "", false // RFC 3207 s4.2
	return true
}

// handshake puts TLS on the connection. One that fails closes it: nobody knows
// what the client believes.
func (s *session) handshake() bool {
	conf, err := s.server.certificates.config(s.server.generations.Pin().Config, s.door)
	if err != nil {
		s.log.Error("no certificate", "error", err)
		return false
	}
	if s.wire.await(handshakeTimeout, true) != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(s.ctx, handshakeTimeout)
	defer cancel()
	tc := tls.Server(s.wire, conf)
	if err := tc.HandshakeContext(ctx); err != nil {
		s.server.counters.HandshakeFails.Add(1)
		s.log.Info("TLS handshake failed", "error", err)
		return false
	}
	state := tc.ConnectionState()
	s.tls, s.conn = &state, tc
	s.in.Reset(tc)
	s.out.Reset(tc)
	return true
}
