package migrate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const acme = mail.Domain("acme.example")

func open(t *testing.T, disk vfs.FS) *Book {
	t.Helper()
	if err := disk.MkdirAll("data", 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := Open(Options{Dir: "data", FS: disk, Now: func() time.Time { return epoch }})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func order(names ...string) Order {
	o := Order{By: "root", Domain: acme}
	for _, n := range names {
		o.Addresses = append(o.Addresses, mail.Address{Local: n, Domain: acme})
	}
	return o
}

// lives is the side that the book has of an address, "" for none.
func lives(b *Book, name string) string {
	a := b.Table().Lookup(name + "@acme.example")
	if a.Status != table.Found {
		return ""
	}
	return a.Values[0]
}

func TestMovesAndRollbacks(t *testing.T) {
	disk := vfs.NewMem()
	b := open(t, disk)
	before := b.Table()
	must(t, b.Move(order("Ann", "bob")))
	must(t, b.Move(order("cara")))
	if lives(b, "ann") != "new" || lives(b, "bob") != "new" || lives(b, "dora") != "" {
		t.Error("the moves do not hold")
	}
	if before.Len() != 0 {
		t.Error("a table that was pinned changed")
	}
	back, err := b.Rollback(order("bob"))
	if err != nil || lives(b, "bob") != "old" || len(back) != 1 {
		t.Errorf("rolled back %v, %v", back, err)
	}
	// Without addresses: the last move, then what is left of the one before.
	for _, want := range []string{"cara@acme.example", "ann@acme.example"} {
		back, err = b.Rollback(order())
		if err != nil || !slices.Equal(back, []string{want}) {
			t.Errorf("rolled back %v, %v, want %s", back, err, want)
		}
	}
	if _, err := b.Rollback(order()); !errors.Is(err, ErrOrder) {
		t.Errorf("nothing is left: %v", err)
	}
	if err := b.Move(order()); !errors.Is(err, ErrOrder) {
		t.Errorf("a move of nobody: %v", err)
	}
	must(t, b.Close())
	b = open(t, disk)
	defer b.Close()
	a := b.Account(acme)
	if len(a.History) != 5 || a.History[0].By != "root" || a.History[0].When != epoch || len(a.Moved) != 0 || len(a.Back) != 3 {
		t.Errorf("after the restart: %+v", a)
	}
	if other := b.Account("other.example"); len(other.History) != 0 || len(other.Back) != 0 {
		t.Errorf("another domain: %+v", other)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The disk crashes at each of its operations, with nothing, some or all of what
// was not synced: every move that was acknowledged is there, none is there by
// half, and the journal takes further ones.
func TestCrashAtEveryWrite(t *testing.T) {
	disk := vfs.NewCrashableMem()
	must(t, disk.MkdirAll("data", 0o700))
	root, err := disk.OpenDir("/")
	must(t, err)
	must(t, root.Sync())
	type crash struct {
		disk  *vfs.MemFS
		acked int
	}
	var crashes []crash
	acked := 0
	faulty := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		for _, lost := range []int{0, 50, 100} {
			cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: lost, RNG: rand.New(rand.NewPCG(uint64(len(crashes)), 1))}
			crashes = append(crashes, crash{disk.CrashClone(cfg), acked})
		}
		return nil
	}))
	b := open(t, faulty)
	for i := range 8 {
		must(t, b.Move(order(fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i))))
		acked = i + 1
	}
	must(t, b.Close())
	if len(crashes) < 30 {
		t.Fatalf("only %d crashes", len(crashes))
	}
	for n, c := range crashes {
		b := open(t, c.disk)
		a := b.Account(acme)
		if len(a.History) < c.acked || len(a.History) > c.acked+1 || len(a.Moved) != 2*len(a.History) {
			t.Errorf("crash %d: %d moves were acknowledged, %d are there with %d addresses", n, c.acked, len(a.History), len(a.Moved))
		}
		must(t, b.Move(order("later")))
		must(t, b.Close())
		b = open(t, c.disk)
		if lives(b, "later") != "new" {
			t.Errorf("crash %d: a later move is lost", n)
		}
		must(t, b.Close())
	}
}

