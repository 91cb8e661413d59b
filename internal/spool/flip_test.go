package spool_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

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

// served is what a process delivered out of a store, and how it ended.
type served struct {
	bodies  map[spool.ID]uint32 // checksums of what was read
	damaged bool                // health told of damage
	refused bool                // the store did not open
	died    bool
	output  string
}

// serveChild delivers all that a store gives out, in a process of its own, since
// pebble ends the process over some damage.
func serveChild(t *testing.T, o spool.Options) served {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServeChild$")
	cmd.Env = append(os.Environ(), "POSTROAD_SERVE_DIR="+o.Dir, "POSTROAD_SERVE_MEMTABLE="+strconv.Itoa(o.MemTable))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	s := served{bodies: map[spool.ID]uint32{}, died: err != nil, output: stderr.String()}
	for line := range strings.Lines(string(out)) {
		var word, id string
		var sum uint32
		switch n, _ := fmt.Sscan(line, &word, &id, &sum); {
		case n == 3 && word == "served":
			m, err := spool.ParseID(id)
			if err != nil {
				t.Fatal(err)
			}
			s.bodies[m] = sum
		case word == "damaged":
			s.damaged = true
		case word == "refused":
			s.refused, s.died = true, false
		}
	}
	return s
}

// TestServeChild is the process of serveChild.
func TestServeChild(t *testing.T) {
	dir := os.Getenv("POSTROAD_SERVE_DIR")
	if dir == "" {
		t.Skip("runs in a process of its own")
	}
	memTable, err := strconv.Atoi(os.Getenv("POSTROAD_SERVE_MEMTABLE"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := spool.Open(diskOptions(dir, memTable))
	if err != nil {
		fmt.Println("refused", err)
		return
	}
	for range 4 {
		serveOnce(t, p)
	}
	if p.Health().Damaged > 0 {
		fmt.Println("damaged")
	}
	if err := p.Close(); err != nil {
		fmt.Println("damaged", err)
	}
}

// serveOnce delivers what is due.
func serveOnce(t *testing.T, p *spool.Pebble) {
	ctx, until := context.Background(), epoch.Add(time.Hour)
	lanes, err := p.Lanes(ctx, until, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lanes {
		jobs, err := p.Claim(ctx, spool.ClaimReq{Lane: l.Lane, Before: until, Max: 1000, LeaseFor: time.Hour})
		if err != nil {
			fmt.Println("damaged", err)
		}
		for _, j := range jobs {
			o := spool.Outcome{Uncount: true, Held: true}
			text, err := readBody(p, j.Message)
			if err == nil {
				fmt.Println("served", j.Message, crc32.ChecksumIEEE([]byte(text)))
				o = delivered(j)
			}
			if err := p.Update(ctx, j.Lease, o, nil); err != nil {
				t.Errorf("%v: %v", j.Message, err)
			}
		}
	}
}

func readBody(p *spool.Pebble, id spool.ID) (string, error) {
	_, b, err := p.Open(context.Background(), id)
	if err != nil {
		return "", err
	}
	defer b.Close()
	text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	return string(text), err
}

// flipTally is what a campaign found.
type flipTally struct {
	trials, harmless, died, refused, repaired, losing, resurrected int
	most, unlisted                                                 int
}

// mostLost is how many messages may stand in what one alteration hits: it may
// touch two blocks of keys, of 4 KB before compression, and the shortest records
// of these messages take about 60 octets.
const mostLost = 150

// TestBitFlips alters up to 4 096 octets anywhere in the folder of a filled store.
// Whatever comes of it is noticed, no altered mail leaves, no more is lost than
// what stood there, and a store that does not open is brought back.
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
		f := stores[n%len(stores)]
		f.trial(t, uint64(n), fillings[n%len(stores)], &sum)
		if t.Failed() {
			break
		}
	}
	t.Logf("%d trials: %d harmless, %d processes ended, %d stores refused to open, %d repaired, %d lost mail (at most %d messages), %d gave ended mail again, %d lost messages were not listed by id",
		sum.trials, sum.harmless, sum.died, sum.refused, sum.repaired, sum.losing, sum.most, sum.resurrected, sum.unlisted)
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
	checked, err := spool.Check(diskOptions(dir, fl.memTable))
	if err != nil {
		t.Fatal(err)
	}
	o := diskOptions(dir, fl.memTable)
	first := serveChild(t, o)
	last := first
	if first.died { // and it does not do so again and again
		sum.died++
		last = serveChild(t, o)
	}
	if last.refused {
		sum.refused++
		if err := f.repair(t, o, sum); err != nil {
			t.Errorf("%+v: %v", hit, err)
			return
		}
		last = serveChild(t, o)
	}
	if last.died || last.refused {
		t.Errorf("%+v: the store does not come back: %s", hit, last.output)
	}
	got, again := f.account(t, first, last)
	refused := first.refused || first.died
	sum.trials++
	noticed := refused || first.damaged || len(checked.Damage) > 0 || !checked.Sound()
	lost, unlisted := 0, 0
	for id := range f.queued {
		if !got[id] {
			lost++
			if !listed(report, id) {
				unlisted++
			}
		}
		if !got[id] && salvaged[id] && refused {
			t.Errorf("%+v: %v could be salvaged and was not served", hit, id)
		}
	}
	switch {
	case (lost > 0 || len(again) > 0) && !noticed:
		t.Errorf("%+v: %d lost, %d given again, and nothing noticed", hit, lost, len(again))
	case lost > mostLost:
		t.Errorf("%+v: %d messages lost", hit, lost)
	case lost == 0 && !refused && len(again) == 0:
		sum.harmless++
	}
	sum.most, sum.unlisted = max(sum.most, lost), sum.unlisted+unlisted
	if lost > 0 {
		sum.losing++
	}
	if len(again) > 0 {
		sum.resurrected++
	}
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

// repair mends a store that does not open.
func (f *filled) repair(t *testing.T, o spool.Options, sum *flipTally) error {
	t.Helper()
	done, err := spool.Repair(o)
	if err == nil && done.Old == "" {
		err = errors.New("a store that does not open was taken for sound")
	}
	sum.repaired++
	return err
}

func listed(r *spool.Report, id spool.ID) bool {
	for _, l := range r.Lost {
		if l.ID == id.String() {
			return true
		}
	}
	return false
}
