package durable

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A power cut before any operation of a replacement leaves the old content or
// the new one; after the last it leaves the new one.
func TestReplaceIsWholeOrNot(t *testing.T) {
	const was, now = "old", "the new content"
	for ops := 0; ; ops++ {
		disk := vfs.NewCrashableMem()
		for _, err := range []error{disk.MkdirAll("data", 0o700), SyncFolder(disk, ""), Replace(disk, "data/x", "data/x.new", []byte(was))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		cut := errorfs.InjectorFunc(func(errorfs.Op) error {
			if n++; n > ops {
				return errorfs.ErrInjected
			}
			return nil
		})
		failed := Replace(errorfs.Wrap(disk, cut), "data/x", "data/x.new", []byte(now))
		after, err := Read(disk.CrashClone(vfs.CrashCloneCfg{}), "data/x")
		switch {
		case err != nil:
			t.Fatalf("cut at operation %d: %v", ops, err)
		case failed == nil && string(after) != now, string(after) != was && string(after) != now:
			t.Fatalf("cut at operation %d (%v): %q", ops, failed, after)
		case failed == nil && ops < 5:
			t.Fatalf("only %d operations can fail", ops)
		case failed == nil:
			return
		case !errors.Is(failed, errorfs.ErrInjected):
			t.Fatalf("cut at operation %d: %v", ops, failed)
		}
	}
}
