package server

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/postroad/postroad/internal/durable"
)

// A power cut leaves the whole key or none, at whichever write it comes, and the
// key that a server began to use stays: a file with its name and without its
// content would keep the server from starting.
func TestMarkKeySurvivesPowerCuts(t *testing.T) {
	disk := vfs.NewCrashableMem()
	if err := errors.Join(disk.MkdirAll("data", 0o700), durable.SyncFolder(disk, "")); err != nil {
		t.Fatal(err)
	}
	cuts := 0
	cut := errorfs.InjectorFunc(func(op errorfs.Op) error {
		cuts++
		_, err := readMarkKey(disk.CrashClone(vfs.CrashCloneCfg{}), "data")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("cut before operation %d: %v", cuts, err)
		}
		return nil
	})
	key, err := markKey(errorfs.Wrap(disk, cut), "data")
	if err != nil {
		t.Fatal(err)
	}
	after, err := readMarkKey(disk.CrashClone(vfs.CrashCloneCfg{}), "data")
	if err != nil || !bytes.Equal(after, key) {
		t.Errorf("after a cut the key is %x, %v; in use was %x", after, err, key)
	}
	if cuts < 6 {
		t.Errorf("only %d operations were cut", cuts)
	}
}
