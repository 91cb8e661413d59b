package spool_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

// The campaigns try every point once, or with "all" in every way that they know,
// which takes minutes.
var exhaustive = flag.String("crash.points", "once", "ways in which the crash and fault campaigns try each point: once or all")

// crashOptions makes flushes and files out of little mail.
func crashOptions(fs vfs.FS) spool.Options {
	return spool.Options{
		Dir: "data/spool", FS: fs, Now: func() time.Time { return epoch }, InlineMax: 16 << 10, MemTable: 64 << 10, MinFree: -1, Window: 2,
		Log: slog.New(misuse{}),
	}
}

func newModel() *spooltest.Mem {
	m := spooltest.Memory()
	m.Now = func() time.Time { return epoch }
	return m
}

// crash is a disk as a crash left it, and what may stand on it.
type crash struct {
	point         int
	op            string
	lost          int // percent of what was not synced
	disk          *vfs.MemFS
	step          string
	before, after string
}

// campaign runs the script and takes a crash before each write to the disk.
type campaign struct {
	disk *vfs.MemFS
	out  chan crash
	ways int // in which each point is tried, with "all"

	mu            sync.Mutex // guards what follows
	quiet         bool
	point         int
	step          string
	before, after string
}

// MaybeError is called before each operation on the disk; it never fails one.
func (c *campaign) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quiet {
		return nil
	}
	c.point++
	for way := range c.ways {
		if *exhaustive == "all" || way == c.point%4 {
			c.crash(op, way)
		}
	}
	return nil
}

// ways in which a crash treats what was not synced: the first loses all, the
// second nothing, the others some of it, each drawn anew.
const ways = 20

// fewWays is for the workloads that are about one thing.
const fewWays = 8

func (c *campaign) crash(op errorfs.Op, way int) {
	kept := []int{0, 100, 50, 20}[way%4]
	rng := rand.New(rand.NewPCG(uint64(c.point), uint64(way)))
	clone := c.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rng})
	c.out <- crash{c.point, fmt.Sprintf("%d %s", op.Kind, op.Path), 100 - kept, clone, c.step, c.before, c.after}
}

func (c *campaign) String() string { return "campaign" }

// expect says what stands on the disk before and after a step.
func (c *campaign) expect(step, before, after string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step, c.before, c.after = step, before, after
}

// TestCrash crashes at every write of each workload, its beginning and a restart
// in its middle included, and holds what is found afterwards against the model:
// either what was acknowledged, or that and the call under way, whole.
func TestCrash(t *testing.T) {
	all, points := 0, 0
	for i, w := range workloads() {
		if *exhaustive != "all" && (i%4 != 0 || i > 0 && testing.Short()) {
			continue // a slice
		}
		c := &campaign{disk: vfs.NewCrashableMem(), out: make(chan crash, runtime.NumCPU()), ways: ways}
		if i > 0 {
			c.ways = fewWays
		}
		sum := c.try(t, w)
		all, points = all+sum, points+c.point
		t.Logf("%s: %d crashes at %d points", w.name, sum, c.point)
		if c.point < 30 || sum < c.point {
			t.Errorf("%s: %d crashes at %d points: the script writes less than it should", w.name, sum, c.point)
		}
	}
	if *exhaustive == "all" && all < 10_000 {
		t.Errorf("only %d crashes", all)
	}
	t.Logf("%d crashes at %d points of %d workloads", all, points, len(workloads()))
}

// try runs a workload and checks each crash of it, and tells how many there were.
func (c *campaign) try(t *testing.T, w workload) int {
	var done sync.WaitGroup
	var tried atomic.Int64
	for range runtime.NumCPU() {
		done.Go(func() {
			for crash := range c.out {
				tried.Add(1)
				crash.check(t)
			}
		})
	}
	c.run(t, w.steps)
	close(c.out)
	done.Wait()
	return int(tried.Load())
}

func (c *campaign) run(t *testing.T, steps []step) {
	fs := errorfs.Wrap(c.disk, c)
	c.expect("opening", "", "")
	p, err := spool.Open(crashOptions(fs))
	if err != nil {
		t.Fatal(err)
	}
	tested, model := newWorld(p), newWorld(newModel())
	before := ""
	for i, s := range steps {
		if err := s.do(model); err != nil {
			t.Fatalf("model: %s: %v", s.name, err)
		}
		after, _ := model.dump()
		c.expect(s.name, before, after)
		if err := s.do(tested); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		before = after
		c.expect("after "+s.name, before, after)
		if i == len(steps)/2 {
			c.expect("restarting", before, after)
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			if p, err = spool.Open(crashOptions(fs)); err != nil {
				t.Fatal(err)
			}
			tested.store = p
		}
	}
	c.expect("closing", before, before)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = true
}

// check opens a disk after its crash.
func (c crash) check(t *testing.T) {
	fail := func(format string, args ...any) {
		t.Errorf("crash at point %d (%s, %d%% lost) while %s: %s", c.point, c.op, c.lost, c.step, fmt.Sprintf(format, args...))
	}
	p, err := spool.Open(crashOptions(c.disk))
	if err != nil {
		fail("%v", err)
		return
	}
	defer p.Close()
	w := newWorld(p)
	got, err := w.dump()
	switch {
	case err != nil:
		fail("%v", err)
	case got != c.before && got != c.after:
		fail("found\n%s\nwant\n%s\nor\n%s", got, c.before, c.after)
	}
	if h := p.Health(); h.Err != nil || h.Damaged != 0 {
		fail("health %+v", h)
	}
	if err := w.finish(got, c.disk); err != nil {
		fail("%v", err)
	}
}

// finish delivers all that is there, which must be what was listed, and leaves
// nothing.
func (w *world) finish(listed string, disk vfs.FS) error {
	ctx := context.Background()
	if _, err := w.store.Change(ctx, spool.Filter{}, spool.ActionRelease, nil); err != nil {
		return err
	}
	counts, err := w.store.Count(ctx, spool.GroupAll)
	if err != nil {
		return err
	}
	want := len(strings.FieldsFunc(listed, func(r rune) bool { return r == '\n' }))
	if got := counts[spool.Lane{}]; got.Jobs != int64(want) || got.Held != 0 {
		return fmt.Errorf("counted %+v, listed %d jobs", got, want)
	}
	lanes, err := w.store.Lanes(ctx, epoch.Add(24*time.Hour), 1000)
	if err != nil {
		return err
	}
	ended := 0
	for _, l := range lanes {
		jobs, err := w.store.Claim(ctx, spool.ClaimReq{Lane: l.Lane, Before: epoch.Add(24 * time.Hour), Max: 100, LeaseFor: time.Hour})
		if err != nil {
			return err
		}
		for _, j := range jobs {
			var o spool.Outcome
			for _, r := range j.Recipients {
				o.Changes = append(o.Changes, spool.RecipientChange{N: r.N, State: spool.Delivered})
			}
			if err := w.store.Update(ctx, j.Lease, o, nil); err != nil {
				return err
			}
			ended++
		}
	}
	if ended != want {
		return fmt.Errorf("%d jobs could be claimed of %d", ended, want)
	}
	counts, err = w.store.Count(ctx, spool.GroupAll)
	if err != nil || counts[spool.Lane{}] != (spool.Counts{}) {
		return fmt.Errorf("counted %+v in the end, %v", counts, err)
	}
	for _, sub := range []string{"body", "tmp", "quarantine"} {
		if left, err := disk.List("data/spool/" + sub); err != nil || len(left) > 0 {
			return fmt.Errorf("left in %s: %v, %v", sub, left, err)
		}
	}
	return nil
}
