package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/spool/salvage"
)

// Damage is a part of a file that cannot be read.
type Damage = salvage.Damage

// LostMessage is a message of which something is lost.
type LostMessage struct {
	ID         string   `json:"id"`
	Sender     string   `json:"sender,omitempty"` // "" unknown, else as in a list of the queue
	Recipients []string `json:"recipients,omitempty"`
	Lost       []string `json:"lost"`
	// Usable: envelope, body and some recipients are there, so that a repair
	// queues it again for those.
	Usable bool `json:"usable"`
}

// Report is what was found of a spool without opening its database.
type Report struct {
	Messages   int64         `json:"messages"` // that can be delivered
	Jobs       int64         `json:"jobs"`
	Recipients int64         `json:"recipients"`
	Bytes      int64         `json:"bytes"`
	Tables     int           `json:"tables"`
	Blobs      int           `json:"blobs"`
	BodyFiles  int           `json:"body_files"`
	Damage     []Damage      `json:"damage,omitempty"`
	Lost       []LostMessage `json:"lost,omitempty"`
	Problems   []string      `json:"problems,omitempty"`
	Leftovers  []string      `json:"leftovers,omitempty"`  // harmless files; the next start removes them
	Quarantine []string      `json:"quarantine,omitempty"` // set aside before
}

// Sound tells whether all is there. The end of a log that was cut off by a crash
// is no harm: it was not acknowledged.
func (r *Report) Sound() bool {
	for _, d := range r.Damage {
		if d.Certain {
			return false
		}
	}
	return len(r.Lost) == 0 && len(r.Problems) == 0
}

// Check reads all that a spool has and tells what is there and what is lost. It
// changes nothing. Errors: ErrLocked; what the file system says.
func Check(o Options) (*Report, error) {
	return look(o, checkAll)
}

func checkAll(s *survey, r *Report) error {
	scheduled := s.scheduled()
	return s.each(func(m *Relic) error {
		for _, j := range m.jobs {
			if !scheduled[j.ref()] {
				r.Problems = append(r.Problems, fmt.Sprintf("%s: job %d is in no schedule", m.ID, j.N))
			}
		}
		r.add(m)
		return nil
	})
}

// Salvage visits all that is left of a spool whose database may not open any
// more, and changes nothing. A relic is good until visit returns. Errors:
// ErrLocked; what the file system says; what visit says.
func Salvage(o Options, visit func(*Relic) error) (*Report, error) {
	return look(o, func(s *survey, r *Report) error {
		return s.each(func(m *Relic) error {
			r.add(m)
			return visit(m)
		})
	})
}

// look does something to what is left of a spool, under its lock.
func look(o Options, do func(*survey, *Report) error) (*Report, error) {
	o = o.withDefaults()
	f := folder{fs: o.FS, root: o.Dir}
	lock, err := f.lockExisting()
	if err != nil {
		return nil, err
	}
	r, err := f.survey(do)
	return r, errors.Join(err, lock.Close())
}

// survey does something to what is left of a spool; the lock is held.
func (f folder) survey(do func(*survey, *Report) error) (*Report, error) {
	known, _, err := f.distrusted()
	if err != nil {
		return nil, err
	}
	w, err := salvage.Open(salvage.Options{FS: f.fs, Dir: f.path(dbName), Valid: valid, Known: known})
	if err != nil {
		return nil, fmt.Errorf("spool: reading %s: %w", f.path(dbName), err)
	}
	s := &survey{folder: f, wreck: w}
	r := &Report{}
	r.Tables, r.Blobs, _ = w.Counts()
	if _, err := f.founded(); err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
	if err := do(s, r); err != nil {
		return nil, err
	}
	r.Damage = w.Damage()
	return r, s.files(r)
}

// lockExisting takes the lock of a spool that is there.
func (f folder) lockExisting() (io.Closer, error) {
	if _, err := f.fs.Stat(f.path(dbName)); err != nil {
		return nil, fmt.Errorf("spool: no spool in %s: %w", f.root, err)
	}
	lock, err := f.fs.Lock(f.path(lockName))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrLocked, f.root, err)
	}
	return lock, nil
}

// add counts a message.
func (r *Report) add(m *Relic) {
	if m.Complete() {
		r.Messages++
		r.Bytes += m.Envelope.Size
		for _, j := range m.jobs {
			r.Jobs++
			r.Recipients += int64(j.waiting())
		}
	}
	if m.big != nil {
		r.BodyFiles++
	}
	if len(m.Lost) == 0 {
		return
	}
	l := LostMessage{ID: m.ID.String(), Lost: m.Lost, Usable: m.Complete(), Recipients: m.Recipients()}
	if sender, ok := m.Sender(); ok {
		l.Sender = sender.String()
	}
	r.Lost = append(r.Lost, l)
}

// Sender gives the envelope's sender as far as it is known.
func (r *Relic) Sender() (mail.Path, bool) {
	if r.Envelope != nil {
		return r.Envelope.Sender, true
	}
	for _, j := range r.jobs {
		return j.from, true
	}
	return mail.Path{}, false
}

// Recipients gives those that wait, as far as they are known.
func (r *Relic) Recipients() []string {
	var out []string
	for _, j := range r.Jobs {
		for _, rcpt := range j.Recipients {
			if rcpt.State == Waiting {
				out = append(out, rcpt.Final.String())
			}
		}
	}
	return out
}

// scheduled gives the jobs that have a place in a schedule or are held.
func (s *survey) scheduled() map[ref]bool {
	out := map[ref]bool{}
	for _, fam := range []byte{famDue, famHeld} {
		c := s.wreck.Range([]byte{fam}, []byte{fam + 1})
		for it, ok := c.Next(); ok; it, ok = c.Next() {
			if it.Deleted || len(it.Key) < idSize+4 {
				continue
			}
			if r, ok := parseRef(it.Key[len(it.Key)-idSize-4:]); ok {
				out[r] = true
			}
		}
	}
	return out
}

// files looks for files that nothing names.
func (s *survey) files(r *Report) error {
	known := map[string]bool{}
	bodies := newFamily(s.wreck, famBody)
	for id, ok := bodies.id(); ok; id, ok = bodies.id() {
		if !bodies.item.Deleted {
			known[id.String()] = true
		}
		bodies.next()
	}
	for _, sub := range []string{bodyName, tmpName, quarantineName} {
		names, err := s.fs.List(s.path(sub))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		slices.Sort(names)
		for _, n := range names {
			switch {
			case sub == quarantineName:
				r.Quarantine = append(r.Quarantine, n)
			case sub == tmpName || !known[n]:
				r.Leftovers = append(r.Leftovers, sub+"/"+n)
			}
		}
	}
	return nil
}
