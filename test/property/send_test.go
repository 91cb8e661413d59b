package property

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"time"

	"github.com/postroad/postroad/internal/lab"
)

// outcome is what the server said to a letter.
type outcome struct {
	rcpt []int // code a recipient
	data int   // code of the end of data, 0 when it did not come to that
}

// send carries a letter from an address of its own.
func send(addr string, l letter) (outcome, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(l.client)}, Timeout: 5 * time.Second}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return outcome{}, err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	c := lab.NewDialog(nc)
	if _, err := c.Reply(); err != nil {
		return outcome{}, err
	}
	if err := hello(c, l); err != nil {
		return outcome{}, err
	}
	defer c.Command("QUIT")
	sender := l.sender
	if sender != "<>" {
		sender = "<" + sender + ">"
	}
	r, err := c.Command("MAIL FROM:" + sender)
	if err != nil || !r.Positive() {
		return outcome{}, fmt.Errorf("MAIL: %v %w", r, err)
	}
	return envelope(c, l)
}

func hello(c *lab.Dialog, l letter) error {
	if r, err := c.Command("EHLO " + l.helo); err != nil || !r.Positive() {
		return fmt.Errorf("EHLO: %v %w", r, err)
	}
	if !l.tls {
		return nil
	}
	if r, err := c.Command("STARTTLS"); err != nil || !r.Positive() {
		return fmt.Errorf("STARTTLS: %v %w", r, err)
	}
	if err := c.Handshake(&tls.Config{InsecureSkipVerify: true}); err != nil {
		return err
	}
	if _, err := c.Command("EHLO " + l.helo); err != nil || l.account.name == "" {
		return err
	}
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + l.account.name + "\x00" + password))
	if r, err := c.Command("AUTH PLAIN " + plain); err != nil || !r.Positive() {
		return fmt.Errorf("AUTH: %v %w", r, err)
	}
	return nil
}

// envelope sends recipients and, when one was taken, the message.
func envelope(c *lab.Dialog, l letter) (outcome, error) {
	var o outcome
	taken := 0
	for _, rcpt := range l.recipients {
		r, err := c.Command("RCPT TO:<" + rcpt + ">")
		if err != nil {
			return o, err
		}
		o.rcpt = append(o.rcpt, r.Code)
		if r.Positive() {
			taken++
		}
	}
	if taken == 0 {
		return o, nil
	}
	if r, err := c.Command("DATA"); err != nil || r.Code != 354 {
		return o, fmt.Errorf("DATA: %v %w", r, err)
	}
	if err := c.Write(l.message() + ".\r\n"); err != nil {
		return o, err
	}
	r, err := c.Reply()
	o.data = r.Code
	return o, err
}
