package interop

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// We are the third of four; the two before us come and go.
const backupZone = `$ORIGIN backup.test.
$TTL 60
@   SOA ns hm 1 60 60 60 60
@   NS ns
ns  A 127.0.0.1
@   MX 40 worse
@   MX 10 best
@   MX 30 us
@   MX 20 better
best   A %s
better A %s
us     A %s
worse  A %s
`

// backup is postroad as a backup MX, and the hosts beside it.
type backup struct {
	t                       *testing.T
	lab                     *lab.Lab
	best, better, us, worse string // addresses
	last                    *lab.Receiver
	server                  *peer.Postroad
}

func startBackup(t *testing.T) *backup {
	t.Helper()
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b := &backup{t: t, lab: l}
	var hosts []any
	for _, addr := range []*string{&b.best, &b.better, &b.us, &b.worse} {
		host, err := l.Hosts.Next()
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, host)
		*addr = net.JoinHostPort(host.String(), strconv.Itoa(l.Port))
	}
	b.last = b.up(b.worse)
	resolver := peer.StartUnbound(t, peer.StartKnot(t, map[string]string{"backup.test": fmt.Sprintf(backupZone, hosts...)}), "backup.test")
	dir := peer.Dir(t)
	b.server = peer.StartPostroad(t, dir, head(dir, b.us)+fmt.Sprintf(`
resolver "default" {
  servers = [%q]
}
transport "mx" "internet" {
  port    = %d
  private = true
  reuse   = false
  retry   = retry.soon
}
retry "soon" {
  after = ["1s"]
  then  = "1s"
}
domain "backup.test" {
  mailboxes = "ask"
  deliver   = transport.internet
  ask {
    timeout       = "2s"
    known_refresh = "1s"
  }
}
`, resolver, l.Port), b.us)
	return b
}

// up starts one of the hosts. It knows everybody but ghosts.
func (b *backup) up(addr string) *lab.Receiver {
	b.t.Helper()
	var r *lab.Receiver
	peer.WaitFor(b.t, 5*time.Second, func() (err error) {
		r, err = b.lab.Start(lab.Config{Name: "mx.backup.test", Addr: addr})
		return err
	})
	for _, name := range []string{"ghost", "wraith"} {
		r.On(lab.Rule{At: lab.Rcpt, Match: name + "@backup.test", Reply: "550 5.1.1 unknown"})
	}
	return r
}

func (b *backup) send(name string) {
	b.t.Helper()
	r, err := lab.Send(b.us, "s@far.test", []string{name + "@backup.test"}, []byte("Subject: "+name+"\r\n\r\nx\r\n"))
	if err != nil || !r.Accepted() {
		b.t.Fatalf("%s is not taken: %v %v", name, err, r.Refusal())
	}
}

// arrives waits for one message at a host, for this name, that went by us once.
func (b *backup) arrives(r *lab.Receiver, name string) {
	b.t.Helper()
	got, err := r.WaitMessages(1, 20*time.Second)
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	if len(got) != 1 || got[0].To()[0] != name+"@backup.test" {
		b.t.Fatalf("%d messages, the first for %v; want one for %s", len(got), got[0].To(), name)
	}
	if n := bytes.Count(got[0].Data, []byte("\nReceived:")); n != 1 {
		b.t.Errorf("%s has %d Received fields: it came by us more than once\n%s", name, n, got[0].Data)
	}
	r.Forget()
}

// retry has the queue tried now: hosts that did not answer for a while are left
// alone by it too.
func (b *backup) retry() {
	b.t.Helper()
	peer.Run(b.t, b.server.Bin, "queue", "retry", "-c", b.server.Config, "--all")
}

// refuses waits until a name is refused: the hosts are left alone for a while
// when they did not answer.
func (b *backup) refuses(name string) {
	b.t.Helper()
	peer.WaitFor(b.t, 20*time.Second, func() error {
		if got := rcpt(b.t, b.us, "backup.test", name)[0]; got != 550 {
			return fmt.Errorf("%s got %d, want 550", name, got)
		}
		return nil
	})
}

// A backup MX takes mail while no better one answers, keeps it, gives it to the
// best of those that come back, and asks them who is there as soon as they do.
func TestBackupMXOverKnotAndUnbound(t *testing.T) {
	t.Parallel()
	b := startBackup(t)
	if got := rcpt(t, b.us, "backup.test", "ann", "ghost"); got[0] != 250 || got[1] != 250 {
		t.Fatalf("with the better hosts down: %v", got)
	}
	b.send("ann")
	time.Sleep(1500 * time.Millisecond) // some attempts
	better := b.up(b.better)
	b.retry()
	b.arrives(better, "ann")
	b.refuses("ghost")

	best := b.up(b.best)
	b.send("bob")
	b.arrives(best, "bob")
	b.refuses("wraith")
	asked := best.Connections()
	if got := rcpt(t, b.us, "backup.test", "cara"); got[0] != 250 || best.Connections() == asked {
		t.Errorf("cara got %d, and the best host was asked %d times, then %d", got[0], asked, best.Connections())
	}

	// Hosts that take connections and say nothing are away too, in time.
	for _, r := range []*lab.Receiver{best, better} {
		r.On(lab.Rule{At: lab.Greeting, Delay: time.Hour})
	}
	begun := time.Now()
	if got := rcpt(t, b.us, "backup.test", "dora", "emil"); got[0] != 250 || got[1] != 250 {
		t.Errorf("with the better hosts silent: %v", got)
	}
	t.Logf("with two silent hosts a client waited %v for two recipients", time.Since(begun).Round(time.Millisecond))
	if n := b.last.Connections(); n != 0 {
		t.Errorf("%d connections to the worse host", n)
	}
	if len(better.Messages()) != 0 {
		t.Errorf("%d messages went to the second best while the best was up", len(better.Messages()))
	}
}
