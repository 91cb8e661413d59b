package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// separateAbove is the size from which bodies go to blob files, which
// compactions of the keys do not rewrite.
const separateAbove = 2 << 10

// blockCache is the memory for blocks of tables while both memtables have their
// full size.
const blockCache = 16 << 20

// separateBodies keeps all but the bodies out of blob files: they are small, are
// read more often, and a damaged blob then costs bodies only.
func separateBodies(from []byte) (pebble.SpanPolicy, []byte, error) {
	if end := []byte{famBody + 1}; bytes.Compare(from, end) < 0 {
		return pebble.SpanPolicy{}, end, nil
	}
	return pebble.SpanPolicy{ValueStoragePolicy: pebble.ValueStorageLowReadLatency}, nil, nil
}

// databaseOptions suits pebble to a queue: values are written once, read once or
// twice, and deleted soon, most of them before the memtable that holds them is
// flushed.
func (p *Pebble) databaseOptions() *pebble.Options {
	memTable := p.opt.MemTable
	if memTable == 0 {
		memTable = p.space.memTable()
	}
	opt := &pebble.Options{
		FS:                 databaseFS{FS: p.opt.FS, fail: p.fail, unread: p.mergeUnread, running: &p.running, renewal: &p.renewal},
		Logger:             databaseLog{p},
		FormatMajorVersion: pebble.FormatValueSeparation,
		// A message that is delivered while its memtable lives never reaches a
		// table: its keys and their deletions annul each other in the flush.
		MemTableSize:                uint64(memTable),
		MemTableStopWritesThreshold: 4,
		// What outlives its memtable are a few keys from all over, so that one
		// compaction out of L0 rewrites the keys of the whole queue, however little
		// it brings. Eight tables are gathered for it (half of the threshold).
		L0CompactionThreshold: 16,
		L0StopWritesThreshold: 40,
		// For the same reason the level below stays small, so that what it takes
		// in is not written together with all that has waited for long.
		LBaseMaxBytes: 4 << 20,
		// The memtables are counted in the cache: two of them, and room for blocks.
		CacheSize:          2*int64(memTable) + blockCache,
		MaxOpenFiles:       512,
		WALMinSyncInterval: p.pulse.rest,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { p.backgroundError(err) },
			DataCorruption:  func(i pebble.DataCorruptionInfo) { p.damageFound(i) },

			BlobFileRewriteBegin: func(i pebble.BlobFileRewriteInfo) { p.renewal.begin(i) },
			BlobFileRewriteEnd:   func(i pebble.BlobFileRewriteInfo) { p.renewalEnded(i) },

			PossibleAPIMisuse: func(i pebble.PossibleAPIMisuseInfo) { p.misused(i) },
		},
	}
	opt.Experimental.SpanPolicyFunc = separateBodies
	opt.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           separateAbove,
			MaxBlobReferenceDepth: 10,
			RewriteMinimumAge:     15 * time.Second,
			TargetGarbageRatio:    p.garbageRatio(),
		}
	}
	return opt
}

// garbageRatio is how much of the blobs may be garbage before some are written
// again without it.
func (p *Pebble) garbageRatio() float64 {
	if p.space.full() != nil {
		return garbageFull
	}
	return garbageUsual
}

// backgroundError tells of a failed flush or compaction. pebble tries again; the
// data are safe in the log meanwhile. Over damage it would try for ever, and so
// it is the end.
func (p *Pebble) backgroundError(err error) {
	if pebble.IsCorruptionError(err) {
		p.distrust.writeAll()
		p.fail(fmt.Errorf("%w: in background work; `postroad spool repair` brings back what can be read: %w", ErrDamaged, err))
	}
	if !errors.Is(err, pebble.ErrCancelledCompaction) {
		p.opt.Log.Error("spool: background work of the database failed", "error", err)
	}
}

// misused tells of a key that SingleDelete deleted though it was written twice, or
// not at all: what a merge leaves of such a key is not certain. Where nothing was
// damaged it is an error of ours.
func (p *Pebble) misused(i pebble.PossibleAPIMisuseInfo) {
	p.opt.Log.Error("spool: a key was not written once before its deletion", "kind", i.Kind.String(), "key", fmt.Sprintf("%q", i.UserKey))
}

// mergeUnread is the end because a table cannot be read in background work.
// Nothing says whether it can be read again: the next start reads it all first.
func (p *Pebble) mergeUnread(file string, err error) {
	p.distrust.found(file + unreadMark)
	p.fail(fmt.Errorf("%w: %s cannot be read in background work; the next start looks whether it can be: %w", ErrDamaged, file, err))
}

// databaseLog passes pebble's log on: what it does every second is worth a line
// only to those who look for it.
type databaseLog struct{ p *Pebble }

func (l databaseLog) Infof(format string, args ...any)  { l.log(slog.LevelDebug, format, args) }
func (l databaseLog) Errorf(format string, args ...any) { l.log(slog.LevelError, format, args) }

// Fatalf is called when the log or the manifest cannot be written.
func (l databaseLog) Fatalf(format string, args ...any) { l.p.fail(fmt.Errorf(format, args...)) }

func (l databaseLog) log(level slog.Level, format string, args []any) {
	if l.p.opt.Log.Enabled(context.Background(), level) {
		l.p.opt.Log.Log(context.Background(), level, "spool: database: "+fmt.Sprintf(format, args...))
	}
}
