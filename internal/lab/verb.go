package lab

import "strings"

// obey carries out one command.
func (s *session) obey(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	switch verb {
	case "EHLO", "HELO", "LHLO":
		return s.hello(verb, arg)
	case "STARTTLS":
		return s.startTLS()
	case "AUTH":
		return s.auth(arg)
	case "MAIL":
		return s.mail(arg)
	case "RCPT":
		return s.rcpt(arg)
	case "DATA":
		return s.data()
	case "RSET":
		s.pipelined(verb)
		s.message = nil
		return s.usual(Rset, "250 2.0.0 reset")
	case "NOOP":
		s.wait(verb)
		return s.usual(Noop, "250 2.0.0 nothing done")
	case "QUIT":
		s.wait(verb)
		if err := s.usual(Quit, "221 2.0.0 bye"); err != nil {
			return err
		}
		return errEnd
	}
	s.violated("unknown command %q", line)
	return s.plain("500 5.5.1 unknown command")
}

// usual says a reply that changes nothing.
func (s *session) usual(at Step, reply string) error {
	_, err := s.say(at, "", reply)
	return err
}

// plain says a reply that no rule changes.
func (s *session) plain(reply string) error {
	return s.write(reply)
}

// bad notes a breach and refuses the command.
func (s *session) bad(reply, format string, args ...any) error {
	s.violated(format, args...)
	return s.plain(reply)
}

func (s *session) hello(verb, arg string) error {
	s.wait(verb)
	if (verb == "LHLO") != s.r.config.LMTP {
		return s.bad("500 5.5.1 wrong protocol", "%s is not a command of this protocol", verb)
	}
	if arg == "" || strings.ContainsAny(arg, " \t") {
		return s.bad("501 5.5.4 one name, please", "%s with argument %q", verb, arg)
	}
	reply := "250 " + s.r.Name
	if verb != "HELO" {
		reply = strings.Join(append([]string{reply}, s.extensions()...), "\n")
	}
	said, err := s.say(Hello, "", reply)
	if said.positive() {
		s.helo, s.extended, s.message = arg, verb != "HELO", nil
	}
	return err
}

func (s *session) startTLS() error {
	s.wait("STARTTLS")
	if s.r.config.TLS != TLSOffer || s.tls != nil || !s.r.offers("STARTTLS") {
		return s.bad("503 5.5.1 not offered", "STARTTLS where it is not offered")
	}
	said, err := s.say(StartTLS, "", "220 2.0.0 go ahead")
	if err != nil || !said.positive() {
		return err
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	return s.handshake()
}

func (s *session) mail(arg string) error {
	s.pipelined("MAIL")
	switch {
	case s.helo == "":
		return s.bad("503 5.5.1 hello first", "MAIL before EHLO")
	case s.message != nil:
		return s.bad("503 5.5.1 a transaction is open", "MAIL within a transaction")
	case s.r.config.Logins != nil && s.login == "":
		return s.plain("530 5.7.0 authentication required")
	}
	address, params, err := s.path(arg, "FROM:")
	if err == nil {
		err = s.checkParams(params, mailParams)
	}
	if err != nil {
		return s.bad("501 5.5.4 syntax", "MAIL %q: %v", arg, err)
	}
	said, failed := s.say(Mail, address, "250 2.1.0 sender ok")
	if said.positive() {
		s.message = &Message{
			Receiver: s.r.Name, Remote: s.conn.RemoteAddr().String(), Connection: s.number, Protocol: s.protocol(),
			Helo: s.helo, Login: s.login, TLS: s.tls, Sender: address, SenderParams: params,
		}
		s.checkUTF8(address)
	}
	return failed
}

func (s *session) protocol() string {
	switch {
	case s.r.config.LMTP:
		return "LMTP"
	case s.extended:
		return "ESMTP"
	}
	return "SMTP"
}

func (s *session) rcpt(arg string) error {
	s.pipelined("RCPT")
	if s.message == nil {
		// Not a breach when MAIL was refused and RCPT was in the same group.
		return s.plain("503 5.5.1 no transaction")
	}
	address, params, err := s.path(arg, "TO:")
	if err == nil && address == "" {
		err = errPath
	}
	if err == nil {
		err = s.checkParams(params, rcptParams)
	}
	if err != nil {
		return s.bad("501 5.5.4 syntax", "RCPT %q: %v", arg, err)
	}
	s.checkUTF8(address)
	said, failed := s.say(Rcpt, address, "250 2.1.5 recipient ok")
	if said.positive() {
		s.message.Recipients = append(s.message.Recipients, Recipient{Address: address, Params: params})
	}
	return failed
}
