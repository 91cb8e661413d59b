package equivalence

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// verdict is what a server said to an envelope in the end.
type verdict struct {
	code int
	text string
}

// sessions are how many clients speak at once.
const sessions = 4

// send gives all trials to one side.
func send(door, side string, trials []trial) ([]verdict, error) {
	verdicts, errs := make([]verdict, len(trials)), make([]error, sessions)
	var wg sync.WaitGroup
	for s := range sessions {
		wg.Go(func() {
			c := clients{door: door, open: map[netip.Addr]*client{}}
			defer c.close()
			for i := s; i < len(trials) && errs[s] == nil; i += sessions {
				verdicts[i], errs[s] = c.send(trials[i], trials[i].message(side, i))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", side, err)
		}
	}
	return verdicts, nil
}

// clients are connections to one server, one for each address.
type clients struct {
	door string
	open map[netip.Addr]*client
}

type client struct {
	conn net.Conn
	r    *bufio.Reader
}

func (c *clients) close() {
	for _, one := range c.open {
		one.conn.Close()
	}
}

// send sends one message; a connection that the server had enough of is made
// anew.
func (c *clients) send(t trial, message string) (verdict, error) {
	var last error
	for range 3 {
		one, err := c.client(t.Client)
		if err != nil {
			return verdict{}, err
		}
		v, err := one.send(t, message)
		if err == nil && v.code != 421 {
			return v, nil
		}
		last = fmt.Errorf("%s to %s: %d %s: %v", t.Client, t.Recipient, v.code, v.text, err)
		one.conn.Close()
		delete(c.open, t.Client)
	}
	return verdict{}, last
}

func (c *clients) client(from netip.Addr) (*client, error) {
	if one := c.open[from]; one != nil {
		return one, nil
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 5 * time.Second}
	conn, err := d.Dial("tcp", c.door)
	if err != nil {
		return nil, err
	}
	one := &client{conn: conn, r: bufio.NewReader(conn)}
	if v, err := one.reply(); err != nil || v.code != 220 {
		return nil, fmt.Errorf("greeting %v: %v", v, err)
	}
	if v, err := one.say("EHLO client.example"); err != nil || v.code != 250 {
		return nil, fmt.Errorf("EHLO %v: %v", v, err)
	}
	c.open[from] = one
	return one, nil
}

// send speaks one transaction, to its first refusal.
func (c *client) send(t trial, message string) (verdict, error) {
	if v, err := c.say("RSET"); err != nil || v.code != 250 {
		return v, err
	}
	for _, step := range []struct {
		line string
		code int
	}{
		{fmt.Sprintf("MAIL FROM:<%s>", t.Sender), 250}, {fmt.Sprintf("RCPT TO:<%s>", t.Recipient), 250}, {"DATA", 354},
	} {
		if v, err := c.say(step.line); err != nil || v.code != step.code {
			return v, err
		}
	}
	return c.say(message)
}

func (c *client) say(line string) (verdict, error) {
	_ = c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintf(c.conn, "%s\r\n", line); err != nil {
		return verdict{}, err
	}
	return c.reply()
}

func (c *client) reply() (verdict, error) {
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return verdict{}, err
		}
		if len(line) > 3 && line[3] != '-' {
			code, err := strconv.Atoi(line[:3])
			return verdict{code: code, text: strings.TrimSpace(line[4:])}, err
		}
	}
}
