package peer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Postfix is a running instance in a folder of its own.
type Postfix struct {
	Dir  string
	Addr string // 127.0.0.1:port of its smtpd
	t    *testing.T
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/lib
mail_spool_directory = %[1]s/spool
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
alias_maps =
alias_database =
mydestination =
mynetworks = 127.0.0.0/8
smtp_host_lookup = native
disable_dns_lookups = yes
`

// StartPostfix starts Debian's Postfix with these lines added to a main.cf that
// knows no destination of its own.
func StartPostfix(t *testing.T, main string) *Postfix {
	t.Helper()
	Need(t, "postfix", "postmap")
	p := &Postfix{Dir: Dir(t), Addr: FreePort(t), t: t}
	for _, d := range []string{"queue", "lib", "spool"} {
		if err := os.Mkdir(filepath.Join(p.Dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	Run(t, "chown", "postfix", filepath.Join(p.Dir, "lib"))
	Write(t, p.Dir, "etc/main.cf", oneEach(fmt.Sprintf(postfixMain, p.Dir)+main))
	Write(t, p.Dir, "etc/master.cf", postfixMaster(t, p.Addr))
	p.Start()
	t.Cleanup(func() {
		p.Thaw()
		p.stop()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(p.Dir, "log"))
			t.Logf("postfix:\n%s", tail(string(log), 6000))
		}
	})
	return p
}

func (p *Postfix) conf() string { return filepath.Join(p.Dir, "etc") }

// Start starts it, after End too, and waits until it greets.
func (p *Postfix) Start() {
	p.t.Helper()
	Run(p.t, "postfix", "-c", p.conf(), "start")
	WaitFor(p.t, 20*time.Second, func() error { return Greets(p.Addr) })
}

// stop is for the end of a test, which a Postfix that hangs must not stop.
func (p *Postfix) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := exec.CommandContext(ctx, "postfix", "-c", p.conf(), "stop").Run(); ctx.Err() != nil {
		p.t.Errorf("postfix stop: %v", err)
		p.signal(syscall.SIGKILL)
	}
}

// End ends it and waits until it is gone: connections are refused then.
func (p *Postfix) End() {
	p.t.Helper()
	Run(p.t, "postfix", "-c", p.conf(), "stop")
	WaitFor(p.t, 20*time.Second, func() error {
		if Accepts(p.Addr) == nil {
			return errors.New("it still takes connections")
		}
		return nil
	})
}

// Freeze stops all its programs by SIGSTOP: connections are made, and nobody
// speaks.
func (p *Postfix) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw lets them go on.
func (p *Postfix) Thaw() { p.signal(syscall.SIGCONT) }

func (p *Postfix) signal(s syscall.Signal) {
	text, _ := os.ReadFile(filepath.Join(p.Dir, "queue", "pid", "master.pid"))
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		signalAll(p.t, pid, s)
	}
}

// postfixMaster is the packaged master.cf with its smtpd on addr and no chroot.
func postfixMaster(t *testing.T, addr string) string {
	t.Helper()
	b, err := os.ReadFile("/usr/share/postfix/master.cf.dist")
	if err != nil {
		t.Fatal(err)
	}
	const smtpd = "\nsmtp      inet  n       -       y       -       -       smtpd"
	if !strings.Contains(string(b), smtpd) {
		t.Fatal("master.cf.dist has another form than expected")
	}
	text := strings.Replace(string(b), smtpd, "\n"+addr+" inet n - n - - smtpd", 1)
	text = strings.ReplaceAll(text, " y       -       ", " n       -       ")
	return text + "\npostlog unix-dgram n - n - 1 postlogd\n"
}
