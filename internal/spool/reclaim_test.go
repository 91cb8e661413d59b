package spool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// boundedDisk has room for so much, as its files stand.
type boundedDisk struct {
	*vfs.MemFS
	room int64
}

func (d boundedDisk) GetDiskUsage(dir string) (vfs.DiskUsage, error) {
	used := d.used(dir)
	return vfs.DiskUsage{AvailBytes: uint64(max(0, d.room-used)), TotalBytes: uint64(d.room), UsedBytes: uint64(used)}, nil
}

func (d boundedDisk) used(dir string) (sum int64) {
	names, _ := d.List(dir)
	for _, name := range names {
		path := d.PathJoin(dir, name)
		info, err := d.Stat(path)
		switch {
		case err != nil: // it has just gone
		case info.IsDir():
			sum += d.used(path)
		default:
			sum += info.Size()
		}
	}
	return sum
}

// body is what a message holds, by its place.
func body(n int) string {
	text := make([]byte, 100<<10)
	rng := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	_, _ = rng.Read(text)
	return string(text)
}

// fillDisk commits messages until the disk is full.
func fillDisk(t *testing.T, p *Pebble) (ids []ID) {
	t.Helper()
	for {
		d, err := p.Create(context.Background())
		if err == nil {
			_, err = d.Write([]byte(body(len(ids))))
		}
		if err == nil {
			err = d.Commit(Envelope{}, []Job{{Lane: Lane{Nexthop: "a"}, Recipients: []Recipient{{}}}})
		}
		if p.space.check(); errors.Is(err, ErrFull) {
			return ids
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID())
	}
}