// A write that fails is refused, and nothing is changed from then on: what of it
// is on the disk is not known before the next start.
func TestFailedWrite(t *testing.T) {
	disk := vfs.NewMem()
	fail := false
	b := open(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fail && op.Kind == errorfs.OpFileSync {
			return errors.New("no disk")
		}
		return nil
	})))
	must(t, b.Move(order("ann")))
	fail = true
	if err := b.Move(order("bob")); !errors.Is(err, ErrBroken) || lives(b, "bob") != "" {
		t.Errorf("a write that failed: %v, %q", err, lives(b, "bob"))
	}
	fail = false
	if err := b.Move(order("bob")); !errors.Is(err, ErrBroken) || lives(b, "ann") != "new" {
		t.Errorf("after it: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	line, err := Entry{When: epoch, By: "root", Action: ActionMove, Domain: acme, Addresses: []string{"ann@acme.example"}}.line()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte("00000000 {}\n"))
	f.Add(append(line, line[:20]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, whole, err := parse(data)
		if err != nil {
			return
		}
		again, n, err := parse(data[:whole])
		if err != nil || n != whole || len(again) != len(entries) {
			t.Errorf("%d entries in %d octets, then %d in %d, %v", len(entries), whole, len(again), n, err)
		}
		movesOf(entries)
	})
}

// told gives events of so many addresses, of which some are unknown.
func told(b *Book, side decide.Side, from, n, unknown int) {
	for i := range n {
		e := Event{Domain: acme, Address: mail.Address{Local: fmt.Sprintf("u%d", from+i), Domain: acme}, Side: side, State: spool.Delivered, Percent: 30}
		if i < unknown {
			e.State, e.Unknown = spool.Moved, true
		}
		b.count(e)
	}
}

func TestRisePausesTheCutOver(t *testing.T) {
	now := epoch
	b := open(t, vfs.NewMem())
	defer b.Close()
	b.o.Now = func() time.Time { return now }
	// Five in a hundred are unknown, as ever.
	for range 6 {
		told(b, decide.SideNew, 0, 100, 5)
		now = now.Add(windowFor)
	}
	if a := b.Account(acme); a.Pause != nil {
		t.Fatalf("paused: %s", a.Pause.Why)
	}
	// One address that is written to for ever is no rise.
	for range 1000 {
		told(b, decide.SideNew, 0, 1, 1)
	}
	told(b, decide.SideNew, 1, 60, 7)
	if a := b.Account(acme); a.Pause != nil {
		t.Fatalf("paused: %s", a.Pause.Why)
	}
	now = now.Add(windowFor)
	told(b, decide.SideNew, 0, 60, 30)
	a := b.Account(acme)
	if a.Pause == nil || a.Pause.Most != 30 || a.Pause.By != "guard" || b.Counters().Pauses != 1 {
		t.Fatalf("not paused: %+v", a)
	}
	if got := b.Table().Lookup("@acme.example"); got.Status != table.Found || got.Values[0] != "30" {
		t.Errorf("the share is not bound: %+v", got)
	}
	if err := b.Move(order("ann")); !errors.Is(err, ErrPaused) {
		t.Errorf("a move while paused: %v", err)
	}
	forced := order("ann")
	forced.Force = true
	must(t, b.Move(forced))
	if _, err := b.Rollback(order("ann")); err != nil {
		t.Errorf("a rollback while paused: %v", err)
	}
	must(t, b.Resume(order()))
	if err := b.Resume(order()); !errors.Is(err, ErrOrder) {
		t.Errorf("resumed twice: %v", err)
	}
	must(t, b.Move(order("ann")))
	// What is refused for another reason says nothing of who is known.
	for i := range 100 {
		b.count(Event{Domain: acme, Address: mail.Address{Local: fmt.Sprint(i), Domain: acme}, State: spool.Failed})
	}
	if b.Account(acme).Pause != nil || b.Account(acme).Old.Failed != 100 {
		t.Error("refusals paused the cut-over")
	}
}

func TestWhoIsKnownToOneSide(t *testing.T) {
	disk := vfs.NewMem()
	b := open(t, disk)
	ann := mail.Address{Local: "ann", Domain: acme}
	bob := mail.Address{Local: "bob", Domain: acme}
	b.Tell(Event{Domain: acme, Address: ann, Side: decide.SideOld, State: spool.Moved, Unknown: true})
	b.Tell(Event{Domain: acme, Address: ann, Side: decide.SideNew, State: spool.Delivered, Only: true})
	b.Tell(Event{Domain: acme, Address: bob, Side: decide.SideOld, State: spool.Delivered, Only: true})
	must(t, b.Close())
	b = open(t, disk)
	defer b.Close()
	a := b.Account(acme)
	if !slices.Equal(a.OnlyNew, []string{"ann@acme.example"}) || !slices.Equal(a.OnlyOld, []string{"bob@acme.example"}) ||
		a.Old != (Side{Delivered: 1, Unknown: 1}) || a.New != (Side{Delivered: 1}) {
		t.Errorf("after the restart: %+v", a)
	}
	// The other side knows him by now.
	b.count(Event{Domain: acme, Address: ann, Side: decide.SideOld, State: spool.Delivered})
	if a := b.Account(acme); len(a.OnlyNew) != 0 {
		t.Errorf("still: %v", a.OnlyNew)
	}
}
