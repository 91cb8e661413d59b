package receive

import "github.com/postroad/postroad/internal/mail"

// The verbs that do little. None of them touches an open transaction but RSET.

func (s *session) rset() bool {
	s.abort()
	return s.idle() && s.ok(250, "2.0.0", "Ok")
}

func (s *session) noop() bool { return s.idle() && s.ok(250, "2.0.0", "Ok") }

// vrfy tells nothing of who exists here (RFC 5321 s3.5.3 and s7.3).
func (s *session) vrfy(arg string) bool {
	if arg == "" {
		return s.fault(mail.Reply{Code: 501, Enhanced: "5.5.4", Text: "syntax: VRFY address"})
	}
	return s.idle() && s.ok(252, "2.1.5", "cannot verify, but will try to deliver")
}

func (s *session) help() bool {
	return s.idle() && s.ok(214, "2.0.0", "see RFC 5321")
}

func (s *session) quit() bool {
	s.reply(221, "2.0.0", "Bye")
	return false
}

// bdat was not offered. What follows it is data, and must not be read as
// commands.
func (s *session) bdat() bool {
	s.reply(502, "5.5.1", "CHUNKING is not offered")
	return false
}

// foreign ends a session with a web browser, or with somebody who makes one
// talk to us.
func (s *session) foreign() bool {
	s.log.Info("not a mail client", "helo", s.helo)
	s.reply(502, "5.7.0", "this is a mail server")
	return false
}

// idle counts the commands that do nothing; a client that sends only such
// ones holds a session for nothing, and they begin to count as errors.
func (s *session) idle() bool {
	if s.idleCommands++; s.idleCommands > maxIdleCommands {
		s.errors++
	}
	if s.errors >= s.door.MaxErrors {
		s.reply(421, "4.7.0", "too many commands without mail")
		return false
	}
	return true
}
