package spool_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/postroad/postroad/internal/spool/salvage"
)

// TestEveryBlock alters an octet in each block of each table and blob file, and
// in each place of their footers, and has all of them merged as soon as a server
// runs. Over some of it the database ends the process. It does so once: the next
// start serves, or refuses with the name of the file.
func TestEveryBlock(t *testing.T) {
	for _, kind := range []struct {
		filling
		fill func(*testing.T, filling) *filled
	}{
		{filling{name: "closed", messages: 60, memTable: 256 << 10, flushed: true}, fillLongAgo},
		{filling{name: "killed", messages: 120, memTable: 256 << 10, killed: true}, fill},
	} {
		fl := kind.filling
		t.Run(fl.name, func(t *testing.T) {
			f := kind.fill(t, fl)
			var sum wrecks
			for name, extents := range f.files(t) {
				for _, hit := range places(name, extents) {
					sum.add(t, name, f.starts(t, fl, hit))
				}
			}
			if sum.refused == 0 {
				t.Error("no store refused to open")
			}
			t.Logf("%d blocks and parts of footers: %d processes ended over tables and %d over blob files, %d stores refused to open",
				sum.tried, sum.ended[".sst"], sum.ended[".blob"], sum.refused)
		})
	}
}

// wrecks counts what became of damaged stores.
type wrecks struct {
	tried, refused int
	ended          map[string]int // by kind of file
}

func (w *wrecks) add(t *testing.T, name string, runs []served) {
	t.Helper()
	if w.tried++; w.ended == nil {
		w.ended = map[string]int{}
	}
	for i, r := range runs {
		switch {
		case r.died && i > 0 && runs[i-1].died:
			t.Errorf("%s: it ends again: %s", name, r.output)
		case r.died:
			w.ended[filepath.Ext(name)]++
		case r.refused && !strings.Contains(r.output, name):
			t.Errorf("%s: it does not open and says %q", name, r.output)
		case r.refused:
			w.refused++
		}
	}
}

// fillLongAgo fills a store in the year 2000, so that its blob files are old enough
// to be written again.
func fillLongAgo(t *testing.T, fl filling) (f *filled) {
	t.Helper()
	dir := filepath.Join(quickDir(t), "spool")
	synctest.Test(t, func(t *testing.T) {
		f = fill(t, fl)
		if err := os.CopyFS(dir, os.DirFS(f.dir)); err != nil {
			t.Fatal(err)
		}
	})
	f.dir = dir
	return f
}

// files gives the tables and blob files of a store.
func (f *filled) files(t *testing.T) map[string][]salvage.Extent {
	t.Helper()
	names, err := os.ReadDir(filepath.Join(f.dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]salvage.Extent{}
	for _, n := range names {
		if ext := filepath.Ext(n.Name()); ext != ".sst" && ext != ".blob" {
			continue
		}
		if x := f.extents(t, n.Name()); len(x) > 1 { // else it counts no more
			out[n.Name()] = x
		}
	}
	return out
}

// places takes the middle of each block, and octets all over the footer, of which
// every one has a meaning of its own.
func places(name string, extents []salvage.Extent) (out []flip) {
	for _, e := range extents[:len(extents)-1] {
		out = append(out, flip{file: "db/" + name, off: e.Offset + e.Size/2, size: 1})
	}
	footer := extents[len(extents)-1]
	step := int64(9)
	if *exhaustive == "all" {
		step = 1
	}
	for at := int64(0); at < footer.Size; at += step {
		out = append(out, flip{file: "db/" + name, off: footer.Offset + at, size: 1})
	}
	return out
}

// starts runs servers one after the other on a copy of the store in which one bit
// is altered: until one refuses, and no more than three. What one has delivered
// lets the next write blob files again.
func (f *filled) starts(t *testing.T, fl filling, hit flip) (runs []served) {
	t.Helper()
	dir := filepath.Join(quickDir(t), "spool")
	if err := os.CopyFS(dir, os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(dir))
	name := filepath.Join(dir, hit.file)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[hit.off] ^= 1 << (hit.off % 8)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for len(runs) < 3 {
		runs = append(runs, serveChild(t, diskOptions(dir, fl.memTable), mergeFirst))
		if runs[len(runs)-1].refused {
			break
		}
	}
	return runs
}
