package load

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/lab"
)

// again is how long a client waits after a connection that broke; grace is how
// long it listens for a reply under way once it is told to end: a 250 that the
// server has sent counts.
const (
	again = 5 * time.Millisecond
	grace = time.Second
)

// Client sends messages of a ledger.
type Client struct {
	Ledger *Ledger
	Addr   string
	To     []string // recipients, one a message in turn
}

// Run sends over so many connections at once until ctx ends.
func (c Client) Run(ctx context.Context, sessions int) {
	var wg sync.WaitGroup
	for i := range sessions {
		wg.Go(func() {
			for ctx.Err() == nil {
				if c.session(ctx, i) != nil {
					pause(ctx, again)
				}
			}
		})
	}
	wg.Wait()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// session sends over one connection until it breaks, or a reply is not as it
// should be.
func (c Client) session(ctx context.Context, first int) error {
	d := net.Dialer{Timeout: 20 * time.Second}
	nc, err := d.DialContext(ctx, "tcp", c.Addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { nc.Close() }) })()
	dialog := lab.NewDialog(nc)
	if _, err := dialog.Reply(); err != nil {
		return err
	}
	if _, err := dialog.Command("EHLO load.test"); err != nil {
		return err
	}
	for n := first; ctx.Err() == nil; n++ {
		if err := c.send(dialog, c.To[n%len(c.To)]); err != nil {
			return err
		}
	}
	return nil
}

func (c Client) send(d *lab.Dialog, to string) error {
	id, data := c.Ledger.Draft()
	for _, line := range []string{"MAIL FROM:<s@src.test>", "RCPT TO:<" + to + ">", "DATA"} {
		r, err := d.Command(line)
		if err != nil {
			return err
		}
		if r.Code >= 400 {
			return fmt.Errorf("%s: %v", line, r)
		}
	}
	r, err := d.Message(data)
	if err != nil {
		return err
	}
	if r.Code == 250 {
		c.Ledger.Ack(id)
	}
	return nil
}
