package spool

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// databaseFS is the file system as pebble sees it. Four things are done better
// than pebble does them.
//
// It makes the name of a new manifest durable before anything refers to it.
// pebble syncs the folder only after it has moved its marker to the new manifest
// too; a file system that loses the one name and keeps the other would leave a
// database that does not open. Journalling file systems keep the order, and
// nothing says that they must.
//
// When a folder cannot be synced, or a log or blob file not be made, written,
// synced or closed, it ends the store with a reason. pebble itself dies of most
// of these: of a log's with a panic over its own locks, of a blob file's with a
// nil pointer.
//
// When a table cannot be read while it is merged with others, it tells unread.
// pebble tries again for ever, or panics with the error, by where in a table the
// block stands.
//
// It looks at what is read of a blob file that is written again (renewal.go).
type databaseFS struct {
	vfs.FS
	fail    func(error)
	unread  func(file string, err error) // does not return
	running *atomic.Bool                 // the database is open; Open and Close return errors of a log
	renewal *renewal
}

// check ends the store when a vital file failed.
func (fs databaseFS) check(name string, err error) error {
	if err != nil && (fs.running.Load() || !isLog(name)) {
		fs.fail(err)
	}
	return err
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// vital watches a file if it is a log or holds blobs.
func (fs databaseFS) vital(name string, f vfs.File, err error) (vfs.File, error) {
	if !isLog(name) && !strings.HasSuffix(name, ".blob") {
		return f, err
	}
	if fs.check(name, err) != nil {
		return nil, err
	}
	return vitalFile{f, func(err error) error { return fs.check(name, err) }}, nil
}

// Create makes a file.
func (fs databaseFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	if err != nil || !strings.HasPrefix(fs.PathBase(name), "MANIFEST-") {
		return fs.vital(name, f, err)
	}
	if err := (folder{fs: fs.FS}).syncDir(fs.PathDir(name)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReuseForWrite makes a file out of an old one.
func (fs databaseFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, c)
	return fs.vital(to, f, err)
}

// Open opens a file for reading.
func (fs databaseFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.Open(name, opts...)
	if err == nil && strings.HasSuffix(name, ".blob") {
		return blobFile{f, fs.PathBase(name), fs.renewal}, nil
	}
	if !strings.HasSuffix(name, ".sst") {
		return f, err
	}
	unread := func(err error) error { return fs.checkMerge(name, err) }
	if unread(err) != nil {
		return nil, err
	}
	return tableFile{f, unread}, nil
}

// checkMerge ends the store when a table failed that is being merged with others.
func (fs databaseFS) checkMerge(name string, err error) error {
	if err != nil && !errors.Is(err, io.EOF) && merging() {
		fs.unread(fs.PathBase(name), err)
	}
	return err
}

// mergeCall is the function of pebble in which all is done for a merge of tables.
const mergeCall = "pebble/v2.(*DB).compact1"

// merging tells whether it is called for a merge. pebble reads the same files by
// the same handles for messages, and says nowhere for what; this is asked only
// when something failed.
func merging() bool {
	callers := make([]uintptr, 100)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, mergeCall) {
			return true
		}
		if !more {
			return false
		}
	}
}

// OpenDir opens a folder for syncing.
func (fs databaseFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return databaseDir{f, fs}, nil
}

// Unwrap gives what is below.
func (fs databaseFS) Unwrap() vfs.FS { return fs.FS }

// databaseDir is a folder whose failed sync ends the store, while it is opened
// too: pebble panics then.
type databaseDir struct {
	vfs.File
	fs databaseFS
}

// Sync makes the names in the folder durable.
func (d databaseDir) Sync() error {
	err := d.File.Sync()
	if err != nil {
		d.fs.fail(err)
	}
	return err
}

// tableFile is a table, of which unread is told what could not be read.
type tableFile struct {
	vfs.File
	unread func(error) error
}

func (f tableFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(b, at)
	return n, f.unread(err)
}

func (f tableFile) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	return info, f.unread(err)
}

// vitalFile is a log or blob file, whose failure ends the store.
type vitalFile struct {
	vfs.File
	check func(error) error
}

func (f vitalFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	return n, f.check(err)
}

func (f vitalFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.check(err)
}

func (f vitalFile) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	return info, f.check(err)
}

func (f vitalFile) Sync() error     { return f.check(f.File.Sync()) }
func (f vitalFile) SyncData() error { return f.check(f.File.SyncData()) }
func (f vitalFile) Close() error    { return f.check(f.File.Close()) }
