package interop

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// postsrsd answers over the protocol of tcp_table(5), in both directions.
type postsrsd struct{ forward, reverse string }

// startPostsrsd starts Debian's postsrsd for a domain, with a secret.
func startPostsrsd(t *testing.T, domain, secret string) postsrsd {
	t.Helper()
	peer.Need(t, "postsrsd")
	p := postsrsd{peer.FreePort(t), peer.FreePort(t)}
	dir := peer.Dir(t)
	key := peer.Write(t, dir, "secret", secret+"\n")
	peer.Start(t, dir, "postsrsd", "-4", "-a=", "-s"+key, "-d"+domain, "-l127.0.0.1", "-f"+peer.Port(p.forward), "-r"+peer.Port(p.reverse))
	for _, addr := range []string{p.forward, p.reverse} {
		peer.WaitFor(t, 10*time.Second, func() error { return peer.Accepts(addr) })
	}
	return p
}

// ask gives what postsrsd makes of an address, "" when that is nothing.
func (p postsrsd) ask(t *testing.T, at, address string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", at, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(conn, "get %s\n", address)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	code, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	if code != "200" {
		return ""
	}
	return value
}

// forwarder is postroad with an alias that leads out, a file of secrets, and the
// host at which all that leaves arrives.
type forwarder struct {
	*peer.Postroad
	dir, smtp string
	out       *lab.Receiver
}

