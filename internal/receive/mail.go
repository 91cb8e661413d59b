package receive

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// mail: RFC 5321 s4.1.1.2. It pins the generation that judges the transaction.
func (s *session) mail(arg string) bool {
	if r := s.mayMail(); !r.IsZero() {
		return s.fault(r)
	}
	m, err := smtp.ParseMail(arg)
	if err != nil {
		return s.refuse(mail.ReplyOf(err))
	}
	if m.Size > s.door.MaxMessageSize {
		// RFC 1870 s6.1 (2).
		return s.refuse(mail.Reply{Code: 552, Enhanced: "5.3.4", Text: "message is too big"})
	}
	if r := s.server.acceptor.Ready(); !r.IsZero() {
		return s.refuse(r)
	}
	s.server.counters.Transactions.Add(1)
	s.tx = s.server.acceptor.Begin(s.server.generations.Pin(), s.facts(), mail.Envelope{
		Sender: m.Path, EnvID: m.EnvID, Ret: m.Ret, Body: m.Body, SMTPUTF8: m.SMTPUTF8, Size: m.Size,
	})
	return s.ok(250, "2.1.0", "Ok")
}

// mayMail tells why no transaction may begin now, or nothing.
func (s *session) mayMail() mail.Reply {
	switch {
	case s.needsTLS():
		return mail.Reply{Code: 530, Enhanced: "5.7.0", Text: "STARTTLS is needed first"}
	case s.helo == "":
		return mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "EHLO is needed first"}
	case s.tx != nil:
		return mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "a transaction is open"}
	case len(s.door.Login) > 0 && !s.door.LoginOptional && s.login == decide.Login{}:
		return mail.Reply{Code: 530, Enhanced: "5.7.0", Text: "Authentication required"}
	}
	return mail.Reply{}
}

// facts are what the session knows.
func (s *session) facts() decide.Facts {
	return decide.Facts{
		Origin:      decide.OriginSMTP,
		Client:      s.client,
		Listener:    s.door.Name,
		Helo:        s.helo,
		Login:       s.login,
		TLS:         s.tls != nil,
		Certificate: s.fingerprint(),
		MarkKey:     s.server.acceptor.markKey,
	}
}

// fingerprint names the client's certificate. The handshake proved that the
// client has its key; who signed it does not matter, since rules name it whole.
func (s *session) fingerprint() string {
	if s.tls == nil || len(s.tls.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(s.tls.PeerCertificates[0].Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// refuse counts and answers a refusal that is an error of the client's as well.
func (s *session) refuse(r mail.Reply) bool {
	s.server.counters.refused(r.Code)
	return s.fault(r)
}
