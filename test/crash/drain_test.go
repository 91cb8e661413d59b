package crash

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/load"
	"github.com/postroad/postroad/test/peer"
)

// TestDrainedDisk fills a small disk with messages that stand in the database,
// whose deletion writes to it and frees nothing by itself. A server that is killed
// on the full disk starts on it again; and when what is queued is delivered, all of
// it or half, or comes back as reports, mail is taken again in a bounded time,
// without a restart or a load that would push the deletions through.
func TestDrainedDisk(t *testing.T) {
	for _, c := range []struct {
		name   string
		then   []lab.Rule // of the next hop, once it is back
		within time.Duration
	}{
		{"all", nil, 20 * time.Second},
		// Files of which half is dead are written again at an age of 15 seconds.
		{"half", []lab.Rule{{At: lab.Rcpt, Match: "kept@b.test", Reply: "451 4.2.0 later"}}, 60 * time.Second},
		{"bounced", []lab.Rule{{At: lab.Rcpt, Match: "@b.test", Reply: "550 5.1.1 no"}}, 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.then != nil && testing.Short() {
				t.Skip("takes half a minute")
			}
			drainDisk(t, c.then, c.within)
		})
	}
}

func drainDisk(t *testing.T, then []lab.Rule, within time.Duration) {
	r := peer.NewRelay(t)
	r.Data, r.Head = smallDisk(t, "size=180m"), "min_free = \"64MiB\"\n"
	r.Sink.On(lab.Rule{At: lab.Mail, Reply: "451 4.3.0 not yet"})
	server := r.Start(t)
	l := load.NewLedger()
	l.Fill(150 << 10)
	fillUp(t, r.Addr, l)
	server.Cmd.Process.Kill()
	server.Cmd.Wait()
	server = r.Start(t)
	fillUp(t, r.Addr, l) // the logs have become tables
	full := len(l.AckedIDs())
	r.Sink.Clear()
	for _, rule := range then {
		r.Sink.On(rule)
	}
	begun := time.Now()
	peer.WaitFor(t, within, func() error { return taken(r.Addr, l) })
	took := time.Since(begun)
	r.Sink.Clear()
	toldOf(t, l, r.Sink)
	server.Cmd.Process.Signal(syscall.SIGINT) // before its disk goes
	server.Cmd.Wait()
	t.Logf("%d messages until 452, taken again %v after the next hop came back", full, took.Round(100*time.Millisecond))
}

// toldOf waits until each acknowledged message has arrived as it was sent, once,
// or a report has that returns its header.
func toldOf(t *testing.T, l *load.Ledger, sink *lab.Receiver) {
	t.Helper()
	seen := map[string]int{}
	noted, altered := 0, 0
	peer.WaitFor(t, time.Minute, func() error {
		all := sink.Messages()
		for _, m := range all[noted:] {
			id, digest := load.Identify(m.Data)
			if seen[id]++; m.Sender != "" && !l.Whole(id, digest) {
				altered++
			}
		}
		noted = len(all)
		for _, id := range l.AckedIDs() {
			if seen[id] == 0 {
				return fmt.Errorf("nothing tells of %s", id)
			}
		}
		return nil
	})
	// Nobody has crashed since the next hop came back.
	if acked := len(l.AckedIDs()); altered > 0 || noted > acked {
		t.Errorf("%d altered, %d arrived of %d", altered, noted, acked)
	}
}

// fillUp sends in turns to who is delivered to and who may not be, until the disk
// is full.
func fillUp(t *testing.T, addr string, l *load.Ledger) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		load.Client{Ledger: l, Addr: addr, To: []string{"goes@b.test", "kept@b.test"}}.Run(ctx, 2)
		close(ended)
	}()
	defer func() { <-ended }()
	defer cancel()
	peer.WaitFor(t, 60*time.Second, func() error {
		before := len(l.AckedIDs())
		time.Sleep(2 * time.Second) // in which the server looks at its disk
		if n := len(l.AckedIDs()); n > before {
			return fmt.Errorf("%d messages were taken in two seconds", n-before)
		}
		return refusesFull(addr)
	})
}

// taken gives an error unless a message is taken.
func taken(addr string, l *load.Ledger) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return deal(ctx, l, addr, 1, func(promise) {})
}
