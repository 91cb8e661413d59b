package interop

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/postroad/postroad/test/peer"
)

// Two directories know an ann, each by a password of its own, on a door for each
// and on one for both: which of them it is, is in every answer.
const twoAnns = `
directory "file" "staff" {
  path = "staff.passwd"
  owns = table.staff_senders
}
directory "file" "guests" {
  path = "guests.passwd"
  owns = table.guest_senders
}
table "inline" "staff_senders" {
  entries = { "ann@ours.test" = "ann", "team@ours.test" = "staff/ann" }
}
table "inline" "guest_senders" {
  entries = { "ann@guest.test" = "guests/ann", "odd@guest.test" = "staff/ann" }
}
relay "staff" {
  login = [directory.staff]
}
relay "guest" {
  login     = ["guests/ann"]
  recipient = ["near.test"]
}
transport "discard" "void" {}
transport "discard" "toll" {}
route "guests" {
  login = [directory.guests]
  via   = transport.toll
}
route "default" {
  via = transport.void
}
`

// serveTwoAnns serves it, and gives the addresses of the doors "staff", "guests", "both".
func serveTwoAnns(t *testing.T, dir string) (*peer.Postroad, map[string]string) {
	t.Helper()
	bind := peer.FreePort(t)
	_, certificate := peer.Certificates(t, dir)
	for _, name := range []string{"staff", "guests"} {
		hash, err := bcrypt.GenerateFromPassword([]byte("of "+name), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		peer.Write(t, dir, name+".passwd", "ann:"+string(hash)+"\n")
	}
	config := fmt.Sprintf("hostname = \"edge.test\"\ndata = %q\nlistener \"in\" {\n  bind = [%q]\n}\n", filepath.Join(dir, "data"), bind) + twoAnns
	doors := map[string]string{}
	for name, login := range map[string]string{"staff": "directory.staff", "guests": "directory.guests", "both": "directory.staff, directory.guests"} {
		doors[name] = peer.FreePort(t)
		config += fmt.Sprintf("listener %q {\n  bind = [%q]\n  tls = \"implicit\"\n  certificate = %q\n  login = [%s]\n}\n", name, doors[name], certificate, login)
	}
	return peer.StartPostroad(t, dir, config, bind), doors
}

func TestTwoDirectoriesWithOneName(t *testing.T) {
	t.Parallel()
	dir := peer.Dir(t)
	p, doors := serveTwoAnns(t, dir)
	for _, c := range []struct{ door, directory, sender, recipient, want string }{
		{"staff", "guests", "", "", "535"},
		{"guests", "staff", "", "", "535"},
		{"both", "nobody", "", "", "535"},
		{"staff", "staff", "ann@ours.test", "x@far.test", "250 void"},
		{"both", "staff", "team@ours.test", "x@far.test", "250 void"},
		{"both", "staff", "ann@guest.test", "x@far.test", "553"},
		{"both", "guests", "ann@ours.test", "x@near.test", "553"},
		{"both", "guests", "odd@guest.test", "x@near.test", "553"},
		{"guests", "guests", "ann@guest.test", "x@near.test", "250 toll"},
		{"both", "guests", "ann@guest.test", "x@near.test", "250 toll"},
		{"both", "guests", "ann@guest.test", "x@far.test", "554"},
	} {
		if got := asAnn(t, doors[c.door], c.directory, c.sender, c.recipient); got != c.want[:3] {
			t.Errorf("%+v: %s", c, got)
		}
		if c.sender == "" {
			continue
		}
		if got := routed(t, p, c.door, c.directory+"/ann", c.sender, c.recipient); got != c.want {
			t.Errorf("route %+v: %s", c, got)
		}
	}
	log, err := os.ReadFile(filepath.Join(dir, "postroad.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]int{
		`msg="message accepted"|login=staff/ann|listener=both`: 1, `msg="message accepted"|login=guests/ann|listener=both`: 1,
		`msg="recipient refused"|login=staff/ann `: 1, `msg="recipient refused"|login=guests/ann `: 3,
	} {
		if got := countLines(string(log), strings.Split(line, "|")); got != want {
			t.Errorf("%d lines of the log have %s, want %d", got, line, want)
		}
	}
}

// countLines counts the lines that have all the parts.
func countLines(text string, parts []string) int {
	n := 0
lines:
	for line := range strings.Lines(text) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue lines
			}
		}
		n++
	}
	return n
}

// asAnn logs in with the password of a directory and sends a message; it gives the
// code of the reply that refuses, or that of the end of data.
func asAnn(t *testing.T, door, directory, sender, recipient string) string {
	t.Helper()
	text, code, err := open(door, 1, "ann", "of "+directory)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	if code != 235 {
		return fmt.Sprint(code)
	}
	for _, line := range []string{"MAIL FROM:<" + sender + ">", "RCPT TO:<" + recipient + ">", "DATA", "From: " + sender + "\r\n\r\nhi\r\n."} {
		if code, err = say(text, line); err != nil {
			t.Fatal(err)
		}
		if code/100 > 3 {
			break
		}
	}
	return fmt.Sprint(code)
}

// routed is what `postroad route` tells: the code, and the transport.
func routed(t *testing.T, p *peer.Postroad, door, login, sender, recipient string) string {
	t.Helper()
	var answer struct {
		Login      string
		Recipients []struct {
			Reply      struct{ Code int }
			Deliveries []struct{ Transport string }
		}
	}
	out := p.Route(t, "--listener", door, "--login", login, "--tls", "--client", "127.0.9.1", "--from", sender, recipient)
	if err := json.Unmarshal(out, &answer); err != nil || len(answer.Recipients) != 1 || answer.Login != login {
		t.Fatalf("%v: %s", err, out)
	}
	r := answer.Recipients[0]
	text := fmt.Sprint(r.Reply.Code)
	for _, d := range r.Deliveries {
		text += " " + d.Transport
	}
	return text
}

// login says AUTH PLAIN from an address of its own and gives the code of the reply.
func login(addr string, client byte, name, password string) (int, error) {
	text, code, err := open(addr, client, name, password)
	if err != nil {
		return 0, err
	}
	return code, text.Close()
}

// open is a session over TLS, up to the code of the reply to AUTH PLAIN. The caller
// closes it.
func open(addr string, client byte, name, password string) (*textproto.Conn, int, error) {
	conn, err := tls.DialWithDialer(from(client), "tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return nil, 0, err
	}
	return enter(conn, name, password)
}

// from dials from an address that no network of these tests has.
func from(client byte) *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 9, client)}}
}

// enter begins a session on a connection; without a name nobody logs in.
func enter(conn net.Conn, name, password string) (*textproto.Conn, int, error) {
	_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
	text := textproto.NewConn(conn)
	_, _, err := text.ReadResponse(220)
	code := 0
	if err == nil {
		code, err = say(text, "EHLO client.test")
	}
	if err == nil && name != "" {
		code, err = say(text, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00"+password)))
	}
	if err != nil {
		text.Close()
		return nil, 0, err
	}
	return text, code, nil
}

// say sends a line and gives the code of the reply.
func say(text *textproto.Conn, line string) (int, error) {
	if err := text.PrintfLine("%s", line); err != nil {
		return 0, err
	}
	code, _, err := text.ReadResponse(0)
	return code, err
}