func startForwarder(t *testing.T, secrets string) *forwarder {
	t.Helper()
	f := &forwarder{dir: peer.Dir(t), smtp: peer.FreePort(t)}
	var err error
	if f.out, err = lab.Listen(lab.Config{Name: "out.test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.out.Close() })
	f.secrets(t, secrets)
	f.Postroad = peer.StartPostroad(t, f.dir, fmt.Sprintf(`
hostname = "edge.test"
data = %q
listener "in" {
  bind = [%q]
}
domain "fwd.test" {
  aliases = { "ann" = "ann@away.test", "gone" = "gone@away.test" }
}
srs "default" {
  domain = "srs.test"
  secret = file("srs.key")
}
transport "smtp" "out" {
  to = [%q]
}
route "default" {
  via = transport.out
}
`, filepath.Join(f.dir, "data"), f.smtp, f.out.Addr), f.smtp)
	return f
}

func (f *forwarder) secrets(t *testing.T, lines ...string) {
	t.Helper()
	peer.Write(t, f.dir, "srs.key", strings.Join(lines, "\n")+"\n")
}

func (f *forwarder) reload(t *testing.T) {
	t.Helper()
	peer.Run(t, f.Bin, "reload", "-c", f.Config)
}

// forwards sends mail to the alias and gives the sender under which it left.
func (f *forwarder) forwards(t *testing.T, from string) string {
	t.Helper()
	f.out.Forget()
	r, err := lab.Send(f.smtp, from, []string{"ann@fwd.test"}, []byte("Subject: x\r\n\r\nx\r\n"))
	if err != nil || !r.Accepted() {
		t.Fatalf("%v %v", err, r.Refusal())
	}
	got, err := f.out.WaitMessages(1, 15*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return got[0].Sender
}

// reports sends a report to an address and gives to whom it went, or the code of
// the refusal.
func (f *forwarder) reports(t *testing.T, from, to string) string {
	t.Helper()
	f.out.Forget()
	r, err := lab.Send(f.smtp, from, []string{to}, []byte("Subject: not delivered\r\n\r\nx\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Accepted() {
		return fmt.Sprint(r.Refusal().Code)
	}
	got, err := f.out.WaitMessages(1, 15*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return got[0].To()[0]
}

// What we write postsrsd reads, what it writes we read at RCPT, for senders of the
// first hop (SRS0) and of others (SRS1).
func TestSRSAgainstPostsrsd(t *testing.T) {
	t.Parallel()
	oracle := startPostsrsd(t, "srs.test", "the first secret")
	f := startForwarder(t, "the first secret")
	for _, from := range []string{
		"s@far.test", "a=b-c@sub.far.test",
		"SRS0=AbCd=XY=first.test=ann@other.test", "SRS1=AbCd=first.test==WxYz=XY=a.test=ann@second.test",
	} {
		ours := f.forwards(t, from)
		theirs := oracle.ask(t, oracle.forward, from)
		if !strings.EqualFold(ours, theirs) {
			t.Errorf("%s leaves as %s, with postsrsd as %s", from, ours, theirs)
		}
		back := oracle.ask(t, oracle.reverse, ours)
		if got := f.reports(t, "", theirs); back == "" || !strings.EqualFold(got, back) {
			t.Errorf("a report to %s goes to %q, with postsrsd to %q", theirs, got, back)
		}
		if got := f.reports(t, "x@y.test", ours); got != "550" && got != "554" {
			t.Errorf("%s takes other mail than reports: %s", ours, got)
		}
	}
	ours := f.forwards(t, "s@far.test")
	forged := strings.Replace(ours, "=s@", "=eve@", 1)
	if got := f.reports(t, "", forged); got != "550" || forged == ours {
		t.Errorf("a report to a forged address goes to %s", got)
	}
	if got := f.forwards(t, ""); got != "" {
		t.Errorf("a report leaves under %s", got)
	}
}

// A new secret signs at once; what the old one signed is good as long as it stands
// in the file.
func TestSRSSecretsTakeTurns(t *testing.T) {
	t.Parallel()
	first, second := startPostsrsd(t, "srs.test", "the first secret"), startPostsrsd(t, "srs.test", "the second secret")
	f := startForwarder(t, "the first secret")
	old := f.forwards(t, "s@far.test")
	f.secrets(t, "the second secret", "the first secret")
	f.reload(t)
	fresh := f.forwards(t, "s@far.test")
	if first.ask(t, first.reverse, fresh) != "" || second.ask(t, second.reverse, fresh) != "s@far.test" {
		t.Errorf("%s is not signed with the new secret", fresh)
	}
	for _, to := range []string{old, fresh, first.ask(t, first.forward, "s@far.test")} {
		if got := f.reports(t, "", to); got != "s@far.test" {
			t.Errorf("beside the new secret a report to %s goes to %s", to, got)
		}
	}
	f.secrets(t, "the second secret")
	f.reload(t)
	if got := f.reports(t, "", old); got != "550" {
		t.Errorf("without the old secret a report to %s goes to %s", old, got)
	}
	if got := f.reports(t, "", fresh); got != "s@far.test" {
		t.Errorf("a report to %s goes to %s", fresh, got)
	}
}

// Postfix with postsrsd forwards to us, we forward on, and the last host knows
// nobody: the report goes back by both forwarders to who wrote.
func TestReportGoesBackThroughTwoForwarders(t *testing.T) {
	t.Parallel()
	f := startForwarder(t, "our secret")
	theirs := startPostsrsd(t, "pfsrs.test", "their secret")
	pf := peer.StartPostfix(t, "myhostname = pf.test\n"+
		"virtual_alias_domains = pf.test\nvirtual_alias_maps = inline:{ ann@pf.test=gone@fwd.test }\n"+
		"sender_canonical_maps = tcp:"+theirs.forward+"\nsender_canonical_classes = envelope_sender\n"+
		"recipient_canonical_maps = tcp:"+theirs.reverse+"\nrecipient_canonical_classes = envelope_recipient\n"+
		"default_transport = smtp:["+"127.0.0.1]:"+peer.Port(f.out.Addr)+"\n"+
		"transport_maps = inline:{ fwd.test=smtp:[127.0.0.1]:"+peer.Port(f.smtp)+" }\n")
	f.out.On(lab.Rule{At: lab.Rcpt, Match: "@away.test", Reply: "550 5.1.1 unknown"})
	if r, err := lab.Send(pf.Addr, "s@far.test", []string{"ann@pf.test"}, []byte("From: s@far.test\r\nTo: ann@pf.test\r\nSubject: x\r\n\r\nx\r\n")); err != nil || !r.Accepted() {
		t.Fatalf("%v %v", err, r.Refusal())
	}
	// Our own report goes to the sender that Postfix gave us.
	got, err := f.out.WaitMessages(1, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	to := got[0].To()[0]
	if !strings.HasPrefix(to, "SRS0=") || !strings.HasSuffix(to, "=far.test=s@pfsrs.test") || got[0].Sender != "" {
		t.Fatalf("our report is from <%s> to %s", got[0].Sender, to)
	}
	f.out.Forget()
	if r, err := lab.Send(pf.Addr, "", []string{to}, got[0].Data); err != nil || !r.Accepted() {
		t.Fatalf("%v %v", err, r.Refusal())
	}
	if got, err = f.out.WaitMessages(1, 30*time.Second); err != nil || got[0].To()[0] != "s@far.test" || got[0].Sender != "" {
		t.Errorf("the report ends at %v, %v", got, err)
	}
}
