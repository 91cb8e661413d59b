package spool

import (
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/spool/salvage"
)

// renewal watches over the blob file that pebble writes again without its garbage.
//
// pebble does one at a time. Over a damaged block it panics before it tells of the
// damage, which would go on at each start; over other errors it tries again and
// tells nobody but the listener. So what it reads is held against its checksum
// before pebble does that.
type renewal struct {
	file    atomic.Pointer[string] // nil: none
	suspect func(file string)
}

// begin and end are called by pebble around it.
func (r *renewal) begin(i pebble.BlobFileRewriteInfo) {
	file := fmt.Sprintf("%06d.blob", uint64(i.Input.DiskFileNum))
	r.file.Store(&file)
}

func (r *renewal) end() { r.file.Store(nil) }

// read sees what was read of a file. What is no block, or was not read block by
// block, makes it suspect as well: the whole file is looked at then.
func (r *renewal) read(file string, b []byte) {
	if now := r.file.Load(); now != nil && *now == file && !salvage.Whole(b) {
		r.suspect(file)
	}
}

// blobFile is a blob file that is read.
type blobFile struct {
	vfs.File
	name    string
	renewal *renewal
}

func (f blobFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(b, at)
	if err == nil {
		f.renewal.read(f.name, b)
	}
	return n, err
}

// renewalEnded takes an error for one of background work, which it is.
func (p *Pebble) renewalEnded(i pebble.BlobFileRewriteInfo) {
	p.renewal.end()
	if i.Err != nil {
		p.backgroundError(i.Err)
	}
}

// suspectBlob is the end when a blob file that is being written again is damaged:
// the next start refuses.
func (p *Pebble) suspectBlob(file string) {
	o := salvage.Options{FS: p.opt.FS, Dir: p.folder.path(dbName), Valid: valid}
	damage := salvage.Blob(o, file)
	if len(damage) == 0 {
		return
	}
	p.distrust.found(file)
	p.distrust.writeAll()
	p.fail(fmt.Errorf("%w: in background work; `postroad spool repair` brings back what can be read: %s", ErrDamaged, damage[0]))
}
