package file

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/postroad/postroad/internal/table"
)

// Errors of a file that is not read.
var (
	ErrNotRegular = errors.New("not a plain file")
	ErrRestless   = errors.New("changes while it is read")
	ErrEmptied    = errors.New("is empty and was not before; taken when it stays so")
)

// maxRounds bounds how often a file that changes while it is read is read again.
const maxRounds = 5

// sameness says that a file need not be read.
type sameness uint8

const (
	sameNot     sameness = iota
	sameLoaded           // as the file of the present content
	sameRefused          // as the one that was refused last
)

// look is one look at a file: nothing when it did not change, otherwise its
// content or what is wrong.
type look struct {
	def     Definition
	opts    Options
	loaded  fs.FileInfo // file of the present content; nil: none
	racy    fs.FileInfo // the same where it was fresh when read; nil: it was not
	opening bool        // a racy file that looks the same is left for the next look
	refused fs.FileInfo // the one refused last; nil: none
	wasFull bool        // the present content has entries
	seed    maphash.Seed
	sum     uint64 // of the file of the present content
}

// reading is the outcome of a look.
type reading struct {
	content table.Resident
	info    fs.FileInfo
	racy    bool
	same    sameness
	sum     uint64
	err     error
}

func (l look) run(progress *atomic.Int64) reading {
	for range maxRounds {
		r, changed := l.once(progress)
		if !changed {
			return r
		}
		progress.Add(1)
	}
	return reading{err: ErrRestless}
}

// once reads the file; changed tells that it changed meanwhile.
func (l look) once(progress *atomic.Int64) (r reading, changed bool) {
	before, err := l.opts.Files.Stat(l.def.Path)
	if err != nil {
		return reading{err: plain(err)}, false
	}
	switch {
	case same(before, l.loaded):
		return reading{same: sameLoaded}, false
	case same(before, l.refused):
		return reading{same: sameRefused}, false
	case l.opening && same(before, l.racy):
		return reading{same: sameLoaded, racy: true}, false
	case !before.Mode().IsRegular():
		// A pipe without a writer reads as an empty file: every user unknown.
		return reading{info: before, err: fmt.Errorf("%w: %v", ErrNotRegular, before.Mode().Type())}, false
	}
	age := time.Since(before.ModTime())
	if l.wasFull && before.Size() == 0 && age >= 0 && age < l.opts.SettleEmpty {
		return reading{err: ErrEmptied}, false // not info: looked at again until it is old enough
	}
	fresh := age >= 0 && age < l.opts.Settle
	if l.wasFull && fresh && !same(before, l.racy) {
		return reading{}, false // it may still be written: the next look will tell
	}
	// A file written within the clock's grain of being read can change once more
	// without looking changed. Whether it did is told by its octets, which cost a
	// small part of making the content anew.
	if same(before, l.racy) && l.isUnchanged(before, progress) {
		return reading{same: sameLoaded, racy: fresh}, false
	}
	r, changed = l.read(before, progress)
	r.racy = fresh
	return r, changed
}

// isUnchanged tells whether the file holds what it held when it was read.
func (l look) isUnchanged(before fs.FileInfo, progress *atomic.Int64) bool {
	f, err := l.opts.Files.Open(l.def.Path)
	if err != nil {
		return false
	}
	defer f.Close()
	in := l.counted(f, progress)
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, in, make([]byte, 256<<10))
	after, statErr := l.opts.Files.Stat(l.def.Path)
	return err == nil && statErr == nil && same(before, after) && in.sum.Sum64() == l.sum
}

// read opens and parses; changed tells that the file is not what it was before.
func (l look) read(before fs.FileInfo, progress *atomic.Int64) (r reading, changed bool) {
	f, err := l.opts.Files.Open(l.def.Path)
	if err != nil {
		return reading{err: plain(err)}, false
	}
	defer f.Close()
	if opened, err := f.Stat(); err != nil || !opened.Mode().IsRegular() {
		return reading{err: ErrRestless}, true
	}
	in := l.counted(f, progress)
	content, err := Parse(l.def.Format, l.def.Shown, in)
	after, statErr := l.opts.Files.Stat(l.def.Path)
	if statErr != nil || !same(before, after) || in.n > before.Size() {
		return reading{err: ErrRestless}, true
	}
	if err == nil && l.def.Check != nil {
		err = l.def.Check(content)
	}
	r = reading{content: content, info: before, sum: in.sum.Sum64()}
	if err != nil {
		r.content, r.err = nil, plain(err)
	}
	if p := (*Problems)(nil); err != nil && !errors.As(err, &p) {
		r.info = nil // an error of the disk, or of the check, may pass: try again
	}
	return r, false
}

// plain takes the path off an error that will be told beside it.
func plain(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// counted counts and sums up what is read.
type counted struct {
	r        io.Reader
	n        int64
	sum      maphash.Hash
	progress *atomic.Int64
}

func (l look) counted(r io.Reader, progress *atomic.Int64) *counted {
	c := &counted{r: r, progress: progress}
	c.sum.SetSeed(l.seed)
	return c
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	_, _ = c.sum.Write(p[:n])
	c.progress.Add(int64(n))
	return n, err
}
