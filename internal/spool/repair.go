package spool

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// Repaired is what a repair did.
type Repaired struct {
	*Report
	// Old is the folder that keeps the spool as it was; "": it is sound, and
	// nothing was done.
	Old string `json:"old,omitempty"`
}

// Repair builds a new spool of all that can be read, puts it in the place of the
// damaged one by a single exchange of names, and keeps that as a folder beside.
// A message that lost its envelope, its body or all jobs is left out and listed;
// of one that lost recipients the others are queued. A sound spool is left
// alone. It works on the machine's files only. Errors: ErrLocked; what the file
// system says, with the spool as it was.
func Repair(o Options) (Repaired, error) {
	o = o.withDefaults()
	o.FS = vfs.Default
	r, err := Check(o)
	if err != nil {
		return Repaired{}, err
	}
	if r.Sound() && opens(o) {
		return Repaired{Report: r}, nil
	}
	damaged := folder{fs: o.FS, root: o.Dir}
	lock, err := damaged.lockExisting()
	if err != nil {
		return Repaired{}, err
	}
	out, err := damaged.replace(o)
	return out, errors.Join(err, lock.Close())
}

// replace puts a new spool in the place of a damaged one, whose lock is held.
func (f folder) replace(o Options) (Repaired, error) {
	fresh := filepath.Clean(o.Dir) + ".repairing"
	if err := os.RemoveAll(fresh); err != nil { // of a repair that was cut off
		return Repaired{}, err
	}
	r, err := f.rebuild(o, fresh)
	if err != nil {
		return Repaired{}, errors.Join(err, os.RemoveAll(fresh))
	}
	old := filepath.Clean(o.Dir) + ".damaged-" + o.Now().UTC().Format("20060102T150405.000")
	return Repaired{Report: r, Old: old}, swap(o.Dir, fresh, old)
}

// opens tells whether a server would start on the spool.
func opens(o Options) bool {
	o.Log = slog.New(slog.DiscardHandler)
	p, err := Open(o)
	return err == nil && p.Close() == nil
}

// rebuild makes a new spool of what is left.
func (f folder) rebuild(o Options, fresh string) (*Report, error) {
	n := o
	n.Dir, n.MinFree, n.Ballast = fresh, -1, -1
	p, err := Open(n)
	if err != nil {
		return nil, err
	}
	r, err := f.survey(func(s *survey, r *Report) error {
		return s.each(func(m *Relic) error {
			if r.add(m); !m.Complete() {
				return nil
			}
			return p.restore(m, f)
		})
	})
	if err == nil {
		err = errors.Join(p.db.Flush(), p.takeQuarantine(f))
	}
	for _, sub := range []string{bodyName, quarantineName} {
		err = errors.Join(err, p.folder.syncDir(p.folder.path(sub)))
	}
	if err = errors.Join(err, p.Close()); err == nil && !opens(n) {
		err = fmt.Errorf("%w: the repaired spool does not open", ErrDamaged)
	}
	return r, err
}

// restore writes a message that was found. It becomes durable with the flush.
func (p *Pebble) restore(m *Relic, from folder) error {
	b := p.db.NewBatch()
	defer b.Close()
	w := writer{b: b}
	if m.big != nil {
		if err := bring(from.path(bodyName, m.ID.String()), p.bodyPath(m.ID)); err != nil {
			return err
		}
		w.fileBody(m.ID, m.big)
	} else {
		w.inlineBody(m.ID, text{m.inline})
	}
	w.message(m.ID, m.Envelope)
	for _, j := range m.jobs {
		w.newJob(j)
	}
	return p.db.Apply(b, pebble.NoSync)
}

// takeQuarantine brings what was set aside before.
func (p *Pebble) takeQuarantine(from folder) error {
	names, err := from.fs.List(from.path(quarantineName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, n := range names {
		err = errors.Join(err, bring(from.path(quarantineName, n), p.folder.path(quarantineName, n)))
	}
	return err
}

// bring makes a file known in a second folder, by a copy where the file system
// has no links.
func bring(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// swap puts fresh in the place of dir, which becomes old. The names are
// exchanged at once, since a server that starts while there is no folder would
// begin an empty queue.
func swap(dir, fresh, old string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("spool: exchanging %s and %s: %w; the repaired spool is there, and may be put in place by hand while no server runs", dir, fresh, err)
	}
	if err := os.Rename(fresh, old); err != nil {
		return fmt.Errorf("spool: the spool is repaired, the damaged one is in %s: %w", fresh, err)
	}
	f := folder{fs: vfs.Default}
	return f.syncDir(filepath.Dir(filepath.Clean(dir)))
}
