package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Dovecot is a running LMTP store.
type Dovecot struct {
	*Process
	Dir  string
	Addr string // LMTP
	Auth string // the auth service, by its client protocol
}

const dovecotConf = `base_dir = %[1]s/run
log_path = %[1]s/log
info_log_path = %[1]s/log
protocols = lmtp
ssl = no
mail_location = maildir:%[1]s/mail/%%d/%%n
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
listen = 127.0.0.1
passdb {
  driver = passwd-file
  args = %[1]s/users
}
userdb {
  driver = passwd-file
  args = %[1]s/users
  default_fields = home=%[1]s/mail/%%d/%%n
}
service lmtp {
  user = nobody
  inet_listener lmtp {
    address = 127.0.0.1
    port = %[2]s
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = %[3]s
  }
}
auth_failure_delay = 0
disable_plaintext_auth = no
service anvil {
  chroot =
}
service stats {
  chroot =
}
protocol lmtp {
  postmaster_address = postmaster@store.test
}
`

// StartDovecot starts Debian's Dovecot with LMTP for the given addresses; each
// has a Maildir.
func StartDovecot(t *testing.T, users ...string) *Dovecot {
	t.Helper()
	Need(t, "dovecot")
	d := &Dovecot{Dir: Dir(t), Addr: FreePort(t), Auth: FreePort(t)}
	for _, sub := range []string{"run", "mail"} {
		if err := os.MkdirAll(filepath.Join(d.Dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	Run(t, "chown", "nobody:nogroup", filepath.Join(d.Dir, "mail"))
	passwd := ""
	for _, u := range users {
		passwd += u + ":{PLAIN}x::::::\n"
	}
	Write(t, d.Dir, "users", passwd)
	conf := Write(t, d.Dir, "dovecot.conf", fmt.Sprintf(dovecotConf, d.Dir, Port(d.Addr), Port(d.Auth)))
	d.Process = StartProcess(t, Program{Dir: d.Dir, End: syscall.SIGTERM, Args: []string{"dovecot", "-F", "-c", conf}})
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(d.Dir, "log"))
			t.Logf("dovecot:\n%s", tail(string(log), 4000))
		}
	})
	WaitFor(t, 15*time.Second, func() error { return Greets(d.Addr) })
	return d
}

// Mail gives the messages of an address.
func (d *Dovecot) Mail(t *testing.T, address string) []string {
	t.Helper()
	local, domain, _ := strings.Cut(address, "@")
	files, err := filepath.Glob(filepath.Join(d.Dir, "mail", domain, local, "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}
