package receive

import (
	"log/slog"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// rcpt: RFC 5321 s4.1.1.3. Whether the recipient is taken is decide's to say.
func (s *session) rcpt(arg string) bool {
	if s.tx == nil {
		return s.fault(mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "MAIL is needed first"})
	}
	r, err := smtp.ParseRcpt(arg)
	if err != nil {
		return s.refuse(mail.ReplyOf(err))
	}
	if !s.tx.Envelope().SMTPUTF8 && !smtp.IsASCII(r.Address.Local) {
		// RFC 6531 s3.5.
		return s.refuse(mail.Reply{Code: 553, Enhanced: "5.6.7", Text: "SMTPUTF8 is needed for this recipient"})
	}
	if len(s.tx.Envelope().Recipients) >= s.door.MaxRecipients {
		// RFC 5321 s4.5.3.1.10: the client sends the rest in another transaction.
		s.server.counters.refused(452)
		return s.ok(452, "4.5.3", "too many recipients")
	}
	to := mail.Recipient{Address: r.Address, Notify: r.Notify, ORCPT: r.ORCPT}
	d := s.tx.Recipient(s.ctx, to)
	if d.Verdict == decide.Accept {
		s.out.Reply(d.Reply) // what an explanation tells
		return true
	}
	s.logRefusal(to, d)
	s.server.counters.refused(d.Reply.Code)
	if d.Reply.Transient() {
		s.out.Reply(d.Reply) // the fault is ours, not the client's
		return true
	}
	return s.fault(d.Reply)
}

func (s *session) logRefusal(to mail.Recipient, d decide.RecipientDecision) {
	rule, source := lastRule(d.Steps)
	s.log.LogAttrs(s.ctx, slog.LevelInfo, "recipient refused",
		slog.String("sender", s.tx.Envelope().Sender.String()),
		slog.String("recipient", to.Address.String()),
		slog.String("helo", s.helo),
		slog.String("login", s.login.String()),
		slog.String("tenant", d.Tenant),
		slog.String("reply", d.Reply.String()),
		slog.String("rule", rule),
		slog.String("source", source))
}

// lastRule is the rule that decided: the last one in the trace that has a name.
func lastRule(steps []decide.Step) (rule, source string) {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Rule != "" {
			return steps[i].Rule, steps[i].Source
		}
	}
	return "", ""
}
