package smtp

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Stage of a dialogue, as the place where something was said or went wrong.
type Stage uint8

// Stages. The zero Stage means that nothing was said yet.
const (
	StageNone Stage = iota
	StageGreeting
	StageHello
	StageTLS
	StageAuth
	StageMail
	StageRcpt
	StageData
	StageEnd // after the final dot
)

// String is the command, for people.
func (s Stage) String() string {
	return [...]string{"connection", "greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "end of data"}[s]
}

// Protocol that a Client speaks.
type Protocol uint8

// Protocols. LMTP (RFC 2033) has LHLO and one reply for each recipient.
const (
	ProtocolSMTP Protocol = iota
	ProtocolLMTP
)

// ClientOptions of a Client.
type ClientOptions struct {
	Protocol Protocol
	Hello    string        // the name we give ourselves
	Command  time.Duration // to wait for a reply, and to write a block of data; 5 minutes when 0
	Data     time.Duration // to wait for the reply to the final dot; 10 minutes when 0
	Buffers  *Buffers      // shared between clients; nil: its own
}

// ClientError says where a dialogue ended. Reply is set when the host ended it
// in words: a refusal before MAIL, or 421 anywhere. Cause is set when the
// connection broke, the host talked garbage (ErrReply), TLS failed, or the
// message could not be read (ErrContent, which is no fault of the host).
type ClientError struct {
	Stage Stage
	Reply mail.Reply
	Cause error
}

// Error gives the stage and what happened there.
func (e *ClientError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("smtp: at %s: %v", e.Stage, e.Cause)
	}
	return fmt.Sprintf("smtp: at %s: %s", e.Stage, e.Reply)
}

// Unwrap gives the cause.
func (e *ClientError) Unwrap() error { return e.Cause }

// Client is the client's end of one SMTP or LMTP connection. Its methods set
// deadlines on the connection and block until the host answered or they pass; to
// cancel one, close the connection. It is not safe for several goroutines.
//
// The order of calls: Greet, Hello, StartTLS and Auth where wanted, then any
// number of Transact as long as Reusable, then Quit.
type Client struct {
	conn  net.Conn
	br    *bufio.Reader
	o     ClientOptions
	caps  Capabilities
	tls   *tls.ConnectionState
	out   []byte // commands not yet written
	dirty bool   // the host may have a transaction open
	spent bool   // fit for QUIT only
	lost  bool   // not even for that
}

// NewClient speaks over conn, which Close and Quit close.
func NewClient(conn net.Conn, o ClientOptions) *Client {
	if o.Command == 0 {
		o.Command = 5 * time.Minute // RFC 5321 s4.5.3.2
	}
	if o.Data == 0 {
		o.Data = 10 * time.Minute // RFC 5321 s4.5.3.2.6
	}
	if o.Buffers == nil {
		o.Buffers = NewBuffers()
	}
	return &Client{conn: conn, br: bufio.NewReaderSize(conn, replyLineMax), o: o}
}

// Capabilities of the host, as of the last EHLO.
func (c *Client) Capabilities() Capabilities { return c.caps }

// TLS is the state of the connection's TLS, nil when there is none.
func (c *Client) TLS() *tls.ConnectionState { return c.tls }

// Handshake begins TLS at once (implicit TLS, RFC 8314 s3.3), or after STARTTLS.
func (c *Client) Handshake(cfg *tls.Config) error {
	c.deadline(c.o.Command)
	conn := tls.Client(c.conn, cfg)
	if err := conn.Handshake(); err != nil {
		c.lost = true
		return &ClientError{Stage: StageTLS, Cause: err}
	}
	state := conn.ConnectionState()
	c.conn, c.tls = conn, &state
	c.br.Reset(conn)
	return nil
}

// Greet reads the greeting.
func (c *Client) Greet() error {
	c.deadline(c.o.Command)
	r, err := c.read(StageGreeting)
	if err == nil && !r.Positive() {
		err = c.refused(StageGreeting, r)
	}
	return err
}

