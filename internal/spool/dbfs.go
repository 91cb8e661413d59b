package spool

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// databaseFS is the file system as pebble sees it. Three things are done better
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
type databaseFS struct {
	vfs.FS
	fail    func(error)
	unread  func(file string, err error) // does not return
	running *atomic.Bool                 // the database is open; Open and Close return errors of a log
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

// Open opens a file for reading. What asks for reading in sequence is a merge,
// by mergeReadahead.
func (fs databaseFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.Open(name, opts...)
	if err != nil || !strings.HasSuffix(name, ".sst") || !slices.Contains(opts, vfs.SequentialReadsOption) {
		return f, err
	}
	return mergedFile{f, func(err error) { fs.unread(fs.PathBase(name), err) }}, nil
}

// mergeReadahead has only merges of tables read by a handle for reading in
// sequence, so that Open can tell them from what is read for a message.
func mergeReadahead() *objstorageprovider.ReadaheadConfig {
	c := &objstorageprovider.ReadaheadConfig{}
	c.Set(objstorageprovider.FadviseSequential, objstorageprovider.SysReadahead)
	return c
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

// mergedFile is a table that is being merged with others.
type mergedFile struct {
	vfs.File
	unread func(error)
}

func (f mergedFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		f.unread(err)
	}
	return n, err
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
