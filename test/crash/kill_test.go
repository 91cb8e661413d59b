package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/load"
	"github.com/postroad/postroad/test/peer"
)

func TestMain(m *testing.M) {
	code := m.Run()
	peer.RemoveBinary()
	os.Exit(code)
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
	c := load.Client{Ledger: load.NewLedger(), Addr: bind, To: []string{"u@b.test"}}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for range n {
		killRound(t, c, peer.StartPostroad(t, dir, text, bind), sessions, time.Duration(100+rng.IntN(900))*time.Millisecond)
	}
	peer.StartPostroad(t, dir, text, bind)
	var a load.Account
	counted := 0
	peer.WaitFor(t, 5*time.Minute, func() error { // a campaign leaves a hundred thousand and more
		all := sink.Messages()
		c.Ledger.Arrive(all[counted:])
		counted = len(all)
		if a = c.Ledger.Account(); len(a.Lost) > 0 {
			return fmt.Errorf("%d acknowledged messages have not arrived, %s first", len(a.Lost), a.Lost[0])
		}
		return nil
	})
	if len(a.Altered) > 0 {
		t.Errorf("%d messages were altered, %s first", len(a.Altered), a.Altered[0])
	}
	// A delivery whose end was not yet durable is made again: one a session and a
	// connection of the transport at most, each round.
	if most := n * (sessions + 256 + 20); a.Duplicates > most {
		t.Errorf("%d duplicates, more than the %d deliveries in flight", a.Duplicates, most)
	}
	t.Logf("%d rounds: %d acknowledged, 0 lost, %d altered, %d duplicates", n, a.Acked, len(a.Altered), a.Duplicates)
	if a.Acked < n {
		t.Errorf("only %d messages were acknowledged: the load proved nothing", a.Acked)
	}
}

// killRound sends from many sessions until the server is killed.
func killRound(t *testing.T, c load.Client, p *peer.Postroad, sessions int, after time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.Run(ctx, sessions)
	}()
	time.Sleep(after)
	err := p.Cmd.Process.Signal(syscall.SIGKILL)
	cancel()
	<-sent
	if err != nil {
		t.Fatal(err)
	}
	p.Cmd.Wait()
}
