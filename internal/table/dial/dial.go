// Package dial connects the kinds of tables to their servers: a URL or an address
// becomes a Server, and a Server a connection by TCP or a unix socket, with TLS
// where it is asked for. It speaks no protocol, keeps no connection and takes
// no user or password in a URL, since those would be shown with it.
//
// The file of certificate authorities is read at each new connection, so that one
// that is renewed, or was missing at the start, is seen.
//
// Failure: Dial ends with its context. A certificate that does not hold is an
// error; there is no way around it.
package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// Errors of what a server is named by.
var (
	ErrScheme   = errors.New("the URL has a scheme that is not known here")
	ErrUser     = errors.New("the URL names a user, who belongs in an attribute")
	ErrNoServer = errors.New("no server is named")
	ErrAddress  = errors.New("neither host:port nor unix:/path")
	errRoots    = errors.New("no certificate authority in the file")
)

// Server is where a table is asked.
type Server struct {
	Network string // tcp, unix
	Address string // host:port, or the path of the socket
	Name    string // that its certificate must have
	TLS     bool   // from the first octet
	Roots   string // file of certificate authorities; "": the system's
}

// Scheme of a URL and what it stands for.
type Scheme struct {
	Name   string
	Port   string // where the URL has none
	TLS    bool
	Socket bool // the URL has the path of a unix socket
}

// Parse reads a URL. Its path, of a socket apart, is left to the caller.
func Parse(raw string, schemes ...Scheme) (Server, *url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Server{}, nil, plain(err)
	}
	if u.User != nil {
		return Server{}, nil, ErrUser
	}
	for _, s := range schemes {
		if s.Name == u.Scheme {
			return s.server(u)
		}
	}
	return Server{}, nil, fmt.Errorf("%w: %q", ErrScheme, u.Scheme)
}

func (s Scheme) server(u *url.URL) (Server, *url.URL, error) {
	if s.Socket {
		if u.Host != "" || len(u.Path) < 2 {
			return Server{}, nil, ErrNoServer
		}
		return Server{Network: "unix", Address: u.Path}, u, nil
	}
	if u.Hostname() == "" {
		return Server{}, nil, ErrNoServer
	}
	port := u.Port()
	if port == "" {
		port = s.Port
	}
	return Server{Network: "tcp", Address: net.JoinHostPort(u.Hostname(), port), Name: u.Hostname(), TLS: s.TLS}, u, nil
}

// plain takes the URL off an error that will be told beside it.
func plain(err error) error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// ParseAddress reads host:port, or unix:/path.
func ParseAddress(s string) (Server, error) {
	if path, is := strings.CutPrefix(s, "unix:"); is {
		if !strings.HasPrefix(path, "/") {
			return Server{}, ErrAddress
		}
		return Server{Network: "unix", Address: path}, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || port == "" {
		return Server{}, ErrAddress
	}
	return Server{Network: "tcp", Address: s, Name: host}, nil
}

// Dial connects.
func (s Server) Dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if !s.TLS {
		return d.DialContext(ctx, s.Network, s.Address)
	}
	config, err := s.Config()
	if err != nil {
		return nil, err
	}
	return (&tls.Dialer{NetDialer: &d, Config: config}).DialContext(ctx, s.Network, s.Address)
}

// Config is that of TLS with the server.
func (s Server) Config() (*tls.Config, error) {
	c := &tls.Config{ServerName: s.Name, MinVersion: tls.VersionTLS12}
	if s.Roots == "" {
		return c, nil
	}
	pem, err := os.ReadFile(s.Roots)
	if err != nil {
		return nil, err
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: %s", errRoots, s.Roots)
	}
	return c, nil
}