// drain delivers all that is due, but what stays.
func drain(t *testing.T, p *Pebble, stays func(ID) bool) {
	t.Helper()
	for {
		jobs, err := p.Claim(context.Background(), ClaimReq{Lane: Lane{Nexthop: "a"}, Before: time.Now(), Max: 100, LeaseFor: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if len(jobs) == 0 {
			return
		}
		for _, j := range jobs {
			o := Outcome{Changes: []RecipientChange{{State: Delivered}}}
			if stays(j.Message) {
				o = Outcome{Next: time.Now().Add(time.Hour)}
			}
			if err := p.Update(context.Background(), j.Lease, o, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// openBounded opens a spool on a disk of 64 MB that nothing reclaims by itself.
func openBounded(t *testing.T) *Pebble {
	t.Helper()
	p, err := Open(Options{Dir: "spool", FS: boundedDisk{vfs.NewMem(), 64 << 20}, MinFree: 24 << 20, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	p.space.stop()
	p.space.stop = func() {}
	return p
}

// makeRoom makes passes until there is room, which the files that pebble removes
// in the background leave after it.
func makeRoom(t *testing.T, p *Pebble) {
	t.Helper()
	for range 100 {
		p.space.reclaim.pass(context.Background())
		if p.space.check(); p.space.full() == nil && p.space.left() > p.opt.MinFree+1<<20 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the disk stays full: %d octets are free", p.space.left())
}

// TestReclaim: a full disk has room again when the queue is empty, again and again.
func TestReclaim(t *testing.T) {
	p := openBounded(t)
	for round := range 3 {
		ids := fillDisk(t, p)
		if len(ids) < 50 {
			t.Fatalf("round %d: full after %d messages", round, len(ids))
		}
		drain(t, p, func(ID) bool { return false })
		p.space.check()
		if round == 0 && p.space.left() > p.opt.MinFree+1<<20 {
			t.Error("deliveries alone have made room: the test proves nothing")
		}
		makeRoom(t, p)
	}
}

// TestReclaimPart: what stays is as it was.
func TestReclaimPart(t *testing.T) {
	p := openBounded(t)
	ids := fillDisk(t, p)
	// In one run, since what is scattered comes free when its files have an age.
	stays := func(id ID) bool { return slices.Index(ids, id) >= len(ids)/2 }
	drain(t, p, stays)
	makeRoom(t, p)
	for n, id := range ids {
		if !stays(id) {
			continue
		}
		_, b, err := p.openMessage(id)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, b.Size())
		if _, err := b.ReadAt(got, 0); err != nil || string(got) != body(n) {
			t.Errorf("message %d is not what it was, %v", n, err)
		}
		b.Close()
	}
}

// TestReclaimDue: passes cost little of the time, and none is made for nothing.
func TestReclaimDue(t *testing.T) {
	p := openBounded(t)
	now := time.Now()
	for _, c := range []struct {
		dropped     int64
		rested, was time.Duration
		want        bool
	}{
		{0, time.Hour, 0, false},
		{1, time.Hour, 0, true},
		{1, reclaimLate - 1, 0, false},
		{2 << 20, reclaimRest, 0, true},
		{2 << 20, reclaimRest - 1, 0, false},
		{2 << 20, 30 * time.Second, 10 * time.Second, false},
		{2 << 20, 40 * time.Second, 10 * time.Second, true},
	} {
		r := p.space.reclaim
		r.dropped.Store(c.dropped)
		r.last, r.took = now.Add(-c.rested), c.was
		if got := r.due(now); got != c.want {
			t.Errorf("%d octets dropped, %v after a pass of %v: due %v", c.dropped, c.rested, c.was, got)
		}
	}
}

// TestReclaimPieces: pieces cover all keys once, beginning where the last pass
// ended, and none takes much of the room.
func TestReclaimPieces(t *testing.T) {
	p := openBounded(t)
	fillDisk(t, p)
	if err := p.db.Flush(); err != nil {
		t.Fatal(err)
	}
	r := p.space.reclaim
	p.space.free.Store(32 << 10) // so that there are some
	all := r.pieces()
	if len(all) < 3 {
		t.Fatalf("%d pieces", len(all))
	}
	for i, one := range all[1:] {
		if string(one.start) != string(all[i].end) {
			t.Errorf("between pieces: %q, %q", all[i].end, one.start)
		}
	}
	if first, last := all[0].start, all[len(all)-1].end; string(first) > "b" || string(last) < "u" {
		t.Errorf("pieces from %q to %q", first, last)
	}
	r.next = all[1].end
	if turned := r.pieces(); fmt.Sprint(turned) != fmt.Sprint(slices.Concat(all[2:], all[:2])) {
		t.Errorf("the next pass begins with %q", turned[0].start)
	}
}

// TestReclaimWithoutRoom: what does not fit is not flushed.
func TestReclaimWithoutRoom(t *testing.T) {
	p := openBounded(t)
	fillDisk(t, p)
	if err := p.db.Flush(); err != nil { // so that none is under way
		t.Fatal(err)
	}
	before := p.db.Metrics().Flush.Count
	p.space.free.Store(1 << 20)
	if err := p.space.reclaim.flush(context.Background()); err != nil || p.db.Metrics().Flush.Count != before {
		t.Errorf("a flush with 1 MB free: %v", err)
	}
}

// TestMemTableFits: what the database may write on a full disk fits into the
// reserve, and the logs of an empty queue do not fill a small disk.
func TestMemTableFits(t *testing.T) {
	for _, c := range []struct {
		disk, least int64
		want        int
	}{
		{1 << 40, 512 << 20, 32 << 20},
		{1 << 40, 64 << 20, 8 << 20},
		{1 << 30, 512 << 20, 16 << 20},
		{100 << 20, 16 << 20, memTableLeast},
		{0, 512 << 20, 32 << 20},
	} {
		s := space{p: &Pebble{opt: Options{MinFree: c.least}}, size: c.disk}
		if got := s.memTable(); got != c.want {
			t.Errorf("disk of %d, %d at least: %d, want %d", c.disk, c.least, got, c.want)
		}
	}
}

// TestBallastOfBefore: a ballast that a former process laid is given up, before
// the database is opened.
func TestBallastOfBefore(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	var seen []string
	open := func(free int64) {
		disk.free.Store(free)
		p, err := Open(Options{Dir: "spool", FS: watchedFS{disk, new(sync.Mutex), &seen}, MinFree: 1 << 20, Ballast: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	open(1 << 30)
	seen = nil
	open(100 << 10)
	gone := slices.Index(seen, "spool/ballast")
	first := slices.IndexFunc(seen, func(s string) bool { return strings.HasPrefix(s, "spool/db/") })
	if gone < 0 || first < 0 || gone > first {
		t.Errorf("touched: %q", seen)
	}
}

// watchedFS notes what is made and removed.
type watchedFS struct {
	vfs.FS
	mu   *sync.Mutex // guards seen
	seen *[]string
}

func (w watchedFS) note(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*w.seen = append(*w.seen, name)
}

func (w watchedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	w.note(name)
	return w.FS.Create(name, c)
}

func (w watchedFS) Remove(name string) error {
	w.note(name)
	return w.FS.Remove(name)
}
