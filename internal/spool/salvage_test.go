package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/spool"
)

// filled is a store on the machine's disk with what it accepted and has not
// ended.
type filled struct {
	dir    string
	queued map[spool.ID]string // bodies
	ended  map[spool.ID]bool
}

// filling says how a store is filled.
type filling struct {
	name     string
	messages int
	memTable int
	flushed  bool // closed and opened again often, so that little stands in the log
	killed   bool // not closed
}

func diskOptions(dir string, memTable int) spool.Options {
	return spool.Options{Dir: dir, InlineMax: 16 << 10, MemTable: memTable, MinFree: -1, Ballast: -1, Window: 64}
}

// fill makes a store with bodies of all sizes, half of which are ended again.
func fill(t *testing.T, f filling) *filled {
	t.Helper()
	out := &filled{dir: filepath.Join(quickDir(t), "spool"), queued: map[spool.ID]string{}, ended: map[spool.ID]bool{}}
	p, err := spool.Open(diskOptions(out.dir, f.memTable))
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.messages {
		if err := out.commit(p, i); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			if err := out.endOne(p); err != nil {
				t.Fatal(err)
			}
		}
		if f.flushed && i%(1+f.messages/8) == f.messages/8 {
			if p, err = reopen(p, diskOptions(out.dir, f.memTable)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if f.killed {
		for !p.Settled() { // on a busy machine the tables come later than the last commit
			time.Sleep(time.Millisecond)
		}
		copied := filepath.Join(quickDir(t), "spool")
		if err := os.CopyFS(copied, os.DirFS(out.dir)); err != nil {
			t.Fatal(err)
		}
		out.dir = copied
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// quickDir is a folder in memory where the system has one: what is tested is not
// whether the disk keeps what it was given.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "postroad-spool-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func reopen(p *spool.Pebble, o spool.Options) (*spool.Pebble, error) {
	if err := p.Close(); err != nil {
		return nil, err
	}
	return spool.Open(o)
}

func (f *filled) commit(p *spool.Pebble, i int) error {
	w := newWorld(p)
	name := fmt.Sprintf("m%05d", i)
	d, env, jobs, err := w.draft(name, []int{200, 3000, 10_000, 40_000, 900}[i%5], 1+i%3)
	if err != nil {
		return err
	}
	jobs[0].Lane = spool.Lane{Tenant: "acme", Transport: "t", Nexthop: fmt.Sprint("n", i%4)}
	f.queued[d.ID()] = body(name, []int{200, 3000, 10_000, 40_000, 900}[i%5])
	return d.Commit(env, jobs)
}

// endOne delivers one message.
func (f *filled) endOne(p *spool.Pebble) error {
	ctx := context.Background()
	lanes, err := p.Lanes(ctx, epoch, 1)
	if err != nil || len(lanes) == 0 {
		return errors.Join(err, errors.New("no lane is due"))
	}
	jobs, err := p.Claim(ctx, spool.ClaimReq{Lane: lanes[0].Lane, Before: epoch, Max: 1, LeaseFor: time.Hour})
	if err != nil || len(jobs) != 1 {
		return errors.Join(err, errors.New("nothing to claim"))
	}
	delete(f.queued, jobs[0].Message)
	f.ended[jobs[0].Message] = true
	return p.Update(ctx, jobs[0].Lease, delivered(jobs[0]), nil)
}

func delivered(j spool.Job) spool.Outcome {
	var o spool.Outcome
	for _, r := range j.Recipients {
		o.Changes = append(o.Changes, spool.RecipientChange{N: r.N, State: spool.Delivered})
	}
	return o
}

// salvaged gives what can be read without the database, and holds it against
// what was accepted.
func (f *filled) salvaged(t *testing.T, dir string) (*spool.Report, map[spool.ID]bool) {
	t.Helper()
	got := map[spool.ID]bool{}
	r, err := spool.Salvage(diskOptions(dir, 64<<10), func(m *spool.Relic) error {
		if !m.Complete() {
			return nil
		}
		b, err := m.Body()
		if err != nil {
			return err
		}
		defer b.Close()
		text, err := io.ReadAll(b)
		want, queued := f.queued[m.ID]
		if !queued && !f.ended[m.ID] || queued && string(text) != want {
			t.Errorf("%v: altered, %v", m.ID, err)
		}
		got[m.ID] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, got
}

var fillings = []filling{
	{name: "log only", messages: 40, memTable: 4 << 20},
	{name: "compacted", messages: 400, memTable: 256 << 10, flushed: true},
	{name: "fresh tables", messages: 300, memTable: 512 << 10, killed: true},
	{name: "large", messages: 2000, memTable: 1 << 20, flushed: true},
	{name: "killed", messages: 60, memTable: 4 << 20, killed: true},
}

// TestSalvageSound finds all of a sound store, and nothing that has ended.
func TestSalvageSound(t *testing.T) {
	for _, fl := range fillings {
		t.Run(fl.name, func(t *testing.T) {
			f := fill(t, fl)
			r, err := spool.Check(diskOptions(f.dir, fl.memTable))
			if err != nil {
				t.Fatal(err)
			}
			if !r.Sound() || r.Messages != int64(len(f.queued)) || len(r.Damage) != 0 || len(r.Leftovers) != 0 {
				t.Errorf("checked: %+v, want %d messages", r, len(f.queued))
			}
			_, got := f.salvaged(t, f.dir)
			for id := range f.queued {
				if !got[id] {
					t.Errorf("%v is missing", id)
				}
			}
			if len(got) != len(f.queued) {
				t.Errorf("%d messages found, %d are queued", len(got), len(f.queued))
			}
			t.Logf("%d messages, %d tables, %d blob files, %d body files", r.Messages, r.Tables, r.Blobs, r.BodyFiles)
		})
	}
}
