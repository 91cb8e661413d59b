package lab

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxCommand = 2048 // generous: RFC 5321 s4.5.3.1.4 says 512, extensions add to it
	idle       = 5 * time.Minute
)

// errEnd ends a session on purpose.
var errEnd = errors.New("session ends")

// session is one connection. It is used by one goroutine.
type session struct {
	r      *Receiver
	conn   net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
	number int

	helo     string
	extended bool
	tls      *tls.ConnectionState
	login    string
	message  *Message // of the open transaction
}

func newSession(r *Receiver, nc net.Conn, number int) *session {
	s := &session{r: r, number: number}
	s.wire(nc)
	return s
}

// wire starts to use a connection: the bare one, then the one with TLS.
func (s *session) wire(nc net.Conn) {
	s.conn = nc
	s.in = bufio.NewReaderSize(nc, maxCommand)
	s.out = bufio.NewWriter(nc)
}

func (s *session) serve() {
	if s.r.config.TLS == TLSImplicit && s.handshake() != nil {
		return
	}
	if _, err := s.say(Greeting, "", "220 "+s.r.Name+" ESMTP lab"); err != nil {
		_ = s.out.Flush()
		return
	}
	for {
		line, err := s.command()
		if err == nil {
			err = s.obey(line)
		}
		if err != nil {
			_ = s.out.Flush()
			return
		}
	}
}

// handshake puts TLS over the connection and forgets what was said before
// (RFC 3207 s4.2).
func (s *session) handshake() error {
	_ = s.conn.SetDeadline(time.Now().Add(idle))
	tc := tls.Server(s.conn, s.r.config.TLSConfig)
	if err := tc.Handshake(); err != nil {
		return err
	}
	state := tc.ConnectionState()
	s.wire(tc)
	s.tls, s.helo, s.extended, s.message = &state, "", false, nil
	return nil
}

// command reads a line. Replies are flushed before the session waits.
func (s *session) command() (string, error) {
	if s.in.Buffered() == 0 {
		if err := s.out.Flush(); err != nil {
			return "", err
		}
	}
	_ = s.conn.SetDeadline(time.Now().Add(idle))
	raw, err := s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		s.violated("command line of more than %d octets", maxCommand)
	}
	if errors.Is(err, io.EOF) && len(raw) > 0 {
		s.violated("connection closed within the command %q", raw)
	}
	if err != nil {
		return "", err
	}
	line := strings.TrimRight(string(raw), "\r\n")
	if string(raw) != line+"\r\n" {
		s.violated("command %q does not end with CR LF", raw)
	}
	s.r.note(Line{Connection: s.number, Client: true, Text: line})
	return line, nil
}

func (s *session) violated(format string, args ...any) { s.r.violated(s.number, format, args...) }

// reply is what was said, or with Rule.Drop would have been. Code 0 is none.
type reply struct {
	code int
	text string
}

func (r reply) positive() bool { return r.code/100 == 2 }

// say gives the usual reply, or what a rule says instead.
func (s *session) say(at Step, subject, usual string) (reply, error) {
	rule := s.r.rule(at, subject)
	if err := s.pause(rule.Delay); err != nil {
		return reply{}, err
	}
	if rule.Drop {
		return reply{code: codeOf(rule.Reply), text: rule.Reply}, errEnd
	}
	if rule.Reply != "" {
		usual = rule.Reply
	}
	err := s.write(usual)
	if err == nil && rule.Close {
		err = errEnd
	}
	return reply{code: codeOf(usual), text: usual}, err
}

// pause delays, with what was said before already sent.
func (s *session) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	select {
	case <-time.After(d):
		return nil
	case <-s.r.closed:
		return errEnd
	}
}

// codeOf is the code that a reply begins with, or 0.
func codeOf(reply string) int {
	if len(reply) < 3 {
		return 0
	}
	code, err := strconv.Atoi(reply[:3])
	if err != nil {
		return 0
	}
	return code
}

// write sends a reply of one or more lines. What has no code goes out as it is.
func (s *session) write(text string) error {
	lines := strings.Split(text, "\n")
	code := codeOf(text)
	for i, l := range lines {
		if code != 0 && len(lines) > 1 {
			l = fmt.Sprintf("%03d%c%s", code, separator(i, len(lines)), strings.TrimPrefix(l, fmt.Sprintf("%03d ", code)))
		}
		s.r.note(Line{Connection: s.number, Text: l})
		if _, err := s.out.WriteString(l + "\r\n"); err != nil {
			return err
		}
	}
	return nil
}

// separator stands after the code of line i of n (RFC 5321 s4.2.1).
func separator(i, n int) rune {
	if i < n-1 {
		return '-'
	}
	return ' '
}

// wait notes a client that sends on where it must wait for the reply (RFC 2920
// s3.1; RFC 5321 s4.3.1).
func (s *session) wait(verb string) {
	if s.in.Buffered() > 0 {
		s.violated("%s was not the last command of its group", verb)
	}
}

// pipelined notes a client that sends ahead without having been offered it.
func (s *session) pipelined(verb string) {
	if s.in.Buffered() > 0 && !(s.extended && s.r.offers("PIPELINING")) {
		s.violated("%s: pipelining that was not offered", verb)
	}
}

// extensions are the EHLO keywords as of now.
func (s *session) extensions() []string {
	c := s.r.config
	all := []string{"PIPELINING", fmt.Sprintf("SIZE %d", c.MaxSize), "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"}
	if c.TLS == TLSOffer && s.tls == nil {
		all = append(all, "STARTTLS")
	}
	if c.Logins != nil && s.login == "" {
		all = append(all, "AUTH PLAIN LOGIN")
	}
	return slices.DeleteFunc(all, func(e string) bool {
		word, _, _ := strings.Cut(e, " ")
		return !s.r.offers(word)
	})
}
