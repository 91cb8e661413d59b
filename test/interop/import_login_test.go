package interop

import (
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/importer/postfix"
	"github.com/postroad/postroad/test/peer"
)

// loginMain is a host whose users stand with Dovecot, and who owns which sender.
const loginMain = `myhostname = mail.login.test
mydestination = login.test
local_recipient_maps = inline:{ ann=x, bob=x }
mailbox_transport = discard:
default_transport = discard:
mynetworks = 127.0.0.8/32
smtpd_error_sleep_time = 0
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:%s
smtpd_sender_login_maps = %s
smtpd_sender_restrictions = %s
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
`

// What is imported lets the same logins in as Postfix does, with Dovecot behind
// both, and lets them use the same senders for the same recipients.
func TestImportedLoginsAreLetInAlike(t *testing.T) {
	d := peer.StartDovecot(t, "ann", "bob")
	for name, c := range map[string]struct{ owners, restriction string }{
		"owners":     {"inline:{ {ann@login.test = ann}, {sales@login.test = ann, bob}, {@brand.test = bob} }", "reject_sender_login_mismatch"},
		"themselves": {"inline:{ ann@login.test=ann, bob@login.test=bob }", "reject_authenticated_sender_login_mismatch"},
		"anybody":    {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			main := fmt.Sprintf(loginMain, d.Auth, c.owners, c.restriction)
			theirs, ours := peer.StartPostfix(t, main).Addr, serveImported(t, main)
			alike := func(login, sender, recipient string) {
				t.Helper()
				want, got := submits(t, theirs, nil, login, sender, recipient), submits(t, ours, &tls.Config{InsecureSkipVerify: true}, login, sender, recipient)
				if got != want {
					t.Errorf("%q from <%s> to <%s>: %s, Postfix says %s", login, sender, recipient, got, want)
				}
			}
			if c.owners == "" { // once: both are slow to say no
				alike("ann wrong", "", "ann@login.test")
				alike("nobody x", "", "ann@login.test")
			}
			for _, login := range []string{"", "ann x", "bob x"} {
				for _, sender := range []string{"", "ann@login.test", "ann+tag@login.test", "sales@login.test", "bob@login.test", "x@brand.test", "x@far.test"} {
					for _, recipient := range []string{"ann@login.test", "nobody@login.test", "x@far.test"} {
						alike(login, sender, recipient)
					}
				}
			}
		})
	}
}

// serveImported imports main.cf with one door under TLS and serves what comes of it.
func serveImported(t *testing.T, main string) string {
	t.Helper()
	dir, door := peer.Dir(t), peer.FreePort(t)
	_, certificate := peer.Certificates(t, dir)
	peer.Write(t, dir, "etc/main.cf", main+"smtpd_tls_chain_files = "+certificate+"\nalias_maps =\n")
	peer.Write(t, dir, "etc/master.cf", door+" inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n")
	in, err := postfix.Read(filepath.Join(dir, "etc"), postfix.Options{Hostname: "mail.login.test"})
	if err != nil {
		t.Fatal(err)
	}
	r := postfix.Import(in)
	r.Config = strings.Replace(r.Config, "/var/lib/postroad", filepath.Join(dir, "data"), 1)
	out := filepath.Join(dir, "out")
	if err := r.Write(out); err != nil {
		t.Fatal(err)
	}
	peer.Start(t, dir, peer.Binary(t), "serve", "-c", out)
	peer.WaitFor(t, 15*time.Second, func() error { return peer.Accepts(door) })
	return door
}

// submits tells what becomes of a recipient: accept, reject or defer, or of the
// login before it.
func submits(t *testing.T, door string, secure *tls.Config, login, sender, recipient string) string {
	t.Helper()
	var conn net.Conn
	var err error
	client := from(byte(10 + len(login))) // Dovecot lets an address wait that failed
	if secure == nil {
		conn, err = client.Dial("tcp", door)
	} else {
		conn, err = tls.DialWithDialer(client, "tcp", door, secure)
	}
	if err != nil {
		t.Fatal(err)
	}
	name, password, _ := strings.Cut(login, " ")
	text, code, err := enter(conn, name, password)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	for _, line := range []string{"MAIL FROM:<" + sender + ">", "RCPT TO:<" + recipient + ">"} {
		if code/100 == 2 {
			if code, err = say(text, line); err != nil {
				t.Fatal(err)
			}
		}
	}
	return map[int]string{2: "accept", 4: "defer", 5: "reject"}[code/100]
}
