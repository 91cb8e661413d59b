package salvage

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of Open.
type Options struct {
	FS  vfs.FS
	Dir string // of the database
	// Valid tells whether a value proves itself under its key, by a checksum of
	// its own.
	Valid func(key, value []byte) bool
	// Known are files of which a block was found damaged before. Such a one is
	// damaged as long as it counts, however it reads now.
	Known []string
}

// Damage is a part of a file that cannot be read.
type Damage struct {
	File   string `json:"file"` // in the database's folder
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
	Why    string `json:"why"`
	// Certain is false of the end of a log that may be no more than a write that
	// was cut off by a crash.
	Certain bool `json:"certain"`
}

// String is the damage in a line.
func (d Damage) String() string {
	return fmt.Sprintf("%s, %d octets at %d: %s", d.File, d.Size, d.Offset, d.Why)
}

// Wreck is an opened database's folder. It is for one goroutine.
type Wreck struct {
	opt    Options
	fs     vfs.FS
	dir    string
	tables []*table
	blobs  map[uint64]*blobFile // by the file's number
	ids    map[uint64]uint64    // file of an identity, by the manifest
	recent []row                // of the logs, in order
	damage []Damage
	told   map[string]bool // of what was found late
	last   struct {        // the block that was read last
		name string
		span span
		data []byte
	}
}

// Open reads all that counts and holds it against its checksums.
func Open(o Options) (*Wreck, error) {
	w := &Wreck{opt: o, fs: o.FS, dir: o.Dir, blobs: map[uint64]*blobFile{}, told: map[string]bool{}}
	names, err := w.list()
	if err != nil {
		return nil, err
	}
	m := w.current(names)
	if m == nil {
		m = allOf(names)
		w.readLogs(names, m)
	}
	w.ids = m.blobs
	for _, num := range sortedKeys(m.tables) {
		meta := m.tables[num]
		w.tables = append(w.tables, w.readTable(fileName(meta.backing, "sst"), meta))
	}
	for _, file := range m.blobs {
		w.blobs[file] = w.readBlob(fileName(file, "blob"))
	}
	slices.SortStableFunc(w.recent, row.before)
	w.recall(m)
	return w, nil
}

// Damage lists what could not be read.
func (w *Wreck) Damage() []Damage { return w.damage }

// Counts tells how much was looked at.
func (w *Wreck) Counts() (tables, blobs, entriesOfLogs int) {
	return len(w.tables), len(w.blobs), len(w.recent)
}

// Depth is how much Hidden reads.
type Depth uint8

// Depths: what pebble would pass over, or all.
const (
	Shallow Depth = iota
	Deep
)

// Hidden lists damage of a database that is there, of which pebble would not tell when it opens the database:
// a manifest or a log that it takes for ended, and loses what stands there; a
// blob file without an index, over which it panics; and with Deep every block of
// the tables and blob files that count. What was merely cut off by a crash is
// told with Certain false.
func Hidden(o Options, look Depth) ([]Damage, error) {
	w := &Wreck{opt: o, fs: o.FS, dir: o.Dir, told: map[string]bool{}}
	names, err := w.list()
	if err != nil {
		return nil, err
	}
	m := w.current(names)
	if m == nil {
		return w.damage, nil
	}
	for _, meta := range m.tables {
		if look == Deep {
			w.readTable(fileName(meta.backing, "sst"), meta)
		}
	}
	for _, file := range m.blobs {
		name := fileName(file, "blob")
		if look == Deep {
			w.readBlob(name)
		} else if _, err := w.blobIndex(name); err != nil {
			w.harm(Damage{File: name, Why: "index: " + err.Error(), Certain: true})
		}
	}
	w.recall(m)
	return w.damage, nil
}

// Blob reads all of one blob file and lists what is damaged.
func Blob(o Options, name string) []Damage {
	w := &Wreck{opt: o, fs: o.FS, dir: o.Dir, told: map[string]bool{}}
	w.readBlob(name)
	return w.damage
}

// recall takes down the known files that count and of which nothing was found now.
// The database has seen a wrong checksum there, so that it may again.
func (w *Wreck) recall(m *manifest) {
	count := map[string]bool{}
	for _, t := range m.tables {
		count[fileName(t.backing, "sst")] = true
	}
	for _, file := range m.blobs {
		count[fileName(file, "blob")] = true
	}
	for _, name := range w.opt.Known {
		if count[name] && !slices.ContainsFunc(w.damage, func(d Damage) bool { return d.File == name }) {
			w.harm(Damage{File: name, Why: "a block of it was found damaged before", Certain: true})
		}
	}
}

// current reads the manifest and the logs that it wants; nil when it does not
// tell what counts.
func (w *Wreck) current(names []string) *manifest {
	m, cut := w.readManifest()
	if m == nil {
		return nil
	}
	w.readLogs(names, m)
	if cut && w.forgotten(names, m) {
		w.harm(Damage{File: "MANIFEST", Why: "the end of the manifest is lost, and with it which tables count", Certain: true})
		w.recent = nil
		return nil
	}
	return m
}

func (w *Wreck) readLogs(names []string, m *manifest) {
	for _, num := range numbered(names, "log") {
		if num >= m.log {
			w.readLog(fileName(num, "log"), num)
		}
	}
}

// list gives the names in the folder.
func (w *Wreck) list() ([]string, error) {
	names, err := w.fs.List(w.dir)
	slices.Sort(names)
	return names, err
}

// allOf takes every file for one that counts.
func allOf(names []string) *manifest {
	m := &manifest{tables: map[uint64]tableMeta{}, blobs: map[uint64]uint64{}}
	for _, num := range numbered(names, "sst") {
		m.tables[num] = tableMeta{backing: num}
	}
	for _, num := range numbered(names, "blob") {
		m.blobs[num] = num
	}
	return m
}

// numbered gives the numbers of the files of a kind.
func numbered(names []string, kind string) []uint64 {
	var out []uint64
	for _, n := range names {
		if base, ok := strings.CutSuffix(n, "."+kind); ok {
			if num, err := strconv.ParseUint(base, 10, 64); err == nil {
				out = append(out, num)
			}
		}
	}
	return out
}

func fileName(num uint64, kind string) string { return fmt.Sprintf("%06d.%s", num, kind) }

func sortedKeys[V any](m map[uint64]V) []uint64 {
	out := make([]uint64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, cmp.Compare[uint64])
	return out
}

func (w *Wreck) path(name string) string { return w.fs.PathJoin(w.dir, name) }

// harm takes down a damage, once.
func (w *Wreck) harm(d Damage) {
	if key := d.String(); !w.told[key] {
		w.told[key] = true
		w.damage = append(w.damage, d)
	}
}

// read gives a file.
func (w *Wreck) read(name string) ([]byte, error) {
	f, err := w.fs.Open(w.path(name))
	if err != nil {
		if os.IsNotExist(err) {
			return nil, fmt.Errorf("missing")
		}
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// block reads one block of a file, or gives it again.
func (w *Wreck) block(name string, s span) ([]byte, error) {
	if w.last.name == name && w.last.span == s {
		return w.last.data, nil
	}
	f, err := w.fs.Open(w.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw := make([]byte, s.size+5)
	if _, err := f.ReadAt(raw, s.off); err != nil && err != io.EOF {
		return nil, err
	}
	data, err := span{0, s.size}.open(raw)
	if err == nil {
		w.last.name, w.last.span, w.last.data = name, s, data
	}
	return data, err
}
