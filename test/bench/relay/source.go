package main

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// source drives a load through a server.
type source struct {
	addr   string
	load   load
	secure *tls.Config
	next   atomic.Int64
	begun  []time.Time // by number of the message
}

// newSource makes the source of a load; it starts with nothing cached.
func newSource(addr string, l load) *source {
	return &source{addr: addr, load: l, begun: make([]time.Time, l.messages+1), secure: &tls.Config{
		InsecureSkipVerify: true, // the certificate was made for this run
		ClientSessionCache: tls.NewLRUClientSessionCache(l.sessions),
	}}
}

// run returns after the last 250.
func (s *source) run() error {
	errs := make(chan error, s.load.sessions)
	var wg sync.WaitGroup
	for range s.load.sessions {
		wg.Go(func() {
			if err := s.session(); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// session sends messages until the common counter runs out.
func (s *source) session() error {
	var c *client
	defer func() { c.quit() }()
	for {
		n := int(s.next.Add(1))
		if n > s.load.messages {
			return nil
		}
		s.begun[n] = time.Now()
		if c == nil {
			var err error
			if c, err = s.dial(); err != nil {
				return err
			}
		}
		if err := c.message(n, s.load); err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
		if !s.load.reuse {
			c.quit()
			c = nil
		}
	}
}

func (s *source) dial() (*client, error) {
	c, err := dial(s.addr)
	if err != nil || !s.load.tls {
		return c, err
	}
	if err := c.say("STARTTLS\r\n", '2'); err != nil {
		c.conn.Close()
		return nil, err
	}
	c.use(tls.Client(c.conn, s.secure))
	if err := c.say("EHLO source.test\r\n", '2'); err != nil {
		c.conn.Close()
		return nil, err
	}
	return c, nil
}

// client is a plain SMTP client.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	body []byte
}

func dial(addr string) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	c := &client{}
	c.use(conn)
	if err := c.expect('2'); err != nil {
		conn.Close()
		return nil, err
	}
	if err := c.say("EHLO source.test\r\n", '2'); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) use(conn net.Conn) { c.conn, c.r = conn, bufio.NewReader(conn) }

func (c *client) say(line string, want byte) error {
	if _, err := c.conn.Write([]byte(line)); err != nil {
		return err
	}
	return c.expect(want)
}

func (c *client) expect(want byte) error {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) < 4 || line[0] != want {
			return fmt.Errorf("unexpected reply %q", line)
		}
		if line[3] == ' ' {
			return nil
		}
	}
}

// message sends one, with its envelope in one write or, as smtp-source does, a
// command at a time.
func (c *client) message(n int, l load) error {
	commands := []string{"MAIL FROM:<" + cmp.Or(l.sender, "s") + "@src.test>\r\n", "RCPT TO:<u@" + cmp.Or(l.domain, "b.test") + ">\r\n", "DATA\r\n"}
	if l.pipeline {
		if _, err := c.conn.Write([]byte(strings.Join(commands, ""))); err != nil {
			return err
		}
	}
	for i, line := range commands {
		if !l.pipeline {
			if _, err := c.conn.Write([]byte(line)); err != nil {
				return err
			}
		}
		if err := c.expect("223"[i]); err != nil {
			return err
		}
	}
	c.body = appendMessage(c.body[:0], n, l.bytes)
	if _, err := c.conn.Write(c.body); err != nil {
		return err
	}
	return c.expect('2')
}

func (c *client) quit() {
	if c == nil {
		return
	}
	c.say("QUIT\r\n", '2')
	c.conn.Close()
}

// waitGreeting waits until a server greets on addr.
func waitGreeting(addr string, limit time.Duration) error {
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var c *client
		if c, err = dial(addr); err == nil {
			c.quit()
			return nil
		}
	}
	return fmt.Errorf("no greeting on %s: %w", addr, err)
}
