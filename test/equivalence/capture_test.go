package equivalence

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"time"
)

// captureSession is one connection of an SMTP or LMTP client's. Everything is
// accepted and written down.
type captureSession struct {
	c     *captures
	conn  net.Conn
	text  *textproto.Conn
	hop   string
	host  string
	lmtp  bool
	login string

	sender     string
	recipients []string
}

func (c *captures) talk(conn net.Conn, where string) {
	s := &captureSession{c: c, hop: where, host: where}
	if a, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		s.host = c.names.name(a.Addr())
		s.hop = fmt.Sprintf("%s:%d", s.host, a.Port())
	}
	s.use(conn)
	defer func() { s.conn.Close() }()
	s.say("220 capture.example ESMTP")
	for {
		_ = s.conn.SetDeadline(time.Now().Add(5 * time.Minute))
		line, err := s.text.ReadLine()
		if err != nil || !s.command(line) {
			return
		}
	}
}

func (s *captureSession) use(conn net.Conn) { s.conn, s.text = conn, textproto.NewConn(conn) }

func (s *captureSession) say(format string, args ...any) { _ = s.text.PrintfLine(format, args...) }

// command obeys one line; false ends the session.
func (s *captureSession) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "LHLO":
		s.lmtp = strings.EqualFold(verb, "LHLO")
		s.greet()
	case "STARTTLS":
		return s.startTLS()
	case "AUTH":
		s.auth(rest)
	case "MAIL":
		s.sender, s.recipients = path(rest), nil
		s.say("250 2.1.0 Ok")
	case "RCPT":
		s.recipients = append(s.recipients, path(rest))
		s.say("250 2.1.5 Ok")
	case "DATA":
		return s.data()
	case "QUIT":
		s.say("221 2.0.0 Bye")
		return false
	default:
		s.say("250 2.0.0 Ok")
	}
	return true
}

func (s *captureSession) greet() {
	s.say("250-capture.example")
	s.say("250-8BITMIME")
	s.say("250-PIPELINING")
	s.say("250-ENHANCEDSTATUSCODES")
	if _, encrypted := s.conn.(*tls.Conn); !encrypted && !s.lmtp {
		s.say("250-STARTTLS")
	}
	s.say("250 AUTH PLAIN")
}

func (s *captureSession) startTLS() bool {
	config, err := s.c.authority.config(s.host)
	if err != nil {
		return false
	}
	s.say("220 2.0.0 Ready")
	s.use(tls.Server(s.conn, config))
	return true
}

// auth takes every user of AUTH PLAIN.
func (s *captureSession) auth(rest string) {
	_, initial, given := strings.Cut(rest, " ")
	if !given {
		s.say("334 ")
		initial, _ = s.text.ReadLine()
	}
	text, _ := base64.StdEncoding.DecodeString(initial)
	if parts := strings.Split(string(text), "\x00"); len(parts) == 3 {
		s.login = parts[1] + "/" + parts[2]
	}
	s.say("235 2.7.0 Ok")
}

func (s *captureSession) data() bool {
	s.say("354 Go on")
	message, err := s.text.ReadDotBytes()
	if err != nil {
		return false
	}
	kind := "smtp "
	if s.lmtp {
		kind = "lmtp "
	}
	for _, r := range s.recipients {
		s.c.add(arrival{Hop: kind + s.hop, Sender: s.sender, Recipient: r, Login: s.login}, message)
	}
	replies := 1
	if s.lmtp {
		replies = len(s.recipients)
	}
	for range replies {
		s.say("250 2.0.0 Ok")
	}
	s.sender, s.recipients = "", nil
	return true
}

// path takes the address out of "FROM:<a@b> SIZE=1".
func path(s string) string {
	start, end := strings.IndexByte(s, '<'), strings.IndexByte(s, '>')
	if start < 0 || end < start {
		return s
	}
	return s[start+1 : end]
}

// greets tells whether a server greets on addr with 220.
func greets(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "220") {
		err = fmt.Errorf("greeting %q", line)
	}
	fmt.Fprint(conn, "QUIT\r\n")
	return err
}
