package spool_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/spool"
)

func TestLocked(t *testing.T) {
	for name, o := range map[string]spool.Options{
		"disk":   {Dir: t.TempDir(), FS: vfs.Default},
		"memory": {Dir: "spool", FS: vfs.NewMem()},
	} {
		p := open(t, o)
		if err := commit("m", 100, 1).do(newWorld(p)); err != nil {
			t.Fatal(err)
		}
		_, err := spool.Open(o)
		if !errors.Is(err, spool.ErrLocked) || !strings.Contains(err.Error(), o.Dir) {
			t.Errorf("%s: second Open says %v", name, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		open(t, o) // and after Close it opens
	}
}

// TestNeverEmpty: a folder that is not as a spool left it does not open, instead
// of becoming an empty queue.
func TestNeverEmpty(t *testing.T) {
	for name, harm := range map[string]func(fs vfs.FS) error{
		"no database": func(fs vfs.FS) error { return fs.RemoveAll("data/spool/db") },
		"no mark": func(fs vfs.FS) error {
			return errors.Join(fs.RemoveAll("data/spool/db"), fs.Remove("data/spool/FORMAT"))
		},
		"other layout": func(fs vfs.FS) error {
			return overwrite(fs, "data/spool/FORMAT", func([]byte) []byte { return []byte("x") })
		},
		"manifest missing": func(fs vfs.FS) error { return removeMatching(fs, "MANIFEST") },
		"marker missing":   func(fs vfs.FS) error { return removeMatching(fs, "marker.manifest") },
		"table missing":    func(fs vfs.FS) error { return removeMatching(fs, ".sst") },
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			p, err := spool.Open(crashOptions(fs))
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(p)
			for i := range 20 {
				if err := commit(fmt.Sprint("m", i), 50_000, 1).do(w); err != nil {
					t.Fatal(err)
				}
				if err := commit(fmt.Sprint("s", i), 9000, 1).do(w); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(p.Close(), harm(fs)); err != nil {
				t.Fatal(err)
			}
			if p, err := spool.Open(crashOptions(fs)); err == nil {
				p.Close()
				t.Error("opens")
			}
			// The failed attempt left the bodies alone.
			if bodies, err := fs.List("data/spool/body"); err != nil || len(bodies) != 20 {
				t.Errorf("%d bodies left, %v", len(bodies), err)
			}
		})
	}
}

// removeMatching removes the files of the database with that in their name.
func removeMatching(fs vfs.FS, part string) error {
	names, err := fs.List("data/spool/db")
	found := false
	for _, n := range names {
		if strings.Contains(n, part) {
			err = errors.Join(err, fs.Remove("data/spool/db/"+n))
			found = true
		}
	}
	if !found {
		err = errors.Join(err, fmt.Errorf("no %s to remove", part))
	}
	return err
}

// TestAbortLeavesNothing: what was not committed is not on the disk.
func TestAbortLeavesNothing(t *testing.T) {
	fs := vfs.NewMem()
	o := crashOptions(fs)
	o.MaxSize = 100_000
	w := newWorld(open(t, o))
	for _, s := range []step{abort("a", 50_000), commit("b", 50_000), {"prepared", func(w *world) error {
		d, env, jobs, err := w.draft("c", 50_000, 1)
		if err != nil {
			return err
		}
		defer d.Abort()
		return d.Prepare(env, jobs)
	}}, commit("d", 200_000, 1)} {
		err := s.do(w)
		want := error(nil)
		switch s.name {
		case "commit b":
			want = spool.ErrInvalid // it has no job
		case "commit d":
			want = spool.ErrTooBig
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", s.name, err, want)
		}
		for _, sub := range []string{"tmp", "body"} {
			if left, err := fs.List("data/spool/" + sub); err != nil || len(left) > 0 {
				t.Errorf("%s left %v in %s, %v", s.name, left, sub, err)
			}
		}
	}
}

// TestRestart: leases end, what was held stays held, and a token of the former
// process is worth nothing.
func TestRestart(t *testing.T) {
	fs := vfs.NewMem()
	p := open(t, crashOptions(fs))
	w := newWorld(p)
	for _, s := range []step{commit("a", 100, 2), commit("b", 100, 1), act("b", spool.ActionHold)} {
		if err := s.do(w); err != nil {
			t.Fatal(err)
		}
	}
	j, err := w.claim("a0")
	if err != nil {
		t.Fatal(err)
	}
	before, _ := w.dump()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	w.store = open(t, crashOptions(fs))
	if after, err := w.dump(); err != nil || after != before {
		t.Errorf("%v\n%s\nwant\n%s", err, after, before)
	}
	if err := w.store.Update(context.Background(), j.Lease, spool.Outcome{}, nil); !errors.Is(err, spool.ErrFenced) {
		t.Errorf("an old lease: %v", err)
	}
	again, err := w.claim("a0")
	if err != nil || again.Lease.Token == j.Lease.Token {
		t.Errorf("claimed %+v, %v", again.Lease, err)
	}
	if _, err := w.claim("b0"); err == nil {
		t.Error("a held job can be claimed")
	}
}

// TestLongLane: a lane far longer than its window comes out in order, and
// memory holds only the window.
func TestLongLane(t *testing.T) {
	o := crashOptions(vfs.NewMem())
	o.Window, o.MemTable = 4, 8<<20
	w := newWorld(open(t, o))
	const n = 500
	for i := range n {
		d, env, _, err := w.draft(fmt.Sprint("m", i), 10)
		if err != nil {
			t.Fatal(err)
		}
		due := epoch.Add(-time.Duration((i*7919)%n) * time.Second)
		if err := d.Commit(env, []spool.Job{{Lane: spool.Lane{Nexthop: "a"}, Due: due, Recipients: recipients(1)}}); err != nil {
			t.Fatal(err)
		}
	}
	var last time.Time
	seen := 0
	for round := 0; seen < n && round < 2*n; round++ {
		jobs, err := w.store.Claim(context.Background(), spool.ClaimReq{Lane: spool.Lane{Nexthop: "a"}, Before: epoch, Max: 7, LeaseFor: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if j.Due.Before(last) {
				t.Fatalf("job %d is due %v, after %v", seen, j.Due, last)
			}
			last = j.Due
			seen++
			if err := w.store.Update(context.Background(), j.Lease, spool.Outcome{Next: epoch.Add(time.Hour)}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen != n {
		t.Errorf("%d of %d jobs came out", seen, n)
	}
}
