package spool

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/mail"
)

// TestRest: the log rests between syncs for a crowd only; who waits with few others
// is not made to wait longer.
func TestRest(t *testing.T) {
	var p pulse
	for n := range 2 * gatherAbove {
		rests := p.rest() > 0
		if crowd := n >= gatherAbove; rests != crowd {
			t.Fatalf("%d batches on their way: the log rests: %v", n, rests)
		}
		p.begin()
	}
	for range 2 * gatherAbove {
		p.end()
	}
	if d := p.rest(); d > 0 {
		t.Errorf("nothing is on its way, and the log rests for %v", d)
	}
}

// TestCrowdIsDurable: what a crowd was promised is there after a crash, the last that
// waited for the others included.
func TestCrowdIsDurable(t *testing.T) {
	fs := vfs.NewCrashableMem()
	p, err := Open(Options{FS: fs, Dir: "spool", Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const crowd = 3 * gatherAbove
	var wg sync.WaitGroup
	for n := range crowd {
		wg.Go(func() {
			if err := store(p, n); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after, err := Open(Options{FS: fs.CrashClone(vfs.CrashCloneCfg{}), Dir: "spool", Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	counts, err := after.Count(t.Context(), GroupAll)
	if got := counts[Lane{}].Messages; got != crowd || err != nil {
		t.Errorf("%d of %d messages after a crash: %v", got, crowd, err)
	}
}

// store commits one message.
func store(p *Pebble, n int) error {
	d, err := p.Create(context.Background())
	if err != nil {
		return err
	}
	defer d.Abort()
	if _, err := fmt.Fprintf(d, "Subject: %d\r\n\r\n", n); err != nil {
		return err
	}
	to := mail.Address{Local: "to", Domain: "b.test"}
	return d.Commit(Envelope{}, []Job{{Lane: Lane{Transport: "smtp"}, Recipients: []Recipient{{Final: to, Original: to}}}})
}
