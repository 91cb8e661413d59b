package deliver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/mail"
)

// raceDelay after which the next address is tried beside the last (RFC 8305 s5).
const raceDelay = 250 * time.Millisecond

// errNoAddress cannot happen while plans have addresses.
var errNoAddress = errors.New("deliver: host without address")

// connector opens connections to the addresses of one host.
type connector struct {
	dial    func(ctx context.Context, network, address string, source netip.Addr) (net.Conn, error)
	t       *config.Transport
	host    Host
	counter *Counters
}

// dialed is a connection and the place of its address in the list given.
type dialed struct {
	conn  net.Conn
	index int
	err   error
}

// race connects to the addresses in their order, the next one as soon as one
// fails or raceDelay passed. The first to answer wins and the rest are closed.
func (c connector) race(ctx context.Context, addrs []netip.Addr) dialed {
	switch len(addrs) {
	case 0:
		return dialed{err: errNoAddress}
	case 1:
		conn, err := c.one(ctx, addrs[0])
		return dialed{conn: conn, err: err}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan dialed)
	begun, ended := 0, 0
	begin := func() {
		i := begun
		begun++
		go func() {
			conn, err := c.one(ctx, addrs[i])
			done <- dialed{conn, i, err}
		}()
	}
	var out dialed
	begin()
	next := time.NewTimer(raceDelay)
	defer next.Stop()
	for ended < begun {
		select {
		case <-next.C:
		case d := <-done:
			ended++
			out = d
			if d.err == nil {
				cancel()
				drain(done, begun-ended)
				return out
			}
		}
		if begun < len(addrs) {
			begin()
			next.Reset(raceDelay)
		}
	}
	cancel()
	return out
}

// drain waits for the losers, so that no goroutine outlives the attempt, and
// closes what they opened.
func drain(done <-chan dialed, n int) {
	for range n {
		if d := <-done; d.err == nil {
			_ = d.conn.Close()
		}
	}
}

// one connects to one address within the transport's time-out.
func (c connector) one(ctx context.Context, addr netip.Addr) (net.Conn, error) {
	timeout := c.t.ConnectTimeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c.counter.Connects.Add(1)
	conn, err := c.dial(ctx, "tcp", netip.AddrPortFrom(addr, c.host.Port).String(), sourceFor(c.t, addr))
	if err != nil {
		c.counter.ConnectErrors.Add(1)
	}
	return conn, err
}

func (c connector) socket(ctx context.Context) (net.Conn, error) {
	c.counter.Connects.Add(1)
	conn, err := c.dial(ctx, "unix", c.host.Socket, netip.Addr{})
	if err != nil {
		c.counter.ConnectErrors.Add(1)
	}
	return conn, err
}

// sourceFor is the transport's own address of the family of addr.
func sourceFor(t *config.Transport, addr netip.Addr) netip.Addr {
	if addr.Is4() {
		return t.Source4
	}
	return t.Source6
}

// connectReply tells in our own words why a host could not be reached; the
// operating system's hold details of this machine.
func connectReply(err error) mail.Reply {
	text := "cannot connect"
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		text = "connection refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		text = "network unreachable"
	case errors.As(err, &timeout) && timeout.Timeout():
		text = "connection timed out"
	}
	return mail.Reply{Code: 451, Enhanced: "4.4.1", Text: text}
}
