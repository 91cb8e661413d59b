package interop

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/postroad/postroad/test/peer"
)

func TestMain(m *testing.M) {
	// Tests that run side by side wait for other programs most of the time.
	flag.Set("test.parallel", "6")
	peer.Main(m)
}

// head is the beginning of every configuration here.
func head(dir, bind string) string {
	return fmt.Sprintf("hostname = \"edge.test\"\ndata = %q\nlistener \"in\" {\n  bind = [%q]\n}\nrelay \"here\" {\n  client = [\"127.0.0.0/8\"]\n}\n",
		filepath.Join(dir, "data"), bind)
}

// mailboxFiles gives what Postfix's virtual(8) wrote for pf.test users.
func mailboxFiles(p *peer.Postfix, user string) []string {
	files, _ := filepath.Glob(filepath.Join(p.Dir, "spool", user, "new", "*"))
	return files
}

// receivingPostfix keeps mail for pf.test in Maildirs of Postfix's own.
func receivingPostfix(t *testing.T, extra string) *peer.Postfix {
	t.Helper()
	p := peer.StartPostfix(t, "myhostname = pf.test\nvirtual_mailbox_domains = pf.test\nvirtual_mailbox_base = $mail_spool_directory\n"+
		"virtual_mailbox_maps = inline:{ ann@pf.test=ann/, bob@pf.test=bob/ }\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n"+extra)
	if err := os.Chmod(filepath.Join(p.Dir, "spool"), 0o777); err != nil {
		t.Fatal(err)
	}
	return p
}

