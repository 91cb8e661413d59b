package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/durable"
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
	name := disk.PathJoin(data, markKeyName)
	return key, durable.Replace(disk, name, name+".new", key)
}

func readMarkKey(disk vfs.FS, data string) ([]byte, error) {
	name := disk.PathJoin(data, markKeyName)
	key, err := durable.Read(disk, name)
	if err == nil && len(key) != markKeyOctets {
		return nil, fmt.Errorf("%s has %d octets instead of %d", name, len(key), markKeyOctets)
	}
	return key, err
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
