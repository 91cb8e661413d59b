package receive

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/spool"
)

// quotas charges tenants for what they have taken in. decide is told who is beyond
// its own and says what follows; nothing of one tenant's counts for another.
type quotas struct {
	store spool.Store
	log   *slog.Logger

	mu     sync.Mutex // guards what follows, and is not held while the store is asked
	charge map[string]*account
}

// account of one tenant.
type account struct {
	tokens  float64 // messages that may come at once
	filled  time.Time
	queued  int // jobs at the last count, and those committed since
	counted time.Time
}

const (
	burstShare = 12 // of the unit's messages may come at once
	burstLeast = 10
	recount    = 5 * time.Second // between two looks at the queue of a tenant that has filled it
)

func newQuotas(o Options) *quotas {
	return &quotas{store: o.Store, log: o.Log, charge: map[string]*account{}}
}

// burst is how many messages may come at once.
func burst(r config.Rate) float64 { return float64(max(burstLeast, r.Count/burstShare)) }

// of gives the account of a tenant, filled up to now. q.mu is held.
func (q *quotas) of(t *config.Tenant, now time.Time) *account {
	a := q.charge[t.Name]
	if a == nil {
		a = &account{tokens: burst(t.Messages), filled: now}
		q.charge[t.Name] = a
	}
	if r := t.Messages; r.Count > 0 {
		perSecond := float64(r.Count) / r.Per.Seconds()
		a.tokens = min(burst(r), a.tokens+perSecond*now.Sub(a.filled).Seconds())
	}
	a.filled = now
	return a
}

// isOver tells whether the tenant is beyond its rate or its share of the queue. A
// store that cannot count stops nobody: it will say itself when it is full.
func (q *quotas) isOver(ctx context.Context, t *config.Tenant) bool {
	if t.Messages.Count == 0 && t.Queue == 0 {
		return false
	}
	now := time.Now()
	q.mu.Lock()
	a := q.of(t, now)
	poor := t.Messages.Count > 0 && a.tokens < 1
	full := t.Queue > 0 && (a.counted.IsZero() || a.queued >= t.Queue)
	stale := full && now.Sub(a.counted) >= recount
	if stale {
		a.counted = now // others do not count meanwhile
	}
	full = full && a.queued >= t.Queue
	q.mu.Unlock()
	if poor || !stale {
		return poor || full
	}
	return q.countJobs(ctx, t) >= t.Queue
}

// countJobs looks how many jobs the tenant has, as far as its limit.
func (q *quotas) countJobs(ctx context.Context, t *config.Tenant) int {
	n := 0
	err := q.store.Scan(ctx, spool.Filter{Tenant: t.Name, Limit: t.Queue}, func(spool.Entry) error { n++; return nil })
	if err != nil {
		q.log.Warn("the queue of a tenant cannot be counted", "tenant", t.Name, "error", err)
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.of(t, time.Now()).queued = n
	return n
}

// took charges the tenants of a message that is durable now.
func (q *quotas) took(c *config.Config, jobs []spool.Job) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	seen := map[string]bool{}
	for i := range jobs {
		t := c.Tenants[jobs[i].Lane.Tenant]
		if t == nil {
			continue
		}
		a := q.of(t, now)
		a.queued++
		if !seen[t.Name] {
			seen[t.Name] = true
			a.tokens--
		}
	}
}

// overdrawn asks, once a transaction, whether a tenant is beyond its quota, and
// notes it among the facts. It tells whether the facts have changed.
func (t *Transaction) overdrawn(ctx context.Context, tenant string) bool {
	c := t.gen.Config.Tenants[tenant]
	if c == nil || t.charged[tenant] || t.acceptor.quotas == nil {
		return false
	}
	if t.charged == nil {
		t.charged = map[string]bool{}
	}
	t.charged[tenant] = true
	if !t.acceptor.quotas.isOver(ctx, c) {
		return false
	}
	t.facts.Over = append(t.facts.Over, tenant)
	return true
}

// overdrawnAny asks for all tenants of a decision.
func (t *Transaction) overdrawnAny(ctx context.Context, d decide.Decision) bool {
	changed := false
	for i := range d.Recipients {
		changed = t.overdrawn(ctx, d.Recipients[i].Tenant) || changed
	}
	return changed
}

// crowded tells whether the tenant has as many recipients of the transaction as
// it may have, and counts one more otherwise.
func (t *Transaction) crowded(tenant string) bool {
	c := t.gen.Config.Tenants[tenant]
	if c == nil || c.Recipients == 0 {
		return false
	}
	if t.crowd == nil {
		t.crowd = map[string]int{}
	}
	if t.crowd[tenant] >= c.Recipients {
		return true
	}
	t.crowd[tenant]++
	return false
}