// Hello says LHLO, or EHLO and, when the host does not know that, HELO
// (RFC 5321 s4.1.4).
func (c *Client) Hello() error {
	verb := "EHLO "
	if c.o.Protocol == ProtocolLMTP {
		verb = "LHLO "
	}
	r, err := c.command(StageHello, verb+c.o.Hello)
	if err != nil {
		return err
	}
	if r.Positive() {
		c.caps = ParseCapabilities(r)
		return nil
	}
	if !r.Permanent() || c.o.Protocol == ProtocolLMTP {
		return c.refused(StageHello, r)
	}
	if r, err = c.command(StageHello, "HELO "+c.o.Hello); err != nil {
		return err
	}
	if !r.Positive() {
		return c.refused(StageHello, r)
	}
	name, _, _ := strings.Cut(r.Text, " ")
	c.caps, c.spent = Capabilities{Name: name}, false
	return nil
}

// StartTLS asks for TLS and says Hello again, since nothing that was learned in
// the clear may be kept (RFC 3207 s4.2). A *ClientError with a Reply other than
// 421 means that the host declined and the connection is good in the clear.
func (c *Client) StartTLS(cfg *tls.Config) error {
	r, err := c.command(StageTLS, "STARTTLS")
	if err != nil {
		return err
	}
	if !r.Positive() {
		return &ClientError{Stage: StageTLS, Reply: r}
	}
	// What stands behind the reply was put there by somebody in the clear.
	if c.br.Buffered() > 0 {
		c.lost = true
		return &ClientError{Stage: StageTLS, Cause: ErrReply}
	}
	if err := c.Handshake(cfg); err != nil {
		return err
	}
	c.caps = Capabilities{}
	return c.Hello()
}

// Reusable tells whether the connection may carry another transaction: never
// after 421, a protocol error or a reply x0z (it says that host and client do
// not understand each other), nor when the host spoke out of turn.
func (c *Client) Reusable() bool { return !c.spent && !c.lost && c.br.Buffered() == 0 }

// Quit says QUIT, where the connection is still good for it, and closes. It
// does not wait for the answer, which could change nothing (RFC 5321 s4.1.1.10
// asks for it; a host that is slow to say goodbye would cost a worker).
func (c *Client) Quit() {
	if !c.lost {
		c.deadline(time.Second)
		_, _ = c.conn.Write([]byte("QUIT\r\n"))
	}
	c.Close()
}

// Close closes the connection without a word.
func (c *Client) Close() {
	c.lost = true
	_ = c.conn.Close()
}

// command writes one command and reads its reply.
func (c *Client) command(s Stage, line string) (mail.Reply, error) {
	c.out = append(append(c.out[:0], line...), "\r\n"...)
	if err := c.flush(s); err != nil {
		return mail.Reply{}, err
	}
	return c.read(s)
}

// flush writes the commands collected.
func (c *Client) flush(s Stage) error {
	c.deadline(c.o.Command)
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		c.lost = true
		return &ClientError{Stage: s, Cause: err}
	}
	return nil
}

// read reads one reply. 421 may come at any time and ends the dialogue
// (RFC 5321 s3.8).
func (c *Client) read(s Stage) (mail.Reply, error) {
	r, err := ReadReply(c.br)
	if err != nil {
		c.lost = true
		return r, &ClientError{Stage: s, Cause: err}
	}
	if r.Code/10%10 == 0 && r.Code >= 400 {
		c.spent = true
	}
	if r.Code == 421 {
		c.spent = true
		return r, &ClientError{Stage: s, Reply: r}
	}
	return r, nil
}

// refused ends the dialogue with the host's own words. A reply that is neither
// yes nor no there is garbage.
func (c *Client) refused(s Stage, r mail.Reply) error {
	c.spent = true
	if r.Code < 400 {
		return &ClientError{Stage: s, Cause: ErrReply}
	}
	return &ClientError{Stage: s, Reply: r}
}

func (c *Client) deadline(d time.Duration) { _ = c.conn.SetDeadline(time.Now().Add(d)) }
