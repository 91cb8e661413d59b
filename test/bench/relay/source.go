package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// send drives l.messages through addr and returns after the last 250.
func send(addr string, l load) error {
	var next atomic.Int64
	errs := make(chan error, l.sessions)
	var wg sync.WaitGroup
	for range l.sessions {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := sendSession(addr, l, &next); err != nil {
				errs <- err
			}
		}()
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// sendSession sends messages until the common counter runs out.
func sendSession(addr string, l load, next *atomic.Int64) error {
	var c *client
	defer func() { c.quit() }()
	for {
		n := int(next.Add(1))
		if n > l.messages {
			return nil
		}
		if c == nil {
			var err error
			if c, err = dial(addr); err != nil {
				return err
			}
		}
		if err := c.message(n, l.bytes); err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
		if !l.reuse {
			c.quit()
			c = nil
		}
	}
}

// client is a plain SMTP client without pipelining, as smtp-source is one.
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
	c := &client{conn: conn, r: bufio.NewReader(conn)}
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

func (c *client) message(n, size int) error {
	for _, s := range []struct {
		line string
		want byte
	}{{"MAIL FROM:<s@src.test>\r\n", '2'}, {"RCPT TO:<u@b.test>\r\n", '2'}, {"DATA\r\n", '3'}} {
		if err := c.say(s.line, s.want); err != nil {
			return err
		}
	}
	c.body = appendMessage(c.body[:0], n, size)
	if _, err := c.conn.Write(c.body); err != nil {
		return err
	}
	return c.expect('2')
}

// appendMessage writes a message of about size octets that carries its number.
func appendMessage(b []byte, n, size int) []byte {
	b = fmt.Appendf(b, "From: <s@src.test>\r\nTo: <u@b.test>\r\nSubject: load\r\nX-Bench-Id: %d\r\n\r\n", n)
	line := append(bytes.Repeat([]byte{'x'}, 76), "\r\n"...)
	for len(b) < size {
		b = append(b, line...)
	}
	return append(b, ".\r\n"...)
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
