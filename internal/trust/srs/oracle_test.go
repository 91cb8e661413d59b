package srs_test

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/trust/srs"
	"github.com/postroad/postroad/test/peer"
)

const secret = "a secret of the oracle"

// senders are what the oracles are asked about; the last two are of other
// forwarders.
func senders() []string {
	return []string{
		"ann@example.org", "Ann.B@Sub.Example.org", "bob+tag@example.org", "a=b-c@example.org", "x_y@a.co",
		"SRS0=AbCd=XY=first.example=ann@forwarder.example", "SRS0+AbCd=XY=first.example=ann@forwarder.example",
		"SRS1=AbCd=first.example==WxYz=XY=a.example=ann@second.example",
	}
}

func ours(t *testing.T, sep byte) (srs.Scheme, int) {
	t.Helper()
	day := int(time.Now().Unix() / 86400)
	return srs.Scheme{Domain: "srs.example", Separator: sep, Secrets: [][]byte{[]byte(secret)}}, day
}

// same compares as the scheme does: hosts on the way may fold the case.
func same(a, b string) bool { return strings.EqualFold(a, b) }

// check holds an oracle's two directions against ours, both ways round.
func check(t *testing.T, sep byte, forward, reverse func(string) string) {
	s, day := ours(t, sep)
	for _, sender := range senders() {
		a, err := mail.ParseAddress(sender)
		if err != nil {
			t.Fatal(err)
		}
		mine, err := s.Forward(a, day)
		if err != nil {
			t.Fatalf("%s: %v", sender, err)
		}
		theirs := forward(sender)
		if !same(theirs, mine.String()) {
			t.Errorf("%s: we write %s, they write %s", sender, mine, theirs)
		}
		their, err := mail.ParseAddress(theirs)
		if err != nil {
			t.Fatalf("%s: %q: %v", sender, theirs, err)
		}
		back, err := s.Reverse(their.Local, day)
		if err != nil || !same(back.String(), reverse(mine.String())) {
			t.Errorf("%s: we read %v, %v, they read %s", sender, back, err, reverse(mine.String()))
		}
	}
	forged := strings.Replace(forward("ann@example.org"), "=ann@", "=eve@", 1)
	if got := reverse(forged); got != "" {
		t.Errorf("they read a forged address as %s", got)
	}
	local, _, _ := strings.Cut(forged, "@")
	if a, err := s.Reverse(local, day); err == nil {
		t.Errorf("we read a forged address as %s", a)
	}
}

// Mail::SRS is the first implementation of the scheme.
func TestMailSRS(t *testing.T) {
	peer.NeedPerl(t, "Mail::SRS")
	for _, sep := range []byte("=+-") {
		run := func(code, arg string) string {
			script := fmt.Sprintf(`use Mail::SRS; my $s = Mail::SRS->new(Secret => $ARGV[0], Separator => "%c", MaxAge => 21);
				my $r = eval { %s }; print defined $r ? $r : "";`, sep, code)
			out, err := exec.Command("perl", "-e", script, secret, arg).Output()
			if err != nil {
				t.Fatalf("perl: %v", err)
			}
			return string(out)
		}
		check(t, sep,
			func(a string) string { return run(`$s->forward($ARGV[1], "srs.example")`, a) },
			func(a string) string { return run(`scalar $s->reverse($ARGV[1])`, a) })
	}
}

// postsrsd answers over the protocol of tcp_table(5).
func TestPostsrsd(t *testing.T) {
	peer.Need(t, "postsrsd")
	for _, sep := range []byte("=+-") {
		dir := peer.Dir(t)
		key := peer.Write(t, dir, "secret", secret+"\n")
		forward, reverse := peer.FreePort(t), peer.FreePort(t)
		cmd := exec.Command("postsrsd", "-4", "-a"+string(sep), "-s"+key, "-dsrs.example", "-l127.0.0.1", "-f"+peer.Port(forward), "-r"+peer.Port(reverse))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		check(t, sep,
			func(a string) string { return get(t, forward, a) },
			func(a string) string { return get(t, reverse, a) })
	}
}

// get asks a tcp table for a key; "" when it has none.
func get(t *testing.T, at, key string) string {
	t.Helper()
	var conn net.Conn
	var err error
	for range 100 {
		if conn, err = net.Dial("tcp", at); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(conn, "get %s\n", strings.NewReplacer("%", "%25", " ", "%20", "+", "%2B").Replace(key))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	code, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	if code != "200" {
		return ""
	}
	return strings.NewReplacer("%25", "%", "%20", " ", "%2B", "+", "%2b", "+", "%3D", "=").Replace(value)
}
