package migrate

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/durable"
)

func TestDamagedJournal(t *testing.T) {
	disk := vfs.NewMem()
	b := open(t, disk)
	must(t, b.Move(order("ann")))
	must(t, b.Move(order("bob")))
	must(t, b.Close())
	data, err := readFile(disk, "data/"+journalName)
	must(t, err)
	bad := strings.Replace(string(data), "ann@", "eve@", 1)
	must(t, durable.Write(disk, "data/"+journalName, []byte(bad)))
	if _, err := Open(Options{Dir: "data", FS: disk}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a changed line: %v", err)
	}
	for cut := range len(data) {
		must(t, durable.Write(disk, "data/"+journalName, data[:cut]))
		b := open(t, disk)
		if n := len(b.Account(acme).History); n != strings.Count(string(data[:cut]), "\n") {
			t.Errorf("cut at %d: %d moves", cut, n)
		}
		must(t, b.Close())
	}
}

// A journal that is too large to be read is an error, and not cut to what was
// read of it.
func TestHugeJournal(t *testing.T) {
	const most = 1 << 30
	dir := t.TempDir()
	b, err := Open(Options{Dir: dir})
	must(t, err)
	must(t, b.Move(order("ann")))
	must(t, b.Close())
	path := filepath.Join(dir, journalName)
	must(t, os.Truncate(path, most+1)) // sparse
	for name, open := range map[string]func() error{
		"the server": func() error { _, err := Open(Options{Dir: dir}); return err },
		"who looks":  func() error { _, err := Read(dir); return err },
	} {
		var size *SizeError
		if err := open(); !errors.As(err, &size) || *size != (SizeError{File: path, Octets: most + 1, Most: most}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() != most+1 {
		t.Errorf("the journal was changed: %v, %v", info.Size(), err)
	}
}

// What the next start would not read is refused, and the book goes on.
func TestFullJournal(t *testing.T) {
	disk := vfs.NewMem()
	b := open(t, disk)
	must(t, b.Move(order("ann")))
	was := b.journal.size
	b.journal.size = 1<<30 - 10
	var size *SizeError
	if err := b.Move(order("bob")); !errors.As(err, &size) || lives(b, "bob") != "" || lives(b, "ann") != "new" {
		t.Errorf("a change that makes the journal too large: %v, bob %q", err, lives(b, "bob"))
	}
	b.journal.size = was
	must(t, b.Move(order("bob")))
	must(t, b.Close())
}
