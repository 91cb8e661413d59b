package receive

import (
	"errors"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// data: RFC 5321 s4.1.1.4. The transaction ends with it, whatever comes out.
func (s *session) data(arg string) bool {
	if s.pipelined() {
		return false
	}
	switch {
	case arg != "":
		return s.fault(mail.Reply{Code: 501, Enhanced: "5.5.4", Text: "DATA takes no parameter"})
	case s.tx == nil:
		return s.fault(mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "MAIL is needed first"})
	case len(s.tx.Envelope().Recipients) == 0:
		// RFC 2920 s3.1 allows to send DATA before the answers to RCPT are known.
		return s.fault(mail.Reply{Code: 554, Enhanced: "5.5.1", Text: "no valid recipients"})
	}
	defer s.abort()
	body, err := s.tx.Body(s.ctx, s.hop())
	if err != nil {
		return s.refuseData(mail.ReplyOf(err))
	}
	s.reply(354, "", "end data with <CR><LF>.<CR><LF>")
	if s.out.Flush() != nil {
		return false
	}
	return s.take(body)
}

// take reads the data and commits it.
func (s *session) take(body *Body) bool {
	reader := smtp.Data{Limit: s.door.MaxMessageSize}
	if s.door.Repair {
		reader.Newlines = smtp.RepairNewlines
	}
	s.wire.beginData(s.door.DataTimeout)
	result, err := reader.CopyData(body, s.in)
	s.wire.endData()
	if err != nil {
		return s.dataBroken(err)
	}
	if result.Fault != nil {
		return s.refuseData(faultReply(result.Fault))
	}
	body.plain = result.Plain
	id, err := s.tx.Commit(s.ctx)
	if err != nil {
		return s.refuseData(mail.ReplyOf(err))
	}
	s.errors, s.idleCommands = 0, 0
	return s.ok(250, "2.0.0", "Ok: queued as "+id.String())
}

// dataBroken: the connection ended or stalled inside the data. It cannot go on:
// nobody knows whether what follows is data or a command.
func (s *session) dataBroken(err error) bool {
	if isTimeout(err) {
		s.server.counters.Timeouts.Add(1)
		s.reply(421, "4.4.2", "timeout while waiting for data")
	}
	s.log.Info("data broke off", "helo", s.helo, "error", err)
	return false
}

func (s *session) refuseData(r mail.Reply) bool {
	s.server.counters.refused(r.Code)
	s.log.Info("message refused", "sender", s.tx.Envelope().Sender.String(), "helo", s.helo,
		"login", s.login.String(), "recipients", len(s.tx.Envelope().Recipients), "reply", r.String())
	s.out.Reply(r)
	return true
}

// faultReply is the answer to data that was read to its end but not taken.
func faultReply(err error) mail.Reply {
	switch {
	case errors.Is(err, smtp.ErrTooBig):
		return mail.Reply{Code: 552, Enhanced: "5.3.4", Text: "message is too big"}
	case errors.Is(err, smtp.ErrDataNewline):
		return mail.Reply{Code: 550, Enhanced: "5.6.0", Text: "bare CR or LF in message, lines end in CR LF"}
	}
	return mail.ReplyOf(err)
}

// hop is what the Received field tells of the session.
func (s *session) hop() Hop {
	t := Hop{By: s.hostname, Helo: s.helo, Client: s.client, Extended: s.extended, Login: s.login != (decide.Login{})}
	if s.tls != nil {
		t.TLS = tlsName(s.tls)
	}
	return t
}