func readOne(t *testing.T, files []string) string {
	t.Helper()
	if len(files) != 1 {
		t.Fatalf("%d messages, want 1: %v", len(files), files)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func waitFiles(t *testing.T, n int, list func() []string) {
	t.Helper()
	peer.WaitFor(t, 20*time.Second, func() error {
		if got := len(list()); got < n {
			return fmt.Errorf("%d messages, want %d", got, n)
		}
		return nil
	})
}

func TestSwaksThroughUsToPostfix(t *testing.T) {
	peer.Need(t, "swaks")
	pf := receivingPostfix(t, "")
	dir, bind := peer.Dir(t), peer.FreePort(t)
	peer.StartPostroad(t, dir, head(dir, bind)+fmt.Sprintf(`
transport "smtp" "pf" {
  to = [%q]
}
route "default" {
  via = transport.pf
}
`, pf.Addr), bind)
	out := peer.Run(t, "swaks", "--server", bind, "--from", "s@far.test", "--to", "ann@pf.test,bob@pf.test",
		"--header", "X-Case: swaks", "--body", "a line\n.\n..two dots\nend")
	if !strings.Contains(out, "queued as") {
		t.Errorf("swaks saw no queue id:\n%s", out)
	}
	waitFiles(t, 1, func() []string { return mailboxFiles(pf, "ann") })
	waitFiles(t, 1, func() []string { return mailboxFiles(pf, "bob") })
	msg := readOne(t, mailboxFiles(pf, "ann"))
	for _, want := range []string{"Return-Path: <s@far.test>", "by edge.test", "X-Case: swaks", "\n.\n..two dots\nend\n"} {
		if !strings.Contains(msg, want) {
			t.Errorf("the message lacks %q:\n%s", want, msg)
		}
	}
}

func TestSwaksSubmitsWithTLSAndLogin(t *testing.T) {
	peer.Need(t, "swaks")
	pf := receivingPostfix(t, "")
	dir, bind, subm := peer.Dir(t), peer.FreePort(t), peer.FreePort(t)
	_, certificate := peer.Certificates(t, dir)
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	peer.Write(t, dir, "staff.passwd", "ann:"+string(hash)+"\n")
	peer.StartPostroad(t, dir, fmt.Sprintf(`
hostname = "edge.test"
data = %q
listener "in" {
  bind = [%q]
}
listener "submission" {
  bind = [%q]
  tls = "require"
  certificate = %q
  login = [directory.staff]
}
directory "file" "staff" {
  path = "staff.passwd"
  owns = table.owners
}
table "inline" "owners" {
  entries = { "ann@ours.test" = "ann" }
}
relay "staff" {
  login = [directory.staff]
}
transport "smtp" "pf" {
  to = [%q]
}
route "default" {
  via = transport.pf
}
`, filepath.Join(dir, "data"), bind, subm, certificate, pf.Addr), bind)
	for _, mech := range []string{"PLAIN", "LOGIN"} {
		peer.Run(t, "swaks", "--server", subm, "--tls", "--auth", mech, "--auth-user", "ann", "--auth-password", "secret",
			"--from", "ann@ours.test", "--to", "ann@pf.test")
	}
	waitFiles(t, 2, func() []string { return mailboxFiles(pf, "ann") })
	refused(t, "530", "--server", subm, "--tls", "--from", "ann@ours.test", "--to", "ann@pf.test")
	refused(t, "535", "--server", subm, "--tls", "--auth", "PLAIN", "--auth-user", "ann", "--auth-password", "wrong", "--from", "ann@ours.test", "--to", "ann@pf.test")
	refused(t, "553", "--server", subm, "--tls", "--auth", "PLAIN", "--auth-user", "ann", "--auth-password", "secret", "--from", "boss@ours.test", "--to", "ann@pf.test")
	refused(t, "554", "--server", bind, "--from", "ann@ours.test", "--to", "ann@pf.test")
	if n := len(mailboxFiles(pf, "ann")); n != 2 {
		t.Errorf("%d messages arrived, want 2", n)
	}
}

// refused runs swaks, which must fail with a reply of that code.
func refused(t *testing.T, code string, args ...string) {
	t.Helper()
	out := runFailing(t, "swaks", args...)
	if !strings.Contains(out, "<** "+code) && !strings.Contains(out, "<~* "+code) {
		t.Errorf("swaks %v: no refusal with %s:\n%s", args, code, out)
	}
}

func TestSmtplibToDovecot(t *testing.T) {
	peer.Need(t, "python3")
	store := peer.StartDovecot(t, "ann@store.test", "bob@store.test")
	dir, bind := peer.Dir(t), peer.FreePort(t)
	peer.StartPostroad(t, dir, head(dir, bind)+storeDomain(store.Addr), bind)
	script := peer.Write(t, dir, "send.py", `
import smtplib, sys
host, port = sys.argv[1].split(":")
s = smtplib.SMTP(host, int(port))
refused = s.sendmail("s@far.test", ["sales@store.test", "ann@store.test", "nobody@store.test"],
    "Subject: smtplib\r\n\r\nGr\u00fc\u00dfe\r\n.dot\r\n".encode(), mail_options=["BODY=8BITMIME"], rcpt_options=["NOTIFY=FAILURE"])
assert list(refused) == ["nobody@store.test"], refused
assert refused["nobody@store.test"][0] == 550, refused
s.quit()
`)
	peer.Run(t, "python3", script, bind)
	waitFiles(t, 2, func() []string { return store.Mail(t, "ann@store.test") })
	waitFiles(t, 1, func() []string { return store.Mail(t, "bob@store.test") })
	msg := store.Mail(t, "bob@store.test")[0]
	for _, want := range []string{"Return-Path: <s@far.test>", "Delivered-To: sales@store.test", "X-Original-To: sales@store.test", "Grüße\n.dot\n"} {
		if !strings.Contains(strings.ReplaceAll(msg, "\r\n", "\n"), want) {
			t.Errorf("the message lacks %q:\n%s", want, msg)
		}
	}
}

func storeDomain(lmtp string) string {
	return fmt.Sprintf(`
domain "store.test" {
  mailboxes = ["ann", "bob", "ghost"]
  aliases   = { "sales" = ["ann", "bob"] }
  deliver   = transport.store
}
transport "lmtp" "store" {
  to = [%q]
}
`, lmtp)
}

func TestUnknownAtTheStoreBouncesThroughPostfix(t *testing.T) {
	peer.Need(t, "swaks")
	store := peer.StartDovecot(t, "ann@store.test")
	pf := receivingPostfix(t, "")
	dir, bind := peer.Dir(t), peer.FreePort(t)
	peer.StartPostroad(t, dir, head(dir, bind)+storeDomain(store.Addr)+fmt.Sprintf(`
transport "smtp" "pf" {
  to = [%q]
}
route "default" {
  via = transport.pf
}
`, pf.Addr), bind)
	peer.Run(t, "swaks", "--server", bind, "--from", "bob@pf.test", "--to", "ghost@store.test,ann@store.test")
	waitFiles(t, 1, func() []string { return store.Mail(t, "ann@store.test") })
	waitFiles(t, 1, func() []string { return mailboxFiles(pf, "bob") })
	dsn := readOne(t, mailboxFiles(pf, "bob"))
	for _, want := range []string{"Return-Path: <>", "report-type=delivery-status", "Final-Recipient: rfc822; ghost@store.test", "Action: failed", "Diagnostic-Code: smtp; 550"} {
		if !strings.Contains(dsn, want) {
			t.Errorf("the DSN lacks %q:\n%s", want, dsn)
		}
	}
	if strings.Contains(dsn, "Final-Recipient: rfc822; ann@store.test") {
		t.Error("the DSN tells of a recipient that was delivered")
	}
}

func TestPostfixRelaysThroughUs(t *testing.T) {
	peer.Need(t, "swaks")
	store := peer.StartDovecot(t, "ann@store.test", "bob@store.test")
	dir, bind := peer.Dir(t), peer.FreePort(t)
	peer.StartPostroad(t, dir, head(dir, bind)+storeDomain(store.Addr), bind)
	pf := peer.StartPostfix(t, "myhostname = inner.test\nrelayhost = ["+"127.0.0.1]:"+peer.Port(bind)+"\n")
	for range 5 {
		peer.Run(t, "swaks", "--server", pf.Addr, "--from", "s@far.test", "--to", "ann@store.test,bob@store.test")
	}
	waitFiles(t, 5, func() []string { return store.Mail(t, "ann@store.test") })
	waitFiles(t, 5, func() []string { return store.Mail(t, "bob@store.test") })
}

func TestWeRelayThroughPostfix(t *testing.T) {
	peer.Need(t, "swaks")
	store := peer.StartDovecot(t, "ann@store.test")
	pf := peer.StartPostfix(t, "myhostname = hub.test\ntransport_maps = inline:{ store.test=lmtp:inet:"+store.Addr+" }\nrelay_domains = store.test\n")
	dir, bind := peer.Dir(t), peer.FreePort(t)
	peer.StartPostroad(t, dir, head(dir, bind)+fmt.Sprintf(`
transport "smtp" "hub" {
  to = ["127.0.0.1:1", %q]
}
route "default" {
  via = transport.hub
}
`, pf.Addr), bind)
	peer.Run(t, "swaks", "--server", bind, "--from", "s@far.test", "--to", "ann@store.test")
	waitFiles(t, 1, func() []string { return store.Mail(t, "ann@store.test") })
	if msg := store.Mail(t, "ann@store.test")[0]; strings.Count(msg, "Received: ") < 3 {
		t.Errorf("the way is not in the trace fields:\n%s", msg)
	}
}
