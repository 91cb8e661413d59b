package lab

import (
	"net"
	"time"
)

// CutAction is what happens to a connection at a Cut.
type CutAction uint8

// Actions of a Cut.
const (
	CutClose CutAction = iota // FIN
	CutReset                  // RST
	CutStall                  // nothing goes on, until the receiver is closed
	CutFlip                   // the octet there is altered, and the session goes on
)

// Cut is a fault at one octet of a connection, TLS octets included when there is
// TLS. Either In or Out is set: the fault comes when the receiver has read or
// written so many octets, so that the octet after them is the first that is lost
// (CutFlip: altered). In is exact even within one packet.
type Cut struct {
	In, Out int64
	Action  CutAction
	Skip    int // so many connections are not cut yet
	Times   int // then so many are; 0: all
}

// Cut adds a fault for connections that are opened from now on.
func (r *Receiver) Cut(c Cut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cuts = append(r.cuts, &c)
}

// cut finds the fault of a new connection; nil is none. Called with mu held.
func (r *Receiver) cut() *Cut {
	for _, c := range r.cuts {
		switch {
		case c.Times < 0:
			continue
		case c.Skip > 0:
			c.Skip--
			continue
		case c.Times == 1:
			c.Times = -1 // spent
		case c.Times > 1:
			c.Times--
		}
		return &Cut{In: c.In, Out: c.Out, Action: c.Action}
	}
	return nil
}

// cutConn counts octets and acts when its cut is reached. A session reads and
// writes it from one goroutine.
type cutConn struct {
	net.Conn
	cut    *Cut
	in     int64
	out    int64
	closed <-chan struct{} // of the receiver
}

// Read implements net.Conn.
func (c *cutConn) Read(p []byte) (int, error) {
	if c.cut == nil || c.cut.Out > 0 {
		return c.Conn.Read(p)
	}
	left := c.cut.In - c.in
	if left == 0 && c.cut.Action != CutFlip {
		return 0, c.act()
	}
	if left > 0 && int64(len(p)) > left {
		p = p[:left]
	}
	n, err := c.Conn.Read(p)
	if left == 0 && n > 0 {
		p[0] ^= 0x20
	}
	c.in += int64(n)
	return n, err
}

// Write implements net.Conn.
func (c *cutConn) Write(p []byte) (int, error) {
	if c.cut == nil || c.cut.Out == 0 {
		return c.Conn.Write(p)
	}
	left := c.cut.Out - c.out
	if left < 0 || left >= int64(len(p)) {
		n, err := c.Conn.Write(p)
		c.out += int64(n)
		return n, err
	}
	if c.cut.Action == CutFlip {
		altered := append([]byte(nil), p...)
		altered[left] ^= 0x20
		n, err := c.Conn.Write(altered)
		c.out += int64(n)
		return n, err
	}
	n, err := c.Conn.Write(p[:left])
	c.out += int64(n)
	if err != nil {
		return n, err
	}
	return n, c.act()
}

// act ends the connection and gives the error that the session sees.
func (c *cutConn) act() error {
	switch c.cut.Action {
	case CutReset:
		if t, ok := c.Conn.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
	case CutStall:
		select {
		case <-c.closed:
		case <-time.After(maxStall):
		}
	}
	_ = c.Conn.Close()
	return net.ErrClosed
}

// maxStall bounds a stall, should nobody close the receiver.
const maxStall = 10 * time.Minute
