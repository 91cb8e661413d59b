package ldap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/postroad/postroad/internal/table/dial"
)

var (
	errPath    = errors.New("the URL names a server and nothing below it")
	errTooMuch = errors.New("the answer has too many values")
	errCode    = errors.New("the server answers")
)

// Server is one that speaks LDAP, and who we are to it.
type Server struct {
	dial.Server
	StartTLS bool
	User     string                 // a DN; "": nobody binds
	Password func() (string, error) // asked at each new connection
}

// Parse reads ldap://host:port, or ldaps:// for TLS.
func Parse(raw string) (dial.Server, error) {
	s, u, err := dial.Parse(raw, dial.Scheme{Name: "ldaps", Port: "636", TLS: true}, dial.Scheme{Name: "ldap", Port: "389"})
	if err == nil && (u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery) {
		err = errPath
	}
	return s, err
}

// Conn is a connection that was introduced.
type Conn struct {
	*ldap.Conn
	wire *wire
	idle time.Time // since when nobody uses it
}

// Connect connects, begins TLS where StartTLS says so, and binds (RFC 4513 s3,
// s5.1.3).
func (s Server) Connect(ctx context.Context) (*Conn, error) {
	raw, err := s.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &Conn{wire: &wire{Conn: raw}}
	c.Conn = ldap.NewConn(c.wire, s.TLS)
	c.wire.left.Store(maxOctets)
	c.Start()
	if err := c.Within(ctx, func() error { return s.introduce(c) }); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (s Server) introduce(c *Conn) error {
	if s.StartTLS {
		config, err := s.Config()
		if err != nil {
			return err
		}
		if err := c.StartTLS(config); err != nil {
			return Plain(err)
		}
	}
	if s.User == "" {
		return nil
	}
	pass, err := s.Password()
	if err != nil {
		return err
	}
	return Plain(c.Bind(s.User, pass))
}

// Within runs use, and ends its questions when ctx ends; the connection is of no
// use then. An error that use gives stays what it is.
func (c *Conn) Within(ctx context.Context, use func() error) error {
	c.wire.left.Store(maxOctets)
	deadline, _ := ctx.Deadline()
	if err := c.wire.SetDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.wire.SetDeadline(time.Unix(1, 0)) })
	err := use()
	switch {
	case !stop():
		c.Close()
		return errors.Join(err, ctx.Err())
	case c.wire.left.Load() <= 0:
		return errTooMuch
	case err != nil:
		return err
	}
	return c.wire.SetDeadline(time.Time{})
}

// Plain keeps what a server says about names out of the log: only the code.
func Plain(err error) error {
	if e := (*ldap.Error)(nil); errors.As(err, &e) && e.ResultCode < ldap.ErrorNetwork {
		return fmt.Errorf("%w %d %s", errCode, e.ResultCode, ldap.LDAPResultCodeMap[e.ResultCode])
	}
	return err
}

// maxOctets bounds what a server says in one exchange: the library takes whatever
// it gets.
const maxOctets = 32 << 20

// wire counts what is read.
type wire struct {
	net.Conn
	left atomic.Int64
}

func (w *wire) Read(p []byte) (int, error) {
	if w.left.Load() <= 0 {
		return 0, errTooMuch
	}
	n, err := w.Conn.Read(p)
	w.left.Add(-int64(n))
	return n, err
}
