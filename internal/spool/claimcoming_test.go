package spool_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
)

// TestClaimedOnce: what is being committed is claimed once, when it is durable. A
// lane that reads its schedule from the database sees it before; claimed and ended
// then, it would come among the lanes once more.
func TestClaimedOnce(t *testing.T) {
	const others, clients, mails = 3000, 40, 200
	o := crashOptions(nil)
	o.Now, o.MemTable = time.Now, 256<<10
	p := open(t, o)
	put := func(nexthop string, due time.Time) {
		d, err := p.Create(t.Context())
		if err == nil {
			_, err = io.WriteString(d, strings.Repeat("x", 2000))
		}
		if err == nil {
			to := []spool.Recipient{{Final: mail.Address{Local: "a", Domain: "b.test"}}}
			err = d.Commit(spool.Envelope{}, []spool.Job{{Lane: spool.Lane{Nexthop: nexthop}, Due: due, Recipients: to}})
		}
		if err != nil {
			t.Error(err)
		}
	}
	for range others {
		put("other", time.Now().Add(time.Hour))
	}
	var seen sync.Map
	var ended, twice atomic.Int64
	work := func(ctx context.Context) (n int) {
		jobs, err := p.Claim(ctx, spool.ClaimReq{Lane: spool.Lane{Nexthop: "sink"}, Before: time.Now(), Max: 3, LeaseFor: time.Hour})
		if err != nil {
			t.Error(err)
		}
		for _, j := range jobs {
			if _, again := seen.LoadOrStore(j.Message, true); again {
				twice.Add(1)
			}
			if err := p.Update(ctx, j.Lease, spool.Outcome{Changes: []spool.RecipientChange{{State: spool.Delivered}}}, nil); err != nil {
				t.Error(err)
			}
			ended.Add(1)
		}
		return len(jobs)
	}
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range mails {
				put("sink", time.Now())
				work(t.Context())
			}
		})
	}
	wg.Wait()
	for work(t.Context()) > 0 {
	}
	if twice.Load() > 0 || ended.Load() != clients*mails {
		t.Errorf("%d jobs ended, of %d; %d were claimed twice", ended.Load(), clients*mails, twice.Load())
	}
	counts, err := p.Count(t.Context(), spool.GroupAll)
	if got := counts[spool.Lane{}]; err != nil || got.Messages != others || got.Jobs != others {
		t.Errorf("counted %+v, %v", got, err)
	}
}
