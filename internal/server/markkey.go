package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	markKeyName   = "mark.key"
	markKeyOctets = 32
)

// markKey gives the key of the loop marks of a data folder; the first start makes
// it. It must outlive restarts, since a loop may return after one.
func markKey(data string) ([]byte, error) {
	key, err := readMarkKey(data)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, markKeyOctets)
	rand.Read(key) // never fails
	tmp := filepath.Join(data, markKeyName+".new")
	if err := os.WriteFile(tmp, key, 0o600); err != nil {
		return nil, err
	}
	return key, os.Rename(tmp, filepath.Join(data, markKeyName))
}

func readMarkKey(data string) ([]byte, error) {
	key, err := os.ReadFile(filepath.Join(data, markKeyName))
	if err == nil && len(key) != markKeyOctets {
		return nil, fmt.Errorf("%s has %d octets instead of %d", filepath.Join(data, markKeyName), len(key), markKeyOctets)
	}
	return key, err
}
