package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/postroad/postroad/internal/spool"
)

// damaged makes a spool with three messages, alters the values of some keys
// behind its back and opens it again.
func damaged(t *testing.T, size int, alter func(key, value []byte, ids map[string]spool.ID) []byte) (*world, vfs.FS) {
	t.Helper()
	fs := vfs.NewMem()
	p, err := spool.Open(crashOptions(fs))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(p)
	for _, s := range []step{commit("one", size, 2), commit("two", size, 2, 1), commit("three", size, 2)} {
		if err := s.do(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	rewriteKeys(t, fs, func(key, value []byte) []byte { return alter(key, value, w.ids) })
	w.store = open(t, crashOptions(fs))
	return w, fs
}

// rewriteKeys lets alter change the values of the database.
func rewriteKeys(t *testing.T, fs vfs.FS, alter func(key, value []byte) []byte) {
	t.Helper()
	db, err := pebble.Open("data/spool/db", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatValueSeparation, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	for ok := it.First(); ok; ok = it.Next() {
		value := append([]byte(nil), it.Value()...)
		err = errors.Join(err, b.Set(it.Key(), alter(it.Key(), value), nil))
	}
	// The store deletes by SingleDelete what it writes once. It is to find the keys
	// as if they had been.
	if err := errors.Join(err, it.Close(), b.Commit(pebble.Sync), db.Compact(context.Background(), []byte{0}, []byte{0xff}, false), db.Close()); err != nil {
		t.Fatal(err)
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)      {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// deliverAll claims all there is, and ends it where the body can be read.
func (w *world) deliverAll(t *testing.T) (delivered string) {
	t.Helper()
	ctx := context.Background()
	for range 5 {
		lanes, err := w.store.Lanes(ctx, epoch, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lanes {
			jobs, err := w.store.Claim(ctx, spool.ClaimReq{Lane: l.Lane, Before: epoch, Max: 10, LeaseFor: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range jobs {
				delivered += w.deliver(t, j)
			}
		}
	}
	return delivered
}

func (w *world) deliver(t *testing.T, j spool.Job) string {
	t.Helper()
	name := w.names[j.Message]
	_, b, err := w.store.Open(context.Background(), j.Message)
	o := spool.Outcome{Uncount: true, Held: true}
	if err == nil {
		defer b.Close()
		var text []byte
		if text, err = io.ReadAll(io.NewSectionReader(b, 0, b.Size())); err == nil {
			if !strings.HasPrefix(string(text), name+"\r\n") || strings.Count(string(text), name) < 2 {
				t.Errorf("%s is altered", name)
			}
			o = spool.Outcome{}
			for _, r := range j.Recipients {
				o.Changes = append(o.Changes, spool.RecipientChange{N: r.N, State: spool.Delivered})
			}
		}
	}
	if err != nil && !errors.Is(err, spool.ErrDamaged) {
		t.Errorf("%s: %v", name, err)
	}
	if uerr := w.store.Update(context.Background(), j.Lease, o, nil); uerr != nil {
		t.Errorf("%s: %v", name, uerr)
	}
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s/%d ", name, j.N)
}

// TestDamage alters one record: what it concerns is held or set aside, a copy
// lies in quarantine/, and the rest goes on.
func TestDamage(t *testing.T) {
	const all = "one/0 two/0 two/1 three/0 "
	for _, c := range []damageCase{
		{"body", 'b', 100, "one/0 three/0 ", 2, 1},
		{"body file's record", 'b', 50_000, "one/0 three/0 ", 2, 1},
		{"envelope", 'm', 100, "one/0 three/0 ", 2, 1},
		{"job", 'j', 100, "one/0 three/0 ", 0, 2},
		{"job of a big body", 'j', 50_000, "one/0 three/0 ", 0, 3},
		{"recipient", 'r', 100, "one/0 three/0 ", 0, 2},
		{"schedule", 'd', 100, all, 0, 0},
		{"sender index", 'f', 100, all, 0, 0},
		{"domain index", 'e', 100, all, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, fs := damaged(t, c.size, func(key, value []byte, ids map[string]spool.ID) []byte {
				if id := ids["two"]; key[0] == c.family && strings.Contains(string(key), string(id[:])) {
					value[len(value)-1] ^= 4
				}
				return value
			})
			if got := w.deliverAll(t); len(got) != len(c.delivered) {
				t.Errorf("delivered %s, want %s", got, c.delivered)
			}
			if n := w.store.Health().Damaged; n == 0 && c.family != 'e' {
				t.Error("health tells of no damage")
			}
			c.check(t, w, fs)
			// A restart finds the same.
			if err := w.store.Close(); err != nil {
				t.Fatal(err)
			}
			w.store = open(t, crashOptions(fs))
			if got := w.deliverAll(t); got != "" {
				t.Errorf("delivered %s after a restart", got)
			}
			c.check(t, w, fs)
		})
	}
}

type damageCase struct {
	name      string
	family    byte
	size      int
	delivered string
	held      int // jobs of "two" that are held
	copies    int // files in quarantine/
}

func (c damageCase) check(t *testing.T, w *world, fs vfs.FS) {
	t.Helper()
	held := 0
	err := w.store.Scan(context.Background(), spool.Filter{HeldOnly: true}, func(e spool.Entry) error {
		held++
		if e.Envelope.Sender.Address.Local != "two" {
			t.Errorf("held: %+v", e)
		}
		return nil
	})
	if err != nil || held != c.held {
		t.Errorf("%d jobs held, want %d; %v", held, c.held, err)
	}
	counts, err := w.store.Count(context.Background(), spool.GroupAll)
	if got := counts[spool.Lane{}]; err != nil || got.Jobs != int64(c.held) || got.Held != int64(c.held) || got.Messages != int64(min(c.held, 1)) {
		t.Errorf("counted %+v, %v", got, err)
	}
	ways, err := w.store.Count(context.Background(), spool.GroupTransport)
	if got := ways[spool.Lane{Tenant: "acme", Transport: "t"}]; err != nil || got.Jobs != int64(c.held) || got.Held != int64(c.held) {
		t.Errorf("counted %+v of the transport, %v", got, err)
	}
	copies, err := fs.List("data/spool/quarantine")
	if err != nil || len(copies) != c.copies {
		t.Errorf("quarantine has %v, want %d; %v", copies, c.copies, err)
	}
	left, err := w.store.(*spool.Pebble).Families(w.ids["two"])
	unreadable := "" // what only the record names that cannot be read
	if c.family == 'r' {
		unreadable = "ee"
	}
	if c.held == 0 && (left != unreadable || err != nil) {
		t.Errorf("keys of %q are left of the damaged message, want %q; %v", left, unreadable, err)
	}
	if bodies, _ := fs.List("data/spool/body"); len(bodies) != 0 && c.held == 0 {
		t.Errorf("bodies left: %v", bodies)
	}
}

// TestBodyFileDamage alters, shortens and removes the file of a big body.
func TestBodyFileDamage(t *testing.T) {
	for name, harm := range map[string]func(fs vfs.FS, file string) error{
		"removed": func(fs vfs.FS, file string) error { return fs.Remove(file) },
		"altered": func(fs vfs.FS, file string) error {
			return overwrite(fs, file, func(b []byte) []byte { b[66_000] ^= 1; return b })
		},
		"shortened": func(fs vfs.FS, file string) error {
			return overwrite(fs, file, func(b []byte) []byte { return b[:70_000] })
		},
		"longer": func(fs vfs.FS, file string) error {
			return overwrite(fs, file, func(b []byte) []byte { return append(b, 0) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, fs := damaged(t, 100_000, func(_, value []byte, _ map[string]spool.ID) []byte { return value })
			if err := harm(fs, "data/spool/body/"+w.ids["two"].String()); err != nil {
				t.Fatal(err)
			}
			if got := w.deliverAll(t); len(got) != len("one/0 three/0 ") {
				t.Errorf("delivered %s", got)
			}
			if err := w.store.Close(); err != nil {
				t.Fatal(err)
			}
			w.store = open(t, crashOptions(fs))
			n := 0
			err := w.store.Scan(context.Background(), spool.Filter{HeldOnly: true}, func(spool.Entry) error { n++; return nil })
			if err != nil || n != 2 {
				t.Errorf("%d held, %v", n, err)
			}
		})
	}
}

func overwrite(fs vfs.FS, file string, change func([]byte) []byte) error {
	f, err := fs.Open(file)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if f, err = fs.Create(file, "test"); err != nil {
		return err
	}
	_, err = f.Write(change(data))
	return errors.Join(err, f.Close())
}

// TestBodyFileThatCannotBeOpened: a disk or a process that has no way to the file for
// the moment is no damage, and nothing is held for it.
func TestBodyFileThatCannotBeOpened(t *testing.T) {
	f := &fault{kind: errorfs.OpOpen, nth: 1 << 30, lasting: true}
	w := newWorld(open(t, crashOptions(errorfs.Wrap(vfs.NewMem(), f))))
	if err := commit("two", 100_000, 2).do(w); err != nil {
		t.Fatal(err)
	}
	f.after(1)
	if _, _, err := w.store.Open(t.Context(), w.ids["two"]); !errors.Is(err, spool.ErrUnavailable) {
		t.Errorf("opened without a file descriptor: %v", err)
	}
	f.after(1 << 30)
	if got := w.deliverAll(t); got != "two/0 " {
		t.Errorf("delivered %q", got)
	}
}
