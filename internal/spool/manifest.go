package spool

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// manifestFS makes the name of a new manifest durable before anything refers to
// it. pebble syncs the folder only after it has moved its marker to the new
// manifest too; a file system that loses the one name and keeps the other would
// leave a database that does not open. Journalling file systems keep the
// order, and nothing says that they must.
type manifestFS struct{ vfs.FS }

// Create makes a file.
func (fs manifestFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	if err != nil || !strings.HasPrefix(fs.PathBase(name), "MANIFEST-") {
		return f, err
	}
	if err := (folder{fs: fs.FS}).syncDir(fs.PathDir(name)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Unwrap gives what is below.
func (fs manifestFS) Unwrap() vfs.FS { return fs.FS }
