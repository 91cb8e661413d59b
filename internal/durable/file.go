package durable

import (
	"bytes"
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Category names our writes in pebble's statistics.
const Category = vfs.DiskWriteCategory("postroad")

// Replace gives a file new content as a whole. Until then that stands in the
// file tmp of the same file system, whose name need not last.
func Replace(disk vfs.FS, name, tmp string, content []byte) error {
	if err := Write(disk, tmp, content); err != nil {
		return err
	}
	if err := disk.Rename(tmp, name); err != nil {
		return err
	}
	return SyncFolder(disk, disk.PathDir(name))
}

// Write writes a file whose content is durable then; its name is not.
func Write(disk vfs.FS, name string, content []byte) error {
	f, err := disk.Create(name, Category)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Clone(content)) // a vfs.File may write into what it is given
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncFolder makes the names in a folder durable.
func SyncFolder(disk vfs.FS, name string) error {
	d, err := disk.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Read gives the content of a file.
func Read(disk vfs.FS, name string) ([]byte, error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	return content, errors.Join(err, f.Close())
}
