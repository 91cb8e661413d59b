//go:build cgo && linux && !race

package server

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestTrim: what a block cache gave up is not the process's any more.
func TestTrim(t *testing.T) {
	const values, octets = 4000, 16 << 10
	cache := pebble.NewCache(values * octets)
	defer cache.Unref()
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), Cache: cache, MemTableSize: 1 << 20, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	random := rand.NewChaCha8([32]byte{})
	value := make([]byte, octets)
	for i := range uint32(values) {
		random.Read(value)
		if err := db.Set(binary.BigEndian.AppendUint32(nil, i), value, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range uint32(values) {
		if _, c, err := db.Get(binary.BigEndian.AppendUint32(nil, i)); err != nil {
			t.Fatal(err)
		} else if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	full := resident(t)
	defer cache.Reserve(values * octets * 7 / 8)()
	left := resident(t)
	new(trimmer).trim()
	if got := resident(t); full-got < values*octets/2 {
		t.Errorf("%d MB with full cache, %d MB without, %d MB after a trim", full>>20, left>>20, got>>20)
	} else {
		t.Logf("%d MB with full cache, %d MB without, %d MB after a trim", full>>20, left>>20, got>>20)
	}
}

// quiet is pebble's log, of which nothing is kept.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

// resident is the memory of this process that is not of files.
func resident(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(b), "RssAnon:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
