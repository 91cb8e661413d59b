package smtp

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
)

// What stands behind the reply to STARTTLS was injected in the clear, and must
// end the connection instead of being read as the first reply inside TLS.
func TestStartTLSRefusesInjection(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		br := bufio.NewReader(theirs)
		fmt.Fprint(theirs, "220 mx\r\n")
		_, _ = br.ReadString('\n')
		fmt.Fprint(theirs, "250-mx\r\n250 STARTTLS\r\n")
		_, _ = br.ReadString('\n')
		fmt.Fprint(theirs, "220 go\r\n250 injected\r\n")
		_, _ = io.Copy(io.Discard, br)
	}()
	c := NewClient(ours, ClientOptions{Hello: "me.example"})
	defer c.Close()
	if err := errors.Join(c.Greet(), c.Hello()); err != nil {
		t.Fatal(err)
	}
	err := c.StartTLS(&tls.Config{InsecureSkipVerify: true})
	if !errors.Is(err, ErrReply) || c.Reusable() {
		t.Errorf("got %v, reusable %v", err, c.Reusable())
	}
}

// More recipients than fit a group are written in several, with the replies
// read between them; more than a transaction takes go in two.
func TestManyRecipients(t *testing.T) {
	ours, theirs := net.Pipe()
	type count struct{ mail, rcpt, data int }
	done := make(chan count)
	go func() {
		var n count
		defer func() { done <- n }()
		br := bufio.NewReaderSize(theirs, groupSize+1024)
		fmt.Fprint(theirs, "220 mx\r\n")
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			switch {
			case strings.HasPrefix(line, "EHLO"):
				fmt.Fprint(theirs, "250-mx\r\n250 PIPELINING\r\n")
				continue
			case strings.HasPrefix(line, "MAIL"):
				n.mail++
			case strings.HasPrefix(line, "RCPT"):
				n.rcpt++
			case strings.HasPrefix(line, "DATA"):
				n.data++
				fmt.Fprint(theirs, "354 go\r\n")
				for line != ".\r\n" && err == nil {
					line, err = br.ReadString('\n')
				}
			}
			fmt.Fprint(theirs, "250 ok\r\n")
		}
	}()
	c := NewClient(ours, ClientOptions{Hello: "me.example"})
	if err := errors.Join(c.Greet(), c.Hello()); err != nil {
		t.Fatal(err)
	}
	tr := Transaction{Content: strings.NewReader("x\r\n"), Size: 3}
	for i := range 150 {
		local := fmt.Sprintf("%03d-%s", i, strings.Repeat("x", 50))
		tr.Recipients = append(tr.Recipients, mail.Recipient{Address: mail.Address{Local: local, Domain: mail.Domain(strings.Repeat("d", 60) + ".example")}})
	}
	out := c.Transact(&tr)
	c.Close()
	for i, r := range out.Recipients {
		if !r.Accepted() {
			t.Fatalf("%d: %+v, %v", i, r, out.Err)
		}
	}
	if n := <-done; n != (count{mail: 2, rcpt: 150, data: 2}) {
		t.Errorf("the host saw %+v", n)
	}
}

// A host that refuses the message before its end, and goes, is heard.
func TestEarlyRefusal(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		br := bufio.NewReader(conn)
		fmt.Fprint(conn, "220 mx\r\n")
		for _, reply := range []string{"250 mx", "250 ok", "250 ok", "354 go"} {
			_, _ = br.ReadString('\n')
			fmt.Fprint(conn, reply+"\r\n")
		}
		_, _ = br.ReadString('\n')
		fmt.Fprint(conn, "552 5.3.4 too big\r\n")
		_ = conn.(*net.TCPConn).CloseWrite()
		// All is taken and thrown away: the client reaches its dot, and the answer.
		_, _ = io.Copy(io.Discard, br)
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(conn, ClientOptions{Hello: "me.example"})
	defer c.Close()
	if err := errors.Join(c.Greet(), c.Hello()); err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("0123456789abcdef\r\n", 1<<16)
	out := c.Transact(&Transaction{
		Recipients: []mail.Recipient{{Address: mail.Address{Local: "a", Domain: "b.example"}}},
		Content:    strings.NewReader(body), Size: int64(len(body)),
	})
	if r := out.Recipients[0]; r.Stage != StageEnd || r.Reply.Code != 552 {
		t.Errorf("got %+v, %v", r, out.Err)
	}
}
