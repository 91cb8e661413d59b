package server

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	markKeyName   = "mark.key"
	markKeyOctets = 32
)

// markKey gives the key of the loop marks of a data folder; the first start makes
// it. It must outlive restarts, since a loop may return after one, and the
// server does not start with half a key: so that it is durable under another
// name before it gets its own.
func markKey(disk vfs.FS, data string) ([]byte, error) {
	key, err := readMarkKey(disk, data)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, markKeyOctets)
	rand.Read(key) // never fails
	return key, replaceFile(disk, data, markKeyName, key)
}

// replaceFile makes a file of a folder, durable as a whole or not there.
func replaceFile(disk vfs.FS, folder, name string, content []byte) error {
	final := disk.PathJoin(folder, name)
	if err := writeSynced(disk, final+".new", content); err != nil {
		return err
	}
	if err := disk.Rename(final+".new", final); err != nil {
		return err
	}
	return syncFolder(disk, folder)
}

func readWhole(disk vfs.FS, name string) ([]byte, error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

func readMarkKey(disk vfs.FS, data string) ([]byte, error) {
	name := disk.PathJoin(data, markKeyName)
	key, err := readWhole(disk, name)
	if err == nil && len(key) != markKeyOctets {
		return nil, fmt.Errorf("%s has %d octets instead of %d", name, len(key), markKeyOctets)
	}
	return key, err
}

// writeSynced writes a file whose content is durable then; its name is not.
func writeSynced(disk vfs.FS, name string, content []byte) error {
	f, err := disk.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Clone(content)) // a vfs.File may write into what it is given
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncFolder(disk vfs.FS, name string) error {
	d, err := disk.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// privateFiles makes files that only their owner reads.
type privateFiles struct{ vfs.FS }

// Create makes a file, or empties one.
func (p privateFiles) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return p.FS.OpenReadWrite(name, c)
}
