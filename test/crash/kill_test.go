package crash

import (
	"context"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/load"
	"github.com/postroad/postroad/test/peer"
)

func TestMain(m *testing.M) {
	peer.Main(m)
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

// settled waits until all that was acknowledged has arrived, unaltered.
func settled(t *testing.T, l *load.Ledger, sink *lab.Receiver) load.Account {
	t.Helper()
	peer.WaitFor(t, 5*time.Minute, l.Follow(sink)) // a campaign leaves a hundred thousand and more
	a := l.Account()
	if len(a.Altered) > 0 {
		t.Errorf("%d messages were altered, %s first", len(a.Altered), a.Altered[0])
	}
	return a
}

func TestKillUnderLoad(t *testing.T) {
	n, sessions := rounds()
	r := peer.NewRelay(t)
	c := load.Client{Ledger: load.NewLedger(), Addr: r.Addr, To: []string{"u@b.test"}}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for range n {
		killRound(t, c, r.Start(t), sessions, time.Duration(100+rng.IntN(900))*time.Millisecond)
	}
	r.Start(t)
	a := settled(t, c.Ledger, r.Sink)
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
