package lab_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/smtp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
)

func start(t *testing.T, c lab.Config) (*lab.Lab, *lab.Receiver) {
	t.Helper()
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r, err := l.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	return l, r
}

const text = "Subject: x\r\n\r\n.dots\r\n..\r\n.\r\n"

func TestMessageArrives(t *testing.T) {
	l, r := start(t, lab.Config{Name: "mx1.example.org"})
	got, err := lab.Send(r.Addr, "s@example.org", []string{"a@x.example", "b@x.example"}, []byte(text))
	if err != nil || !got.Accepted() {
		t.Fatalf("%+v, %v", got, err)
	}
	all, err := r.WaitMessages(1, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	m := all[0]
	if m.Receiver != "mx1.example.org" || m.Helo != "client.lab" || m.Sender != "s@example.org" || m.Protocol != "ESMTP" ||
		!slices.Equal(m.To(), []string{"a@x.example", "b@x.example"}) || string(m.Data) != text || m.TLS != nil {
		t.Errorf("captured %+v", m)
	}
	if l.Capture.Len() != 1 || len(l.Violations()) != 0 {
		t.Errorf("lab has %d messages, violations %q", l.Capture.Len(), l.Violations())
	}
}

// The standard library's client is a peer that this package did not write.
func TestStandardClient(t *testing.T) {
	l, r := start(t, lab.Config{Name: "mx.example.org", TLS: lab.TLSOffer, Logins: map[string]string{"u": "p"}})
	c, err := smtp.Dial(r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []func() error{
		func() error { return c.Hello("std.lab") },
		func() error { return c.StartTLS(&tls.Config{RootCAs: l.CA.Pool(), ServerName: "mx.example.org"}) },
		func() error { return c.Auth(smtp.PlainAuth("", "u", "p", r.Host)) },
		func() error { return c.Mail("s@example.org") },
		func() error { return c.Rcpt("a@x.example") },
		func() error {
			w, err := c.Data()
			if err != nil {
				return err
			}
			if _, err := w.Write([]byte(text)); err != nil {
				return err
			}
			return w.Close()
		},
		c.Quit,
	} {
		if err := step(); err != nil {
			// PlainAuth compares the server's name with the one it was made for.
			if !strings.Contains(err.Error(), "wrong host name") {
				t.Fatal(err)
			}
			if err := c.Auth(smtp.PlainAuth("", "u", "p", "mx.example.org")); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := r.Messages()
	if len(m) != 1 || m[0].Login != "u" || m[0].TLS == nil || string(m[0].Data) != text || len(l.Violations()) != 0 {
		t.Errorf("captured %+v, violations %q", m, l.Violations())
	}
}

func TestRules(t *testing.T) {
	_, r := start(t, lab.Config{})
	r.On(lab.Rule{At: lab.Rcpt, Match: "no@x.example", Reply: "550 5.1.1 no\nreally"})
	r.On(lab.Rule{At: lab.Rcpt, Match: "@later.example", Reply: "451 4.2.0 later"})
	r.On(lab.Rule{At: lab.Mail, Skip: 1, Times: 1, Reply: "421 4.3.2 busy", Close: true})
	to := []string{"yes@x.example", "NO@x.example", "a@later.example"}
	got, err := lab.Send(r.Addr, "s@example.org", to, []byte(text))
	if err != nil || fmt.Sprint(got.Recipients) != "[250 2.1.5 recipient ok 550 5.1.1 no / really 451 4.2.0 later]" || got.Accepted() {
		t.Errorf("first: %v, %v", got.Recipients, err)
	}
	if m := r.Messages(); len(m) != 1 || !slices.Equal(m[0].To(), to[:1]) {
		t.Errorf("captured %+v", m)
	}
	if got, _ := lab.Send(r.Addr, "s@example.org", to, []byte(text)); got.Sender.Code != 421 {
		t.Errorf("second: %v", got.Sender)
	}
	if got, err := lab.Send(r.Addr, "s@example.org", to, []byte(text)); err != nil || got.Sender.Code != 250 {
		t.Errorf("third: %v, %v", got.Sender, err)
	}
}

func TestRuleAtEveryStep(t *testing.T) {
	steps := []lab.Step{lab.Greeting, lab.Hello, lab.StartTLS, lab.Auth, lab.Mail, lab.Rcpt, lab.Data, lab.Body}
	for _, step := range steps {
		for _, drop := range []bool{false, true} {
			l, r := start(t, lab.Config{Name: "mx.example.org", TLS: lab.TLSOffer, Logins: map[string]string{"u": "p"}})
			if r.On(lab.Rule{At: step, Reply: "451 4.0.0 not now"}); drop {
				r.Clear()
				r.On(lab.Rule{At: step, Drop: true})
			}
			letter := lab.Letter{
				Addr: r.Addr, TLS: &tls.Config{RootCAs: l.CA.Pool(), ServerName: "mx.example.org"}, Login: "u", Pass: "p",
				Sender: "s@example.org", Recipients: []lab.Recipient{{Address: "a@x.example"}}, Data: []byte(text),
			}
			got, err := letter.Send(t.Context())
			if got.Accepted() || r.Len() != 0 || drop && err == nil {
				t.Errorf("%s, drop %v: %+v, %v, captured %d", step, drop, got, err, r.Len())
			}
		}
	}
}

// The reply is lost but the message was taken: the sender must try again.
func TestTakenButReplyLost(t *testing.T) {
	_, r := start(t, lab.Config{})
	r.On(lab.Rule{At: lab.Body, Drop: true, Reply: "250 2.0.0 taken"})
	if got, err := lab.Send(r.Addr, "", []string{"a@x.example"}, []byte(text)); err == nil || len(got.Body) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if r.Len() != 1 {
		t.Errorf("captured %d", r.Len())
	}
}

func TestLMTPRepliesForEachRecipient(t *testing.T) {
	_, r := start(t, lab.Config{LMTP: true})
	r.On(lab.Rule{At: lab.Body, Match: "full@x.example", Reply: "452 4.2.2 full"})
	l := lab.Letter{Addr: r.Addr, LMTP: true, Data: []byte(text)}
	for _, a := range []string{"a@x.example", "full@x.example", "b@x.example"} {
		l.Recipients = append(l.Recipients, lab.Recipient{Address: a, Params: []string{"NOTIFY=NEVER"}})
	}
	got, err := l.Send(t.Context())
	if err != nil || fmt.Sprint(got.Body) != "[250 2.0.0 taken 452 4.2.2 full 250 2.0.0 taken]" {
		t.Fatalf("%v, %v", got.Body, err)
	}
	m := r.Messages()
	if len(m) != 1 || !slices.Equal(m[0].To(), []string{"a@x.example", "b@x.example"}) || m[0].Recipients[1].Params[0] != "NOTIFY=NEVER" {
		t.Errorf("captured %+v", m)
	}
}

func TestImplicitTLS(t *testing.T) {
	l, r := start(t, lab.Config{Name: "mx.example.org", TLS: lab.TLSImplicit})
	nc, err := tls.Dial("tcp", r.Addr, &tls.Config{RootCAs: l.CA.Pool(), ServerName: "mx.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	d := lab.NewDialog(nc)
	defer d.Close()
	if g, err := d.Reply(); err != nil || g.Code != 220 {
		t.Errorf("%v, %v", g, err)
	}
}

func TestTooBig(t *testing.T) {
	_, r := start(t, lab.Config{MaxSize: 1000})
	got, err := lab.Send(r.Addr, "", []string{"a@x.example"}, bytes.Repeat([]byte("0123456789abcde\r\n"), 100))
	if err != nil || got.Body[0].Code != 552 || r.Len() != 0 || len(r.Refused()) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestClosedReceiverRefuses(t *testing.T) {
	_, r := start(t, lab.Config{})
	r.On(lab.Rule{At: lab.Greeting, Delay: time.Hour})
	errs := make(chan error)
	go func() {
		_, err := lab.Send(r.Addr, "", []string{"a@x.example"}, nil)
		errs <- err
	}()
	for r.Connections() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err == nil {
		t.Error("the open session went on")
	}
	if _, err := lab.Send(r.Addr, "", []string{"a@x.example"}, nil); err == nil {
		t.Error("a new session was accepted")
	}
}
