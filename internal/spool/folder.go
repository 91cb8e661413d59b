package spool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/durable"
)

// Names in the spool's folder.
const (
	lockName       = "LOCK"
	formatName     = "FORMAT" // written when the database was first made
	dbName         = "db"
	bodyName       = "body" // big bodies, each named by its message
	tmpName        = "tmp"  // what is being written: big bodies, and files to replace others
	quarantineName = "quarantine"
	ballastName    = "ballast"
	damagedName    = "DAMAGED" // names of damaged files of the database, until it is repaired
)

// formatText is the content of FORMAT: the layout of this folder.
const formatText = "postroad spool 1\n"

// folder is the place on disk. Its methods sync what they promise.
type folder struct {
	fs   vfs.FS
	root string
}

func (f folder) path(elem ...string) string {
	return f.fs.PathJoin(append([]string{f.root}, elem...)...)
}

// open makes what is missing and takes the lock. Nothing else is touched before
// the lock is ours: another server may be at work.
func (f folder) open() (io.Closer, error) {
	if err := f.makeAll(f.root); err != nil {
		return nil, fmt.Errorf("spool: making %s: %w", f.root, err)
	}
	lock, err := f.fs.Lock(f.path(lockName))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrLocked, f.root, err)
	}
	for _, sub := range []string{dbName, bodyName, tmpName, quarantineName} {
		if err := f.fs.MkdirAll(f.path(sub), 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("spool: making %s: %w", f.path(sub), err), lock.Close())
		}
	}
	if err := f.syncDir(f.root); err != nil {
		return nil, errors.Join(fmt.Errorf("spool: syncing %s: %w", f.root, err), lock.Close())
	}
	return lock, nil
}

// makeAll makes a folder and its parents, each durable in the one above.
func (f folder) makeAll(dir string) error {
	if _, err := f.fs.Stat(dir); err == nil {
		return nil
	}
	parent := f.fs.PathDir(dir)
	if parent != dir {
		if err := f.makeAll(parent); err != nil {
			return err
		}
	}
	if err := f.fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return f.syncDir(parent)
}

func (f folder) syncDir(dir string) error { return durable.SyncFolder(f.fs, dir) }

// replaceFile gives a small file new content as a whole. What a crash leaves of it
// is in tmp, which the next start empties.
func (f folder) replaceFile(content []byte, elem ...string) error {
	final := f.path(elem...)
	return durable.Replace(f.fs, final, f.path(tmpName, f.fs.PathBase(final)+".new"), content)
}

// founded tells whether a database was made here. Without the mark there must
// be nothing that belongs to one: a folder that lost its database is not an
// empty queue.
func (f folder) founded() (bool, error) {
	text, err := durable.Read(f.fs, f.path(formatName))
	switch {
	case err == nil && string(text) == formatText:
		return true, nil
	case err == nil:
		return false, fmt.Errorf("spool: %s: layout %q is unknown", f.root, text)
	case !errors.Is(err, os.ErrNotExist):
		return false, fmt.Errorf("spool: reading %s: %w", f.path(formatName), err)
	}
	bodies, err := f.fs.List(f.path(bodyName))
	if err == nil && len(bodies) > 0 {
		err = fmt.Errorf("spool: %s has bodies but no %s: refusing to begin an empty queue", f.root, formatName)
	}
	return false, err
}

// found leaves the mark.
func (f folder) found() error { return f.replaceFile([]byte(formatText), formatName) }

// clean removes the files that a former process was writing.
func (f folder) clean() error {
	names, err := f.fs.List(f.path(tmpName))
	for _, n := range names {
		err = errors.Join(err, f.fs.Remove(f.path(tmpName, n)))
	}
	return err
}
