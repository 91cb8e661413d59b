package spool

import (
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of Open. The zero value of each field but Dir is a default.
type Options struct {
	Dir string
	FS  vfs.FS           // nil: the machine's
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: no log
	// Rand draws ids. nil: crypto/rand.
	Rand io.Reader

	InlineMax int   // larger bodies have a file each; 256 KB
	MaxSize   int64 // largest body, ErrTooBig beyond; 0: no bound
	Budget    int64 // memory for bodies, being received or fresh; 64 MB
	MinFree   int64 // bytes free on the disk below which no mail is taken; 512 MB, negative: not watched
	Ballast   int64 // bytes set aside and given up on a full disk; 64 MB, negative: none
	MemTable  int   // bytes of pebble's memtable; 32 MB, or less by MinFree and the disk
	Window    int   // scheduled jobs of one lane kept in memory; 1024
	Gather    int   // jobs of one transport that a list puts in order in memory; 65 536
	Page      int   // jobs that a list looks up at once; 512

	// Fatal is called when the database can no longer promise anything, as
	// after a failed fsync. It must not return. nil: the process ends with 1.
	Fatal func(error)
}

// withDefaults fills what is not set.
func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Fatal == nil {
		o.Fatal = func(error) { os.Exit(1) }
	}
	orInt64(&o.Budget, 64<<20)
	orInt64(&o.MinFree, 512<<20)
	orInt64(&o.Ballast, 64<<20)
	orInt(&o.InlineMax, 256<<10)
	orInt(&o.Window, 1024)
	orInt(&o.Gather, 64<<10)
	orInt(&o.Page, 512)
	return o
}

func orInt64(v *int64, def int64) {
	if *v == 0 {
		*v = def
	}
}

func orInt(v *int, def int) {
	if *v == 0 {
		*v = def
	}
}
