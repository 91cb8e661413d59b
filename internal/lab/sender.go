package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
)

// Letter is a message to be sent over one connection.
type Letter struct {
	Addr         string // host:port
	Local        string // address to connect from; "" any
	LMTP         bool
	Helo         string // "client.lab" when empty
	TLS          *tls.Config
	Login, Pass  string // AUTH PLAIN
	Sender       string
	SenderParams string // " SIZE=3 RET=HDRS"
	Recipients   []Recipient
	Data         []byte // with CR LF; dots are stuffed and the final dot is added
}

// Replies to a letter, as far as it got.
type Replies struct {
	Greeting   Reply
	Sender     Reply
	Recipients []Reply
	Data       Reply
	Body       []Reply // one; LMTP: one for each recipient that was accepted
}

// Accepted tells whether the whole message was taken: every recipient and the
// data.
func (r Replies) Accepted() bool {
	for _, to := range r.Recipients {
		if !to.Positive() {
			return false
		}
	}
	return len(r.Body) > 0 && r.Refusal() == Reply{}
}

// Refusal is the first reply that is not positive, or the zero Reply.
func (r Replies) Refusal() Reply {
	all := append([]Reply{r.Greeting, r.Sender}, r.Recipients...)
	for _, reply := range append(all, r.Body...) {
		if reply.Code != 0 && !reply.Positive() {
			return reply
		}
	}
	if r.Data.Code >= 400 {
		return r.Data
	}
	return Reply{}
}

// Send sends a message in the simplest way. An error means that the connection
// or a reply was broken; a refusal is a reply.
func Send(addr, from string, to []string, data []byte) (Replies, error) {
	l := Letter{Addr: addr, Sender: from, Data: data}
	for _, a := range to {
		l.Recipients = append(l.Recipients, Recipient{Address: a})
	}
	return l.Send(context.Background())
}

// Send carries the letter out, one command at a time.
func (l Letter) Send(ctx context.Context) (Replies, error) {
	var out Replies
	d, err := DialFrom(ctx, l.Local, l.Addr)
	if err != nil {
		return out, err
	}
	defer func() { _ = d.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = d.Close() })
	defer stop()
	if out.Greeting, err = d.Reply(); err != nil || !out.Greeting.Positive() {
		return out, err
	}
	if err := l.open(d); err != nil {
		return out, err
	}
	if err := l.envelope(d, &out); err != nil {
		return out, err
	}
	_, err = d.Command("QUIT")
	return out, err
}

// open says hello, turns TLS on and logs in, as far as the letter wants it.
func (l Letter) open(d *Dialog) error {
	if err := l.must(d, l.hello()); err != nil {
		return err
	}
	if l.TLS != nil {
		if err := l.must(d, "STARTTLS"); err != nil {
			return err
		}
		if err := d.Handshake(l.TLS); err != nil {
			return err
		}
		if err := l.must(d, l.hello()); err != nil {
			return err
		}
	}
	if l.Login == "" {
		return nil
	}
	return l.must(d, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+l.Login+"\x00"+l.Pass)))
}

func (l Letter) hello() string {
	verb, name := "EHLO ", l.Helo
	if l.LMTP {
		verb = "LHLO "
	}
	if name == "" {
		name = "client.lab"
	}
	return verb + name
}

func (l Letter) must(d *Dialog, command string) error {
	r, err := d.Command(command)
	if err == nil && !r.Positive() {
		err = fmt.Errorf("lab: %s: %s", command, r)
	}
	return err
}

// envelope sends sender, recipients and, when somebody is left, the data.
func (l Letter) envelope(d *Dialog, out *Replies) error {
	var err error
	if out.Sender, err = d.Command("MAIL FROM:<" + l.Sender + ">" + l.SenderParams); err != nil || !out.Sender.Positive() {
		return err
	}
	accepted := 0
	for _, to := range l.Recipients {
		line := "RCPT TO:<" + to.Address + ">"
		for _, p := range to.Params {
			line += " " + p
		}
		r, err := d.Command(line)
		if err != nil {
			return err
		}
		if out.Recipients = append(out.Recipients, r); r.Positive() {
			accepted++
		}
	}
	if accepted == 0 {
		return nil
	}
	if out.Data, err = d.Command("DATA"); err != nil || out.Data.Code != 354 {
		return err
	}
	return l.body(d, out, accepted)
}

func (l Letter) body(d *Dialog, out *Replies, accepted int) error {
	if err := d.Write(string(stuffed(l.Data))); err != nil {
		return err
	}
	if !l.LMTP {
		accepted = 1
	}
	for range accepted {
		r, err := d.Reply()
		if err != nil {
			return err
		}
		out.Body = append(out.Body, r)
	}
	return nil
}

// stuffed doubles the dots that begin a line and adds the final one (RFC 5321
// s4.5.2).
func stuffed(data []byte) []byte {
	out := bytes.ReplaceAll(data, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(out, []byte(".")) {
		out = append([]byte("."), out...)
	}
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	return append(out, ".\r\n"...)
}
