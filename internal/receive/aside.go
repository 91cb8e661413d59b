package receive

import (
	"sync"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

const (
	mostAsides = 10_000
	asideFor   = 24 * time.Hour // longer than servers wait between two attempts
)

// asides remembers which tenant's mail could not be decided at the end of data and
// held up what the same message brought for others: a message has one reply. When
// its sender comes again, the recipients of that tenant are told to wait at RCPT,
// once, and those of the others are not.
type asides struct {
	mu   sync.Mutex
	till map[aside]time.Time
}

// aside is mail of one sender to one tenant.
type aside struct {
	sender mail.Path
	tenant string
}

func (a *asides) note(what aside, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.till == nil {
		a.till = map[aside]time.Time{}
	}
	for old, till := range a.till {
		if len(a.till) < mostAsides && now.Before(till) {
			break // a look at one is enough while there is room
		}
		delete(a.till, old)
	}
	a.till[what] = now.Add(asideFor)
}

// take tells whether there is a note, and forgets it.
func (a *asides) take(what aside, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	till, there := a.till[what]
	delete(a.till, what)
	return there && now.Before(till)
}

// noteWaits remembers for whom alone a message waits.
func (t *Transaction) noteWaits() {
	for _, tenant := range t.waits {
		t.acceptor.asides.note(aside{t.envelope.Sender, tenant}, time.Now())
	}
}

// isAside tells whether recipients of a tenant wait in this transaction, so that
// those of others go on without them.
func (t *Transaction) isAside(tenant string) bool {
	if t.facts.Origin != decide.OriginSMTP {
		return false
	}
	if !t.aside[tenant] && !t.acceptor.asides.take(aside{t.envelope.Sender, tenant}, time.Now()) {
		return false
	}
	if t.aside == nil {
		t.aside = map[string]bool{}
	}
	t.aside[tenant] = true
	return true
}
