package crash

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

func TestMain(m *testing.M) {
	code := m.Run()
	peer.RemoveBinary()
	os.Exit(code)
}

// original takes the trace fields off that the server put in front.
func original(data []byte) (id string, body []byte) {
	i := bytes.Index(data, []byte("From: <s@src.test>\r\n"))
	if i < 0 {
		return "", data
	}
	_, rest, _ := bytes.Cut(data[i:], []byte("X-Ledger-Id: "))
	line, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return string(line), data[i:]
}

// round counts of the short slice and of the campaign.
func rounds() (n, sessions int) {
	if os.Getenv("POSTROAD_CRASH") == "all" {
		return 200, 200
	}
	if testing.Short() {
		return 2, 10
	}
	return 8, 40
}

const config = `
hostname = "crash.test"
data     = %q
listener "in" {
  bind = [%q]
}
relay "in" {
  client = ["127.0.0.0/8"]
}
transport "smtp" "sink" {
  to    = [%q]
  retry = retry.soon
}
retry "soon" {
  after   = ["1s"]
  then    = "1s"
  give_up = "5d"
}
route "default" {
  via = transport.sink
}
log {
  level = "warn"
}
`

func TestKillUnderLoad(t *testing.T) {
	n, sessions := rounds()
	sink, err := lab.Listen(lab.Config{Name: "sink.test", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	dir, bind := peer.Dir(t), peer.FreePort(t)
	text := fmt.Sprintf(config, filepath.Join(dir, "data"), bind, sink.Addr)
	l := newLedger()
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for range n {
		killRound(t, l, peer.StartPostroad(t, dir, text, bind), bind, sessions, time.Duration(100+rng.IntN(900))*time.Millisecond)
	}
	peer.StartPostroad(t, dir, text, bind)
	var a account
	peer.WaitFor(t, 90*time.Second, func() error {
		if a = l.account(sink.Messages()); len(a.lost) > 0 {
			return fmt.Errorf("%d acknowledged messages have not arrived, %s first", len(a.lost), a.lost[0])
		}
		return nil
	})
	if len(a.altered) > 0 {
		t.Errorf("%d messages were altered, %s first", len(a.altered), a.altered[0])
	}
	// A delivery whose end was not yet durable is made again: one a session and a
	// connection of the transport at most, each round.
	if most := n * (sessions + 256 + 20); a.duplicates > most {
		t.Errorf("%d duplicates, more than the %d deliveries in flight", a.duplicates, most)
	}
	t.Logf("%d rounds: %d acknowledged, 0 lost, %d altered, %d duplicates", n, l.ackedCount(), len(a.altered), a.duplicates)
	if l.ackedCount() < n {
		t.Errorf("only %d messages were acknowledged: the load proved nothing", l.ackedCount())
	}
}

// killRound sends from many sessions until the server is killed.
func killRound(t *testing.T, l *ledger, p *peer.Postroad, addr string, sessions int, after time.Duration) {
	t.Helper()
	var killed atomic.Bool
	var wg sync.WaitGroup
	for range sessions {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !killed.Load() {
				if sendUntilBroken(l, addr, &killed) != nil {
					time.Sleep(5 * time.Millisecond)
				}
			}
		}()
	}
	time.Sleep(after)
	if err := p.Cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed.Store(true)
	p.Cmd.Wait()
	wg.Wait()
}

// sendUntilBroken sends over one connection until it breaks.
func sendUntilBroken(l *ledger, addr string, killed *atomic.Bool) error {
	var d net.Dialer
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	c := lab.NewDialog(nc)
	if _, err := c.Reply(); err != nil {
		return err
	}
	if _, err := c.Command("EHLO load.test"); err != nil {
		return err
	}
	for !killed.Load() {
		if err := sendOne(l, c); err != nil {
			return err
		}
	}
	return nil
}

func sendOne(l *ledger, c *lab.Dialog) error {
	id, data := l.draft()
	for _, line := range []string{"MAIL FROM:<s@src.test>", "RCPT TO:<u@b.test>", "DATA"} {
		r, err := c.Command(line)
		if err != nil {
			return err
		}
		if r.Code >= 400 {
			return fmt.Errorf("%s: %v", line, r)
		}
	}
	stuffed := strings.ReplaceAll("\r\n"+string(data), "\r\n.", "\r\n..")[2:]
	if err := c.Write(stuffed + ".\r\n"); err != nil {
		return err
	}
	r, err := c.Reply()
	if err != nil {
		return err
	}
	if r.Code == 250 {
		l.ack(id)
	}
	return nil
}
