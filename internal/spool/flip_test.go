package spool_test

import (
	"errors"
	"flag"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/spool/salvage"
)

var flipSeed = flag.Uint64("flip.seed", 0, "the first seed of the altered octets; a trial has its own")

// flip is a piece of a file that a disk gave back other than it was written.
type flip struct {
	file string
	off  int64
	size int
	how  string
}

// flipIn alters up to 4 096 octets somewhere in a folder.
func flipIn(t *testing.T, dir string, rng *rand.Rand) flip {
	t.Helper()
	var files []string
	var sizes []int64
	var all int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		files, sizes = append(files, path), append(sizes, info.Size())
		all += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	at, i := rng.Int64N(all), 0
	for at >= sizes[i] {
		at -= sizes[i]
		i++
	}
	data, err := os.ReadFile(files[i])
	if err != nil {
		t.Fatal(err)
	}
	f := flip{file: strings.TrimPrefix(files[i], dir+"/"), off: at, size: min(1<<rng.IntN(13), len(data)-int(at))}
	f.alter(data[at:at+int64(f.size)], rng)
	if err := os.WriteFile(files[i], data, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// alter changes something for certain.
func (f *flip) alter(b []byte, rng *rand.Rand) {
	before := string(b)
	for string(b) == before {
		f.how = []string{"bits", "noise", "zeros"}[rng.IntN(3)]
		for i := range b {
			switch f.how {
			case "bits":
				if rng.IntN(8) == 0 || len(b) == 1 {
					b[i] ^= 1 << rng.IntN(8)
				}
			case "noise":
				b[i] = byte(rng.Uint32())
			case "zeros":
				b[i] = 0
			}
		}
	}
}

// flipTally is what a campaign found.
type flipTally struct {
	trials, harmless, died, refused, losing, resurrected int
	most, blocks                                         int // lost at once, and blocks hit then
	lost, unlisted, behind                               int
}

// behind is how many messages, each with a sync of its own, may stand in a log
// behind what was altered and not prove that it had been durable: then it passes for
// a write that a crash cut off, and the log ends there.
const behind = 3

// TestBitFlips alters up to 4 096 octets anywhere in the folder of a filled store.
// Whatever comes of it is noticed, no altered mail leaves, nothing is lost but what
// stood in the blocks that were hit, a process ends at most once, and a store that
// does not open is brought back.
func TestBitFlips(t *testing.T) {
	trials := 40
	switch {
	case *exhaustive == "all":
		trials = 1000
	case testing.Short():
		trials = 4
	}
	var stores []*filled
	for _, fl := range fillings {
		stores = append(stores, fill(t, fl))
	}
	var sum flipTally
	for n := range trials {
		seed := *flipSeed + uint64(n)
		at := seed % uint64(len(stores))
		stores[at].trial(t, seed, fillings[at], &sum)
		if t.Failed() {
			break
		}
	}
	t.Logf("%d trials: %d harmless, %d processes ended, %d stores refused to open and were repaired, %d lost mail (%d messages, at most %d at once, in %d blocks that were hit), %d gave ended mail again; %d lost messages are listed by file and place, the others by id; %d stood whole behind what was altered at the end of a log",
		sum.trials, sum.harmless, sum.died, sum.refused, sum.losing, sum.lost, sum.most, sum.blocks, sum.resurrected, sum.unlisted, sum.behind)
}

func (f *filled) trial(t *testing.T, seed uint64, fl filling, sum *flipTally) {
	t.Helper()
	dir := filepath.Join(quickDir(t), "spool")
	if err := os.CopyFS(dir, os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(dir))
	hit := flipIn(t, dir, rand.New(rand.NewPCG(seed, 7)))
	report, salvaged := f.salvaged(t, dir)
	o := diskOptions(dir, fl.memTable)
	checked, err := spool.Check(o)
	if err != nil {
		t.Fatal(err)
	}
	l := live(t, o, hit)
	got, again := f.account(t, l.runs...)
	blocks, stood := f.stood(t, hit)
	lost, astray, unlisted := 0, 0, 0
	for id := range f.queued {
		if got[id] {
			continue
		}
		if salvaged[id] || !stood[id] {
			astray++
		}
		if lost++; !listed(report, id) {
			unlisted++
		}
	}
	noticed := l.died+l.repaired > 0 || l.runs[0].damaged || len(checked.Damage) > 0 || !checked.Sound()
	switch {
	case (lost > 0 || len(again) > 0) && !noticed:
		t.Errorf("seed %d, %+v: %d lost, %d given again, and nothing noticed", seed, hit, lost, len(again))
	case astray > 0 && (l.repaired > 0 || !cutOff(report) || astray > behind):
		t.Errorf("seed %d, %+v: %d of %d lost messages had nothing where it was altered, or could be salvaged", seed, hit, astray, lost)
	case unlisted > 0 && !names(report, hit):
		t.Errorf("seed %d, %+v: %d lost messages are listed nowhere", seed, hit, unlisted)
	}
	sum.behind += astray
	sum.add(l, lost, unlisted, blocks, len(again))
}

func (s *flipTally) add(l lives, lost, unlisted, blocks, again int) {
	s.trials++
	s.died += l.died
	s.refused += l.repaired
	s.lost, s.unlisted = s.lost+lost, s.unlisted+unlisted
	if lost > s.most {
		s.most, s.blocks = lost, blocks
	}
	if lost > 0 {
		s.losing++
	}
	if again > 0 {
		s.resurrected++
	}
	if lost+again+l.died+l.repaired == 0 {
		s.harmless++
	}
}

// lives are the servers that ran on a store one after the other.
type lives struct {
	runs           []served
	died, repaired int
}

// live runs servers on a damaged store until one has nothing more to deliver. At
// most one ends of itself; when one refuses to begin, the store is repaired, once.
func live(t *testing.T, o spool.Options, hit flip) (l lives) {
	t.Helper()
	var env []string
	for {
		s := serveChild(t, o, env...)
		l.runs = append(l.runs, s)
		switch {
		case s.died && l.died+l.repaired == 0:
			l.died++
		case s.refused && l.repaired == 0:
			l.repaired++
			env = []string{releaseFirst}
			done, err := spool.Repair(o)
			if err == nil && done.Old == "" {
				err = errors.New("a store that does not open was taken for sound")
			}
			if err != nil {
				t.Errorf("%+v: %v", hit, err)
				return l
			}
		case s.died || s.refused:
			t.Errorf("%+v: the store does not come back: %s", hit, s.output)
			return l
		case len(s.bodies) == 0 || !s.damaged:
			return l
		}
	}
}

// stood gives the messages that have something in the blocks of which octets were
// altered, and the number of the blocks.
func (f *filled) stood(t *testing.T, hit flip) (blocks int, ids map[spool.ID]bool) {
	t.Helper()
	ids = map[spool.ID]bool{}
	folder, name := filepath.Split(hit.file)
	switch folder {
	case "body/":
		id, err := spool.ParseID(name)
		if err != nil {
			t.Fatal(err)
		}
		ids[id] = true
		return 1, ids
	case "db/":
	default:
		return 0, ids
	}
	for _, e := range f.extents(t, name) {
		if hit.off >= e.Offset+e.Size || e.Offset >= hit.off+int64(hit.size) {
			continue
		}
		blocks++
		for _, key := range e.Keys { // the families that are no index: an index is made anew
			if strings.IndexByte("mbjr", key[0]) >= 0 {
				ids[spool.ID(key[1:17])] = true
			}
		}
	}
	return blocks, ids
}

// extents says what stands where in a file of the store's database.
func (f *filled) extents(t *testing.T, name string) []salvage.Extent {
	t.Helper()
	w, err := salvage.Open(salvage.Options{FS: vfs.Default, Dir: filepath.Join(f.dir, "db"), Valid: func([]byte, []byte) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.Extents(name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// account holds what was served against what was accepted: messages that were
// queued, and such as had ended before.
func (f *filled) account(t *testing.T, runs ...served) (got, again map[spool.ID]bool) {
	t.Helper()
	got, again = map[spool.ID]bool{}, map[spool.ID]bool{}
	for _, r := range runs {
		for id, sum := range r.bodies {
			want, queued := f.queued[id]
			switch {
			case queued && crc32.ChecksumIEEE([]byte(want)) == sum:
				got[id] = true
			case !queued && f.ended[id]:
				again[id] = true
			default:
				t.Errorf("%v is altered", id)
			}
		}
	}
	return got, again
}

func listed(r *spool.Report, id spool.ID) bool {
	for _, l := range r.Lost {
		if l.ID == id.String() {
			return true
		}
	}
	return false
}

// names tells whether a report has the file that was hit among the damaged.
func names(r *spool.Report, hit flip) bool {
	return slices.ContainsFunc(r.Damage, func(d spool.Damage) bool { return "db/"+d.File == hit.file || d.File == "MANIFEST" })
}

// cutOff tells whether a report has a log that may merely have been cut off.
func cutOff(r *spool.Report) bool {
	return slices.ContainsFunc(r.Damage, func(d spool.Damage) bool { return !d.Certain })
}
