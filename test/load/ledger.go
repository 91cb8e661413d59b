package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/postroad/postroad/internal/lab"
)

// bigEvery is how often a body is too big to stand in the database.
const (
	bigEvery = 50
	bigSize  = 400 << 10
)

// header begins each message: what stands before it was added under way.
const header = "From: <s@src.test>\r\nTo: <u@b.test>\r\nSubject: crash\r\nX-Ledger-Id: "

// Ledger is what the server promised, and what came of it. All methods may be
// called at any time.
type Ledger struct {
	mu         sync.Mutex // guards what follows
	next       int
	big        int               // each so many messages one is big
	size       int               // of a big one
	sent       map[string]string // digest of every message that was begun
	acked      map[string]bool
	arrived    map[string]bool
	altered    []string
	duplicates int
}

// NewLedger makes an empty one.
func NewLedger() *Ledger {
	return &Ledger{big: bigEvery, size: bigSize, sent: map[string]string{}, acked: map[string]bool{}, arrived: map[string]bool{}}
}

// BigEvery makes one of so many messages too big to stand in the database.
func (l *Ledger) BigEvery(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.big = n
}

// Fill makes every message of a size, which still stands in the database up to 256 KB.
func (l *Ledger) Fill(octets int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.big, l.size = 1, octets
}

// Draft makes the next message.
func (l *Ledger) Draft() (id string, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	id = fmt.Sprintf("m%06d", l.next)
	data = []byte(header + id + "\r\n\r\n")
	for i := range 1 + l.next%40 {
		data = fmt.Appendf(data, ".line %d of %s %x\r\n", i, id, sha256.Sum256([]byte(id)))
	}
	if l.next%l.big == 0 {
		sum := sha256.Sum256([]byte(id))
		for len(data) < l.size { // with what does not become smaller on the disk
			data = fmt.Appendf(data, "%x\r\n", sum)
			sum = sha256.Sum256(sum[:])
		}
	}
	l.sent[id] = Digest(data)
	return id, data
}

// Ack notes that a message was answered 250.
func (l *Ledger) Ack(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[id] = true
}

// Arrive notes messages that a receiver took, each once.
func (l *Ledger) Arrive(messages []lab.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range messages {
		id, digest := Identify(m.Data)
		if l.arrived[id] {
			l.duplicates++
		}
		l.arrived[id] = true
		if l.sent[id] != digest {
			l.altered = append(l.altered, id)
		}
	}
}

// Follow gives a function that notes what has come to a receiver since it was
// called before. Its error says that acknowledged messages have not arrived yet.
func (l *Ledger) Follow(sink *lab.Receiver) func() error {
	noted := 0
	return func() error {
		all := sink.Messages()
		l.Arrive(all[noted:])
		noted = len(all)
		if lost := l.Account().Lost; len(lost) > 0 {
			return fmt.Errorf("%d acknowledged messages have not arrived, %s first", len(lost), lost[0])
		}
		return nil
	}
}

// Whole tells whether a digest is that of the message with an id.
func (l *Ledger) Whole(id, digest string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent[id] == digest
}

// AckedIDs lists what was answered 250 until now.
func (l *Ledger) AckedIDs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.acked))
}

// ArrivedIDs tells what has arrived until now.
func (l *Ledger) ArrivedIDs() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.arrived)
}

// Account is the ledger held against what arrived.
type Account struct {
	Acked         int
	Lost, Altered []string // ids
	Duplicates    int
}

// Account tells how it stands now. What is still queued counts as lost.
func (l *Ledger) Account() Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := Account{Acked: len(l.acked), Altered: slices.Clone(l.altered), Duplicates: l.duplicates}
	for id := range l.acked {
		if !l.arrived[id] {
			a.Lost = append(a.Lost, id)
		}
	}
	slices.Sort(a.Lost)
	return a
}

// Digest of a message as it was sent.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Identify takes the trace fields off that the server put in front, and gives
// the message's id and its digest.
func Identify(data []byte) (id, digest string) {
	i := bytes.Index(data, []byte(header))
	if i < 0 {
		return "", Digest(data)
	}
	line, _, _ := bytes.Cut(data[i+len(header):], []byte("\r\n"))
	return string(line), Digest(data[i:])
}
