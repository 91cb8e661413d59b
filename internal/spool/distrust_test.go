package spool_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/spool"
)

const dbDir = "data/spool/db"

// tabled makes a closed spool whose messages stand in tables alone, and names
// these.
func tabled(t *testing.T) (*vfs.MemFS, []string) {
	t.Helper()
	fs := vfs.NewMem()
	p, err := spool.Open(crashOptions(fs))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(p)
	for i := range 4 {
		if err := commit(fmt.Sprint("m", i), 3000, 1).do(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(p.Merge(false), p.Close()); err != nil {
		t.Fatal(err)
	}
	tables := inDatabase(t, fs, ".sst")
	if len(tables) == 0 {
		t.Fatal("no tables")
	}
	return fs, tables
}

func inDatabase(t *testing.T, fs vfs.FS, suffix string) (out []string) {
	t.Helper()
	names, err := fs.List(dbDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.HasSuffix(n, suffix) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func write(t *testing.T, fs vfs.FS, name, text string) {
	t.Helper()
	f, err := fs.Create(name, "test")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(f, text)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// refused holds that a spool does not open, and that a check says why as well.
func refused(t *testing.T, fs vfs.FS, file string) {
	t.Helper()
	p, err := spool.Open(crashOptions(fs))
	if err == nil {
		p.Close()
	}
	if !errors.Is(err, spool.ErrDamaged) || !strings.Contains(err.Error(), file) {
		t.Errorf("%s is damaged, and a start says %v", file, err)
	}
	if r, err := spool.Check(crashOptions(fs)); err != nil || r.Sound() {
		t.Errorf("%s is damaged, and a check says %+v, %v", file, r, err)
	}
}

// TestRefusedWithoutLog: a process that ends over a damaged table while it starts
// may leave no log behind, since the old one is flushed and the new not made. The
// next start looks at the tables all the same.
func TestRefusedWithoutLog(t *testing.T) {
	_, tables := tabled(t)
	for i := range tables {
		fs, tables := tabled(t)
		for _, log := range inDatabase(t, fs, ".log") {
			if err := fs.Remove(path.Join(dbDir, log)); err != nil {
				t.Fatal(err)
			}
		}
		err := overwrite(fs, path.Join(dbDir, tables[i]), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		if err != nil {
			t.Fatal(err)
		}
		write(t, fs, "data/spool/DAMAGED", tables[i]+"\n")
		refused(t, fs, tables[i])
	}
}

// TestDistrust: a table of which the database found a block damaged keeps the
// spool closed as long as it counts, even when it reads well by now. One that
// could not be read is taken again when it can be.
func TestDistrust(t *testing.T) {
	fs, tables := tabled(t)
	list := "data/spool/DAMAGED"
	write(t, fs, list, tables[0]+"\n")
	refused(t, fs, tables[0])
	for _, harmless := range []string{tables[0] + " unread\n", "999999.sst\n", "\n", ""} {
		write(t, fs, list, harmless)
		p, err := spool.Open(crashOptions(fs))
		if err != nil {
			t.Fatalf("%q: %v", harmless, err)
		}
		if _, err := fs.Stat(list); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: the list is still there: %v", harmless, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(t, fs, list, tables[0]+"\n")
	replaceTables(t, fs)
	open(t, crashOptions(fs)).Close()
}

// replaceTables merges all tables into new ones, as compactions do in time.
func replaceTables(t *testing.T, fs vfs.FS) {
	t.Helper()
	rewriteKeys(t, fs, func(_, value []byte) []byte { return value })
	db, err := pebble.Open(dbDir, &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatValueSeparation, Logger: quiet{}})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
