package spool_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/spooltest"
)

// open opens a spool that the test closes, in memory unless o says otherwise.
func open(t testing.TB, o spool.Options) *spool.Pebble {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	if o.Dir == "" {
		o.Dir = "data/spool"
	}
	if o.Fatal == nil {
		o.Fatal = func(err error) { panic(err) }
	}
	p, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestPebble(t *testing.T) {
	spooltest.Run(t, func(t *testing.T) spool.Store { return open(t, spool.Options{}) })
}

// A window of two jobs a lane makes every lane a long one.
func TestPebbleSmallWindow(t *testing.T) {
	spooltest.Run(t, func(t *testing.T) spool.Store {
		return open(t, spool.Options{Window: 2, Gather: 1, Page: 1, InlineMax: 100, Budget: 50})
	})
}

func TestPebbleOnDisk(t *testing.T) {
	spooltest.Run(t, func(t *testing.T) spool.Store {
		return open(t, spool.Options{FS: vfs.Default, Dir: t.TempDir() + "/a/b"})
	})
}
