package spool

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// smallDisk says how much is free, and may hang in its fsync.
type smallDisk struct {
	vfs.FS
	free atomic.Int64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: uint64(d.free.Load()), TotalBytes: 1 << 40}, nil
}

func TestFullDisk(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(1 << 30)
	p, err := Open(Options{Dir: "spool", FS: disk, MinFree: 1 << 20, Ballast: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ballast := func() bool { _, err := disk.Stat("spool/ballast"); return err == nil }
	write := func(create func(context.Context) (Draft, error), end func(Draft, Envelope, []Job) error) error {
		d, err := create(context.Background())
		if err != nil {
			return err
		}
		defer d.Abort()
		if _, err := io.WriteString(d, "x"); err != nil {
			return err
		}
		return end(d, Envelope{}, []Job{{Lane: Lane{Nexthop: "a"}, Recipients: []Recipient{{}}}})
	}
	try := func() error { return write(p.Create, Draft.Commit) }
	report := func() error { return write(p.CreateReport, Draft.Prepare) }
	if err := try(); err != nil || !ballast() || p.Health().FreeBytes == 0 {
		t.Fatalf("with space: %v, ballast %v, %+v", err, ballast(), p.Health())
	}
	before, err := p.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	disk.free.Store(900 << 10)
	p.space.check()
	if err := try(); !errors.Is(err, ErrFull) || !errors.Is(p.Health().Err, ErrFull) {
		t.Errorf("on a full disk: %v, %v", err, p.Health().Err)
	}
	if _, err := io.WriteString(before, "x"); !errors.Is(err, ErrFull) {
		t.Errorf("writing what was begun: %v", err)
	}
	if err := before.Commit(Envelope{}, []Job{{Recipients: []Recipient{{}}}}); !errors.Is(err, ErrFull) {
		t.Errorf("committing what was begun: %v", err)
	}
	if err := report(); err != nil {
		t.Errorf("a report on a disk that is full for mail: %v", err)
	}
	disk.free.Store(700 << 10)
	p.space.check()
	if err := report(); !errors.Is(err, ErrFull) {
		t.Errorf("a report on a disk that is full for all: %v", err)
	}
	disk.free.Store(100 << 10)
	p.space.check()
	if ballast() {
		t.Error("the ballast is kept in need")
	}
	// What is queued still goes out.
	jobs, err := p.Claim(context.Background(), ClaimReq{Lane: Lane{Nexthop: "a"}, Before: time.Now(), Max: 1, LeaseFor: time.Minute})
	if err != nil || len(jobs) != 1 {
		t.Fatalf("claim: %v, %v", jobs, err)
	}
	if err := p.Update(context.Background(), jobs[0].Lease, Outcome{Changes: []RecipientChange{{State: Delivered}}}, nil); err != nil {
		t.Errorf("update: %v", err)
	}
	disk.free.Store(1 << 30)
	p.space.check()
	if err := try(); err != nil || !ballast() {
		t.Errorf("with space again: %v, ballast %v", err, ballast())
	}
}

// TestSpentSpace: what was written since the last look counts.
func TestSpentSpace(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(2 << 20)
	p, err := Open(Options{Dir: "spool", FS: disk, MinFree: 1 << 20, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	d, err := p.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abort()
	block := make([]byte, 100<<10)
	for range 20 {
		if _, err = d.Write(block); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Errorf("2 MB on a disk with 1 MB to spare: %v", err)
	}
}

// TestFullEdge: where each message fills the disk until the next look, it is full,
// and says so, until there is clearly more room.
func TestFullEdge(t *testing.T) {
	const least = 1 << 20
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(least + 4<<10)
	p, err := Open(Options{Dir: "spool", FS: disk, MinFree: least, Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	d, err := p.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err = d.Write(make([]byte, 8<<10)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Errorf("8 KB on a disk with 4 KB to spare: %v", err)
	}
	if p.space.check(); !errors.Is(p.Health().Err, ErrFull) || !p.space.told {
		t.Errorf("the next look: %v, the log tells: %v", p.Health().Err, p.space.told)
	}
	disk.free.Store(least + least/8)
	if p.space.check(); p.Health().Err != nil || p.space.told {
		t.Errorf("with more room: %v, the log tells: %v", p.Health().Err, p.space.told)
	}
}

func TestStall(t *testing.T) {
	var p pulse
	if err := p.stalled(); err != nil {
		t.Error(err)
	}
	p.begin()
	p.begin()
	if err := p.stalled(); err != nil {
		t.Error(err)
	}
	p.moved = time.Now().Add(-2 * stallAfter)
	if err := p.stalled(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("nothing moves: %v", err)
	}
	p.end()
	if err := p.stalled(); err != nil {
		t.Errorf("one came through: %v", err)
	}
	p.end()
	p.moved = time.Now().Add(-2 * stallAfter)
	if err := p.stalled(); err != nil {
		t.Errorf("nobody waits: %v", err)
	}
}

// TestBudget: what does not fit into memory goes to a file, whatever its size.
func TestBudget(t *testing.T) {
	fs := vfs.NewMem()
	p, err := Open(Options{Dir: "spool", FS: fs, Budget: 3 * pageSize, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var drafts []Draft
	for range 5 {
		d, err := p.Create(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(d, "x"); err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, d)
	}
	if names, _ := fs.List("spool/tmp"); len(names) != 2 {
		t.Errorf("%d of 5 drafts lie in files, want 2", len(names))
	}
	for _, d := range drafts {
		d.Abort()
	}
	if p.memory.free != 3*pageSize {
		t.Errorf("%d octets of the budget are free in the end", p.memory.free)
	}
	if names, _ := fs.List("spool/tmp"); len(names) != 0 {
		t.Errorf("left: %v", names)
	}
}
