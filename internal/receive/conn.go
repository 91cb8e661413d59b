package receive

import (
	"errors"
	"net"
	"sync"
	"time"
)

// errShutdown is what a session reads when the server is shutting down and no
// transaction is open.
var errShutdown = errors.New("receive: shutting down")

// minDataRate is the slowest that a body may trickle in, in octets a second, on
// the average and beyond one DataTimeout. Without it a client could hold a
// session for weeks with an octet now and then.
const minDataRate = 256

// conn sets the deadlines of one connection: a fixed one for a command line,
// however its octets trickle, and one that moves on with the octets of data.
type conn struct {
	net.Conn
	writeTimeout time.Duration

	mu      sync.Mutex // guards what follows, against interrupt
	closing bool
	idle    bool  // no transaction is open
	pace    *pace // set while data is read
}

// pace is the progress of one body.
type pace struct {
	timeout  time.Duration
	start    time.Time
	received int64
}

// await sets the deadline for the next command line. An idle session (one with
// no transaction) ends instead when the server shuts down.
func (c *conn) await(timeout time.Duration, idle bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing && idle {
		return errShutdown
	}
	c.idle, c.pace = idle, nil
	return c.SetReadDeadline(time.Now().Add(timeout))
}

// interrupt ends an idle session, whose read finds a deadline in the past. One
// in a transaction, or about to begin one, ends when it next awaits a command
// without one.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	if c.idle {
		c.SetReadDeadline(time.Unix(1, 0))
	}
}

// isClosing tells whether interrupt was called.
func (c *conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// beginData makes every following Read extend its own deadline.
func (c *conn) beginData(timeout time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle, c.pace = false, &pace{timeout: timeout, start: time.Now()}
}

// endData goes back to command lines.
func (c *conn) endData() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pace = nil
}

// Read reads; within data it first moves the deadline on.
func (c *conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	p := c.pace
	c.mu.Unlock()
	if p == nil {
		return c.Conn.Read(b)
	}
	if err := c.SetReadDeadline(p.deadline(time.Now())); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	p.received += int64(n)
	return n, err
}

// deadline is the timeout between two blocks (RFC 5321 s4.5.3.2.5), but not
// beyond what minDataRate allows in all.
func (p *pace) deadline(now time.Time) time.Time {
	block := now.Add(p.timeout)
	all := p.start.Add(p.timeout + time.Duration(p.received)*(time.Second/minDataRate))
	if all.Before(block) {
		return all
	}
	return block
}

// Write writes within the write timeout: a client that reads no replies ends.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// isTimeout tells a deadline from a connection that ended.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
