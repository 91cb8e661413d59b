package spool_test

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/postroad/postroad/internal/spool"
)

// fault fails one operation on the disk, and from then on all of its kind when
// lasting.
type fault struct {
	kind    errorfs.OpKind
	nth     int
	lasting bool

	mu    sync.Mutex // guards what follows
	seen  int
	fired string
}

func (f *fault) MaybeError(op errorfs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if op.Kind != f.kind {
		return nil
	}
	f.seen++
	if f.seen == f.nth || f.lasting && f.seen > f.nth {
		f.fired = op.Path
		return fmt.Errorf("injected: %w", syscall.EIO)
	}
	return nil
}

func (f *fault) String() string { return "fault" }

// after has the n-th operation from now on fail.
func (f *fault) after(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nth, f.seen, f.fired = n, 0, ""
}

func (f *fault) path() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// mostFaults of a kind are tried, each in a run of its own.
const mostFaults = 300

// TestFaults fails the n-th operation of each kind: the call under way says so,
// or the process ends, or nothing came of it; never is something acknowledged
// that a restart does not find.
func TestFaults(t *testing.T) {
	kinds := map[string]errorfs.OpKind{
		"create": errorfs.OpCreate, "open": errorfs.OpOpen, "opendir": errorfs.OpOpenDir, "remove": errorfs.OpRemove,
		"rename": errorfs.OpRename, "mkdir": errorfs.OpMkdirAll, "lock": errorfs.OpLock, "list": errorfs.OpList,
		"stat": errorfs.OpStat, "filestat": errorfs.OpFileStat, "close": errorfs.OpFileClose, "read": errorfs.OpFileRead,
		"readat": errorfs.OpFileReadAt, "write": errorfs.OpFileWrite, "sync": errorfs.OpFileSync, "syncdata": errorfs.OpFileSyncData,
	}
	step := 1
	if testing.Short() {
		step = 8
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			fired := 0
			for _, lasting := range []bool{false, true} {
				if lasting && *exhaustive != "all" {
					continue
				}
				for n := 1; n <= mostFaults; n += step {
					f := &fault{kind: kind, nth: n, lasting: lasting}
					runFault(t, f)
					if f.path() == "" || t.Failed() {
						break
					}
					fired++
				}
			}
			t.Logf("%d faults", fired)
		})
	}
}

// faultScript is long enough in the campaign for the 300th call of each kind that
// a store makes while it works. A run goes only as far as its fault.
func faultScript() []step {
	if *exhaustive == "all" {
		return days(160)
	}
	return script()
}

// patience is how long a call may take before it counts as hanging.
const patience = 10 * time.Second

// runFault runs the script until a call fails or the process would have ended,
// then restarts.
func runFault(t *testing.T, f *fault) {
	disk := vfs.NewCrashableMem()
	o := crashOptions(errorfs.Wrap(disk, f))
	ended := make(chan error, 10)
	o.Fatal = func(err error) {
		ended <- err
		select {} // the process is no more
	}
	before, after := newWorld(newModel()), newWorld(newModel()) // the step under way
	c := crash{disk: disk, step: "opening"}
	result := make(chan error, 1)
	var p *spool.Pebble
	await := func(do func() error) error {
		go func() { result <- do() }()
		select {
		case err := <-result:
			return err
		case err := <-ended:
			return errors.Join(errProcessEnded, err)
		case <-time.After(patience):
			t.Errorf("%s hangs after %s", c.step, f.path())
			return errProcessEnded
		}
	}
	err := await(func() (err error) { p, err = spool.Open(o); return err })
	var tested *world
	if err == nil {
		tested = newWorld(p)
	}
	var last step
	for _, s := range faultScript() {
		if err != nil {
			break
		}
		stepModel(t, before, last)
		stepModel(t, after, s)
		c.step, last = s.name, s
		err = await(func() error { return s.do(tested) })
	}
	c.before, _ = before.dump()
	c.after, _ = after.dump()
	if err == nil {
		c.step, c.before = "closing", c.after
		err = await(p.Close)
	} else if f.path() == "" {
		t.Errorf("%s: %v without a fault", c.step, err)
	}
	c.op = fmt.Sprintf("%d %s failed: %v", f.kind, f.path(), err)
	c.disk = disk.CrashClone(vfs.CrashCloneCfg{})
	c.lost = 100
	c.check(t)
	if p != nil && !errors.Is(err, errProcessEnded) {
		_ = await(p.Close)
	}
}

// stepModel takes a step on a model, which does not fail.
func stepModel(t *testing.T, w *world, s step) {
	t.Helper()
	if s.do == nil {
		return
	}
	if err := s.do(w); err != nil {
		t.Fatalf("model: %s: %v", s.name, err)
	}
}

var errProcessEnded = errors.New("the process ended")
