package spool_test

import (
	"context"
	"log/slog"
	"strings"
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
	if o.Log == nil {
		o.Log = slog.New(misuse{})
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

// misuse is a log that panics when the database has found a key deleted by
// SingleDelete that was not written once: what a merge makes of it is not certain.
type misuse struct{ slog.Handler }

func (misuse) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

// Handle looks for the one line.
func (misuse) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "spool: a key was not written once") {
		r.Attrs(func(a slog.Attr) bool {
			r.Message += " " + a.String()
			return true
		})
		panic(r.Message)
	}
	return nil
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
