package crash

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/postroad/postroad/internal/lab"
)

// ledger is what the server promised: the digest of each message that it
// answered 250, by id.
type ledger struct {
	mu    sync.Mutex // guards what follows
	next  int
	sent  map[string]string // every message that was begun
	acked map[string]bool
}

func newLedger() *ledger { return &ledger{sent: map[string]string{}, acked: map[string]bool{}} }

// draft makes the next message.
func (l *ledger) draft() (id string, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	id = fmt.Sprintf("m%06d", l.next)
	data = fmt.Appendf(nil, "From: <s@src.test>\r\nTo: <u@b.test>\r\nSubject: crash\r\nX-Ledger-Id: %s\r\n\r\n", id)
	for i := range 1 + l.next%40 {
		data = fmt.Appendf(data, ".line %d of %s %x\r\n", i, id, sha256.Sum256([]byte(id)))
	}
	if l.next%50 == 0 { // some bodies are too big to stand in the database
		for len(data) < 400<<10 {
			data = fmt.Appendf(data, "%064x\r\n", len(data))
		}
	}
	l.sent[id] = digest(data)
	return id, data
}

func (l *ledger) ack(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[id] = true
}

func (l *ledger) ackedCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// account is the ledger held against what arrived.
type account struct {
	lost, altered []string
	duplicates    int
}

func (l *ledger) account(arrived []lab.Message) account {
	l.mu.Lock()
	defer l.mu.Unlock()
	var a account
	seen := map[string]int{}
	for _, m := range arrived {
		id, body := original(m.Data)
		if seen[id]++; seen[id] > 1 {
			a.duplicates++
		}
		if l.sent[id] != digest(body) {
			a.altered = append(a.altered, id)
		}
	}
	for id := range l.acked {
		if seen[id] == 0 {
			a.lost = append(a.lost, id)
		}
	}
	return a
}
