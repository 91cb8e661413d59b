package migrate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// Errors of a Book.
var (
	ErrPaused = errors.New("the cut-over is paused")
	ErrOrder  = errors.New("migrate")
)

// Options of a Book. Dir must be set.
type Options struct {
	Dir string
	FS  vfs.FS           // the machine's
	Now func() time.Time // time.Now
	Log *slog.Logger     // none
}

const (
	tallyName  = "migration.json"
	tallyEvery = time.Minute
	eventsMost = 4096 // waiting to be counted
)

// Book is the moves and the numbers of all migrations. It is safe for several
// goroutines; Close ends it.
type Book struct {
	o       Options
	journal *journal
	events  chan Event
	lost    atomic.Int64 // events that came too fast to be counted
	pauses  atomic.Int64
	stop    context.CancelFunc
	done    chan struct{}

	mu      sync.Mutex // guards what follows
	tallies map[mail.Domain]*tally
	dirty   bool
}

// Open reads the book of a data folder and begins to count.
func Open(o Options) (*Book, error) {
	o.FS = cmp.Or[vfs.FS](o.FS, vfs.Default)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	j, err := openJournal(o.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	b := &Book{o: o, journal: j, events: make(chan Event, eventsMost), done: make(chan struct{}), tallies: map[mail.Domain]*tally{}}
	if err := b.readTallies(); err != nil {
		// Numbers are not worth a server that does not start.
		o.Log.Error("numbers of migrations begin anew", "error", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	go b.run(ctx)
	return b, nil
}

func (b *Book) readTallies() error {
	data, err := readFile(b.o.FS, b.o.FS.PathJoin(b.o.Dir, tallyName))
	if err != nil || data == nil {
		return err
	}
	return json.Unmarshal(data, &b.tallies)
}

// Table is the moves as they are now. It does not change: ask again for later.
func (b *Book) Table() table.Resident { return b.journal.now.Load() }

// Order is a change that somebody asks for.
type Order struct {
	By        string
	Domain    mail.Domain
	Addresses []mail.Address
	Force     bool // although the cut-over is paused
}

// Move makes the new side the home of addresses. ErrPaused unless it is forced.
func (b *Book) Move(o Order) error {
	if len(o.Addresses) == 0 {
		return fmt.Errorf("%w: no address", ErrOrder)
	}
	if e, paused := b.paused(o.Domain); paused && !o.Force {
		return fmt.Errorf("%w since %s: %s", ErrPaused, e.When.UTC().Format(time.RFC3339), e.Why)
	}
	return b.write(ActionMove, o)
}

// Rollback makes the old side the home of addresses again; without any, of those
// of the last move that are still at the new side. It gives the addresses.
func (b *Book) Rollback(o Order) ([]string, error) {
	keys := keysOf(o.Addresses)
	if len(keys) == 0 {
		if keys = b.lastMove(o.Domain); len(keys) == 0 {
			return nil, fmt.Errorf("%w: no move of %s is left to be rolled back", ErrOrder, o.Domain)
		}
	}
	return keys, b.record(Entry{By: o.By, Action: ActionRollback, Domain: o.Domain, Addresses: keys})
}

// Resume ends a pause.
func (b *Book) Resume(o Order) error {
	if _, paused := b.paused(o.Domain); !paused {
		return fmt.Errorf("%w: the cut-over of %s is not paused", ErrOrder, o.Domain)
	}
	b.mu.Lock()
	for side := range 2 {
		b.tally(o.Domain).Guards[side].forget()
	}
	b.mu.Unlock()
	return b.write(ActionResume, o)
}

func (b *Book) write(action string, o Order) error {
	return b.record(Entry{By: o.By, Action: action, Domain: o.Domain, Addresses: keysOf(o.Addresses)})
}

func (b *Book) record(e Entry) error {
	e.When = b.o.Now().UTC()
	if err := b.journal.append(e); err != nil {
		return err
	}
	b.o.Log.Info("migration "+e.Action, "domain", string(e.Domain), "by", e.By, "addresses", len(e.Addresses))
	return nil
}

func keysOf(list []mail.Address) []string {
	var keys []string
	for _, a := range list {
		keys = append(keys, a.Key())
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Domains gives those of which the book knows something.
func (b *Book) Domains() []mail.Domain {
	known := map[mail.Domain]bool{}
	for _, d := range b.journal.now.Load().domains {
		known[d] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for d := range b.tallies {
		known[d] = true
	}
	return slices.Sorted(maps.Keys(known))
}

// lastMove gives those of the last move that brought somebody who is still there.
func (b *Book) lastMove(d mail.Domain) []string {
	now := b.Table()
	for _, e := range slices.Backward(b.history(d)) {
		if e.Action != ActionMove {
			continue
		}
		keys := slices.DeleteFunc(slices.Clone(e.Addresses), func(k string) bool {
			a := now.Lookup(k)
			return a.Status != table.Found || a.Values[0] != decide.SideNew.String()
		})
		if len(keys) > 0 {
			return keys
		}
	}
	return nil
}

// history gives the entries of a domain, in order.
func (b *Book) history(d mail.Domain) []Entry {
	b.journal.mu.Lock()
	defer b.journal.mu.Unlock()
	var out []Entry
	for _, e := range b.journal.entries {
		if e.Domain == d {
			out = append(out, e)
		}
	}
	return out
}

// paused gives the entry that paused a domain.
func (b *Book) paused(d mail.Domain) (Entry, bool) {
	for _, e := range slices.Backward(b.history(d)) {
		switch e.Action {
		case ActionPause:
			return e, true
		case ActionResume:
			return Entry{}, false
		}
	}
	return Entry{}, false
}
