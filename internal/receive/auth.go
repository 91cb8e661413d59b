package receive

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/directory"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/smtp"
)

// errCancelled: the client answered a challenge with "*" (RFC 4954 s4).
var errCancelled = errors.New("receive: authentication cancelled")

// errNotBase64: the client's answer cannot be decoded.
var errNotBase64 = errors.New("receive: not base64")

// auth: RFC 4954.
func (s *session) auth(arg string) bool {
	if s.pipelined() {
		return false
	}
	if r := s.mayAuthNow(); !r.IsZero() {
		return s.fault(r)
	}
	mechanism, initial, _ := strings.Cut(arg, " ")
	var name, password string
	var err error
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		name, password, err = s.authPlain(initial)
	case "LOGIN":
		name, password, err = s.authLogin(initial)
	default:
		return s.fault(mail.Reply{Code: 504, Enhanced: "5.5.4", Text: "mechanism not available"})
	}
	switch {
	case errors.Is(err, errCancelled):
		return s.fault(mail.Reply{Code: 501, Enhanced: "5.7.0", Text: "authentication cancelled"})
	case errors.Is(err, errNotBase64), errors.Is(err, smtp.ErrLineTooLong):
		return s.authFault(mail.Reply{Code: 501, Enhanced: "5.5.2", Text: "cannot decode the response"})
	case err != nil:
		return s.lineFault(err)
	}
	return s.verify(name, password)
}

// mayAuthNow tells why AUTH is out of place, or nothing.
func (s *session) mayAuthNow() mail.Reply {
	switch {
	case s.needsTLS():
		return mail.Reply{Code: 530, Enhanced: "5.7.0", Text: "STARTTLS is needed first"}
	case len(s.door.Login) == 0:
		return mail.Reply{Code: 502, Enhanced: "5.5.1", Text: "authentication is not offered"}
	case s.tls == nil:
		return mail.Reply{Code: 538, Enhanced: "5.7.11", Text: "encryption is needed for authentication"}
	case s.helo == "":
		return mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "EHLO is needed first"}
	case s.login != decide.Login{}:
		return mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "already authenticated"}
	case s.tx != nil:
		return mail.Reply{Code: 503, Enhanced: "5.5.1", Text: "not during a transaction"}
	}
	return mail.Reply{}
}

// authPlain: RFC 4616. One may act as nobody but oneself.
func (s *session) authPlain(initial string) (name, password string, err error) {
	message, err := s.response(initial, "")
	if err != nil {
		return "", "", err
	}
	parts := strings.Split(message, "\x00")
	if len(parts) != 3 || parts[0] != "" && parts[0] != parts[1] {
		return "", "", errNotBase64
	}
	return parts[1], parts[2], nil
}

// authLogin has no standard but many clients; the words of the challenges are
// those that they all know.
func (s *session) authLogin(initial string) (name, password string, err error) {
	if name, err = s.response(initial, "Username:"); err != nil {
		return "", "", err
	}
	password, err = s.response("", "Password:")
	return name, password, err
}

// response is the initial response, or the answer to a challenge.
func (s *session) response(initial, challenge string) (string, error) {
	if initial == "=" {
		return "", nil // RFC 4954 s4: an empty initial response
	}
	if initial == "" {
		s.reply(334, "", base64.StdEncoding.EncodeToString([]byte(challenge)))
		line, err := s.readLine(smtp.MaxAuthLine)
		if err != nil {
			return "", err
		}
		if initial = string(line); initial == "*" {
			return "", errCancelled
		}
	}
	b, err := base64.StdEncoding.DecodeString(initial)
	if err != nil || !utf8.Valid(b) {
		return "", errNotBase64
	}
	return string(b), nil
}

// verifyTimeout bounds the wait for all directories together.
const verifyTimeout = defaultLookups

func (s *session) verify(name, password string) bool {
	ctx, cancel := context.WithTimeout(s.ctx, verifyTimeout)
	defer cancel()
	login, err := s.server.directories.Verify(ctx, directory.Attempt{
		Directories: s.loginDirectories(), Name: name, Password: password, Client: s.client,
	})
	switch {
	case err == nil:
		s.login = login
		s.server.counters.AuthSucceeded.Add(1)
		s.log.Info("authenticated", "login", login.String(), "helo", s.helo)
		return s.ok(235, "2.7.0", "authenticated")
	case errors.Is(err, directory.ErrWrong):
		s.log.Info("authentication failed", "name", name, "helo", s.helo)
		return s.authFault(mail.Reply{Code: 535, Enhanced: "5.7.8", Text: "wrong name or password"})
	case errors.Is(err, directory.ErrThrottled):
		s.log.Info("authentication not looked at after too many failures", "name", name, "helo", s.helo)
		s.server.counters.AuthThrottled.Add(1)
		return s.fault(mail.Reply{Code: 454, Enhanced: "4.7.0", Text: "too many failed authentications, try again later"})
	}
	s.log.Error("cannot authenticate", "name", name, "error", err)
	return s.ok(454, "4.7.0", "cannot authenticate now, try again later")
}

// loginDirectories are those of the listener, as the current generation has
// them.
func (s *session) loginDirectories() []*config.Directory {
	all := s.server.generations.Pin().Config.Directories
	dirs := make([]*config.Directory, 0, len(s.door.Login))
	for _, name := range s.door.Login {
		if d := all[name]; d != nil {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// authFault ends the session of somebody who tries passwords.
func (s *session) authFault(r mail.Reply) bool {
	s.server.counters.AuthFailed.Add(1)
	if s.authFailures++; s.authFailures >= maxAuthFailures {
		s.reply(421, "4.7.0", "too many failed authentications")
		return false
	}
	return s.fault(r)
}
