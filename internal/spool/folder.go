package spool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Names in the spool's folder.
const (
	lockName       = "LOCK"
	formatName     = "FORMAT" // written when the database was first made
	dbName         = "db"
	bodyName       = "body" // big bodies, each named by its message
	tmpName        = "tmp"  // big bodies being received
	quarantineName = "quarantine"
	ballastName    = "ballast"
	damagedName    = "DAMAGED" // names of damaged files of the database, until it is repaired
)

// formatText is the content of FORMAT: the layout of this folder.
const formatText = "postroad spool 1\n"

// category names our writes in pebble's statistics.
const category = vfs.DiskWriteCategory("postroad")

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

func (f folder) syncDir(dir string) error {
	d, err := f.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// founded tells whether a database was made here. Without the mark there must
// be nothing that belongs to one: a folder that lost its database is not an
// empty queue.
func (f folder) founded() (bool, error) {
	text, err := f.readFile(f.path(formatName))
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
func (f folder) found() error {
	tmp := f.path(tmpName, formatName)
	if err := f.writeFile(tmp, []byte(formatText)); err != nil {
		return err
	}
	if err := f.fs.Rename(tmp, f.path(formatName)); err != nil {
		return err
	}
	return f.syncDir(f.root)
}

func (f folder) readFile(name string) ([]byte, error) {
	file, err := f.fs.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	return data, errors.Join(err, file.Close())
}

// writeFile writes a file and syncs it; the folder is the caller's.
func (f folder) writeFile(name string, data []byte) error {
	file, err := f.fs.Create(name, category)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// clean removes the files that a former process was writing.
func (f folder) clean() error {
	names, err := f.fs.List(f.path(tmpName))
	for _, n := range names {
		err = errors.Join(err, f.fs.Remove(f.path(tmpName, n)))
	}
	return err
}
