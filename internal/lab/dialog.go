package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Reply as a client reads it. The zero Reply is none.
type Reply struct {
	Code int
	Text string // lines without their codes, separated by "\n"
}

// String is the reply on one line.
func (r Reply) String() string {
	return fmt.Sprintf("%d %s", r.Code, strings.ReplaceAll(r.Text, "\n", " / "))
}

// Positive tells whether the code is 2yz.
func (r Reply) Positive() bool { return r.Code/100 == 2 }

// Dialog is a client that says exactly what it is told, for scripts that test a
// server. It is used by one goroutine.
type Dialog struct {
	conn net.Conn
	in   *bufio.Reader
}

// dialogTimeout bounds each reply.
const dialogTimeout = 30 * time.Second

// Dial connects; the greeting is still to be read with Reply.
func Dial(ctx context.Context, addr string) (*Dialog, error) { return DialFrom(ctx, "", addr) }

// DialFrom is Dial from an address of this machine, so that a server sees
// different clients: all of 127.0.0.0/8 are ours on Linux.
func DialFrom(ctx context.Context, local, addr string) (*Dialog, error) {
	d := net.Dialer{Timeout: dialogTimeout}
	if local != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(local)}
	}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return NewDialog(nc), nil
}

// NewDialog speaks over a connection that is there already.
func NewDialog(nc net.Conn) *Dialog { return &Dialog{conn: nc, in: bufio.NewReader(nc)} }

// Close ends the connection without QUIT.
func (d *Dialog) Close() error { return d.conn.Close() }

// Write sends octets as they are.
func (d *Dialog) Write(octets string) error {
	_ = d.conn.SetDeadline(time.Now().Add(dialogTimeout))
	_, err := io.WriteString(d.conn, octets)
	return err
}

// Command sends a line with CR LF and reads the reply.
func (d *Dialog) Command(line string) (Reply, error) {
	if err := d.Write(line + "\r\n"); err != nil {
		return Reply{}, err
	}
	return d.Reply()
}

// Message sends a message once DATA was answered, with its dots doubled and the
// final one, and reads the reply.
func (d *Dialog) Message(data []byte) (Reply, error) {
	if err := d.Write(string(stuffed(data))); err != nil {
		return Reply{}, err
	}
	return d.Reply()
}

// Reply reads one reply of any number of lines.
func (d *Dialog) Reply() (Reply, error) {
	var r Reply
	var lines []string
	for {
		_ = d.conn.SetDeadline(time.Now().Add(dialogTimeout))
		raw, err := d.in.ReadString('\n')
		if err != nil {
			return Reply{}, err
		}
		line, ok := strings.CutSuffix(raw, "\r\n")
		if !ok || len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
			return Reply{}, fmt.Errorf("lab: %q is no reply", raw)
		}
		code, err := strconv.Atoi(line[:3])
		if err != nil || r.Code != 0 && code != r.Code {
			return Reply{}, fmt.Errorf("lab: %q is no reply", raw)
		}
		r.Code = code
		lines = append(lines, line[min(4, len(line)):])
		if len(line) == 3 || line[3] == ' ' {
			r.Text = strings.Join(lines, "\n")
			return r, nil
		}
	}
}

// Handshake puts TLS over the connection, after the reply to STARTTLS.
func (d *Dialog) Handshake(c *tls.Config) error {
	_ = d.conn.SetDeadline(time.Now().Add(dialogTimeout))
	tc := tls.Client(d.conn, c)
	if err := tc.Handshake(); err != nil {
		return err
	}
	d.conn, d.in = tc, bufio.NewReader(tc)
	return nil
}
