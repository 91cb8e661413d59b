package spool_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/spool"
)

// sectorFS is a disk on which tables cannot be read any more.
type sectorFS struct{ vfs.FS }

func (fs sectorFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.Open(name, opts...)
	if err == nil && strings.HasSuffix(name, ".sst") {
		f = badSector{f}
	}
	return f, err
}

func (fs sectorFS) Unwrap() vfs.FS { return fs.FS }

type badSector struct{ vfs.File }

func (badSector) ReadAt([]byte, int64) (int, error) { return 0, syscall.EIO }

// TestMergeUnread is a table that cannot be read when the database merges it: the
// store ends with a reason rather than with a panic, says so to the next start,
// which reads all, and opens when all can be read.
func TestMergeUnread(t *testing.T) {
	disk := vfs.NewCrashableMem()
	o := crashOptions(sectorFS{disk})
	ended := make(chan error, 1)
	o.Fatal = func(err error) {
		ended <- err
		select {} // the process is no more
	}
	p, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var acknowledged atomic.Int64
	go func() {
		w := newWorld(p)
		for n := 0; n < 2000 && commit(fmt.Sprint("m", n), 8<<10, 1).do(w) == nil; n++ {
			acknowledged.Add(1)
		}
	}()
	select {
	case err = <-ended:
	case <-time.After(patience):
		t.Fatal("no table was merged")
	}
	if !errors.Is(err, spool.ErrDamaged) || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), ".sst") {
		t.Errorf("it ended with %v", err)
	}
	n := int(acknowledged.Load())
	after := disk.CrashClone(vfs.CrashCloneCfg{})
	if files, err := after.List("data/spool"); err != nil || !slices.Contains(files, "DAMAGED") {
		t.Errorf("the next start is not told: %v, %v", files, err)
	}
	text, err := newWorld(open(t, crashOptions(after))).dump()
	if got := strings.Count(text, "\n") + 1; err != nil || got < n {
		t.Errorf("%d messages of %d are there: %v", got, n, err)
	}
	if files, _ := after.List("data/spool"); slices.Contains(files, "DAMAGED") {
		t.Error("what can be read again is still taken for damaged")
	}
}
