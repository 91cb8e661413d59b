package receive

import (
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/mail"
)

// maxHelo bounds the name that a client gives itself (RFC 5321 s4.5.3.1.2).
const maxHelo = 255

// ehlo: RFC 5321 s4.1.1.1. It resets like RSET does (s4.1.4).
func (s *session) ehlo(arg string) bool {
	if s.pipelined() {
		return false
	}
	if !s.hello(arg) {
		return s.fault(mail.Reply{Code: 501, Enhanced: "5.5.4", Text: "syntax: EHLO name"})
	}
	s.extended = true
	lines := make([]string, 0, 10)
	lines = append(lines, s.hostname, "PIPELINING", "SIZE "+strconv.FormatInt(s.door.MaxMessageSize, 10))
	if s.mayStartTLS() {
		lines = append(lines, "STARTTLS")
	}
	if s.mayAuth() {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	lines = append(lines, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "HELP")
	s.out.Lines(250, lines...)
	return true
}

// heloCommand is HELO, for clients from before the extensions.
func (s *session) heloCommand(arg string) bool {
	if !s.hello(arg) {
		return s.fault(mail.Reply{Code: 501, Enhanced: "5.5.4", Text: "syntax: HELO name"})
	}
	s.extended = false
	s.out.Lines(250, s.hostname)
	return true
}

// hello takes the name, whatever it claims: it proves nothing, and RFC 5321
// s4.1.4 forbids to refuse mail for it. It is one printable word.
func (s *session) hello(arg string) bool {
	if arg == "" || len(arg) > maxHelo || strings.Contains(arg, " ") {
		return false
	}
	s.abort()
	s.idle()
	s.helo = arg
	return true
}

func (s *session) mayStartTLS() bool {
	return s.tls == nil && (s.door.TLS == config.TLSOffer || s.door.TLS == config.TLSRequire)
}

// mayAuth: passwords travel under TLS only (RFC 4954 s4).
func (s *session) mayAuth() bool {
	return s.tls != nil && len(s.door.Login) > 0
}

// needsTLS tells that the listener wants STARTTLS before anything that counts.
func (s *session) needsTLS() bool {
	return s.tls == nil && s.door.TLS == config.TLSRequire
}
