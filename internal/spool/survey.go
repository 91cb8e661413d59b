package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/postroad/postroad/internal/spool/salvage"
)

// Relic is what is left of a message, found without opening the database.
type Relic struct {
	ID       ID
	Envelope *Envelope // nil: lost
	Jobs     []Job     // that have not ended, each with those recipients that could be read
	Lost     []string  // what is known to have been there and cannot be read

	jobs    []*jobRecord
	body    salvage.Item
	hasBody bool
	survey  *survey
	big     *fileRecord
	inline  []byte
	bodyErr error
	opened  bool
	deleted bool // the message's own deletion was seen
}

// Complete tells whether the message can be queued again: its envelope, its
// body and a job are there.
func (r *Relic) Complete() bool { return r.Envelope != nil && len(r.jobs) > 0 && r.bodyError() == nil }

// Body reads the body; what cannot be read is ErrDamaged or ErrNotFound.
func (r *Relic) Body() (io.ReadCloser, error) {
	if err := r.bodyError(); err != nil {
		return nil, err
	}
	if r.big == nil {
		return io.NopCloser(bytes.NewReader(r.inline)), nil
	}
	file, err := r.survey.fs.Open(r.survey.path(bodyName, r.ID.String()))
	if err != nil {
		return nil, err
	}
	b := &bigBody{file: file, record: r.big, memory: new(memory), damaged: func(error) {}}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(b, 0, b.Size()), b}, nil
}

// bodyError looks once whether the body is whole.
func (r *Relic) bodyError() error {
	if !r.opened {
		r.opened = true
		r.bodyErr = r.openBody()
	}
	return r.bodyErr
}

func (r *Relic) openBody() error {
	if !r.hasBody {
		return fmt.Errorf("%w: no body", ErrNotFound)
	}
	value, err := r.body.Value()
	if err != nil {
		return fmt.Errorf("%w: body: %w", ErrDamaged, err)
	}
	inline, big, err := decodeBody(r.body.Key, value)
	if err != nil {
		return fmt.Errorf("%w: body", err)
	}
	size := int64(len(inline))
	if r.inline, r.big = bytes.Clone(inline), big; big != nil {
		size = big.size
		if err := r.survey.checkFile(r.ID, big); err != nil {
			return err
		}
	}
	if r.Envelope != nil && r.Envelope.Size != size {
		return fmt.Errorf("%w: body of %d octets, not %d", ErrDamaged, size, r.Envelope.Size)
	}
	return nil
}

// survey goes through what is left of a spool.
type survey struct {
	folder
	wreck *salvage.Wreck
}

// checkFile reads a body's file through.
func (s *survey) checkFile(id ID, record *fileRecord) error {
	name := s.path(bodyName, id.String())
	file, err := s.fs.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: body file is missing", ErrDamaged)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != record.size {
		return fmt.Errorf("%w: body file of %d octets, not %d", ErrDamaged, info.Size(), record.size)
	}
	b := &bigBody{file: file, record: record, memory: new(memory), damaged: func(error) {}}
	_, err = io.Copy(io.Discard, io.NewSectionReader(b, 0, record.size))
	return err
}

// valid tells whether a value proves itself under its key.
func valid(key, value []byte) bool {
	_, err := unseal(key, value)
	return err == nil
}

// family goes over the keys of one kind, message by message.
type family struct {
	cursor *salvage.Cursor
	item   salvage.Item
	more   bool
}

func newFamily(w *salvage.Wreck, fam byte) *family {
	f := &family{cursor: w.Range([]byte{fam}, []byte{fam + 1})}
	f.next()
	return f
}

// next goes on to a key that has a message's id.
func (f *family) next() {
	for f.item, f.more = f.cursor.Next(); f.more && len(f.item.Key) < 1+idSize; {
		f.item, f.more = f.cursor.Next()
	}
}

// id of the message whose key is next.
func (f *family) id() (ID, bool) {
	if !f.more {
		return ID{}, false
	}
	return ID(f.item.Key[1 : 1+idSize]), true
}

// each visits what is left of the messages, in the order of their ids.
func (s *survey) each(visit func(*Relic) error) error {
	var families [4]*family
	for i, fam := range []byte{famMessage, famBody, famJob, famRecipient} {
		families[i] = newFamily(s.wreck, fam)
	}
	for {
		var id ID
		found := false
		for _, f := range families {
			if next, ok := f.id(); ok && (!found || bytes.Compare(next[:], id[:]) < 0) {
				id, found = next, true
			}
		}
		if !found {
			return nil
		}
		r := s.gather(id, families)
		if r == nil {
			continue
		}
		if err := visit(r); err != nil {
			return err
		}
	}
}

// gather puts a message together; nil when it has ended.
func (s *survey) gather(id ID, families [4]*family) *Relic {
	r := &Relic{ID: id, survey: s}
	for f := families[0]; ; f.next() {
		if next, ok := f.id(); !ok || next != id {
			break
		}
		r.envelope(f.item)
	}
	for f := families[1]; ; f.next() {
		if next, ok := f.id(); !ok || next != id {
			break
		}
		r.body, r.hasBody = f.item, !f.item.Deleted
		r.deleted = r.deleted || f.item.Deleted
	}
	g := newGathering(r)
	for f := families[2]; ; f.next() {
		if next, ok := f.id(); !ok || next != id {
			break
		}
		g.job(f.item)
	}
	for f := families[3]; ; f.next() {
		if next, ok := f.id(); !ok || next != id {
			break
		}
		g.recipient(f.item)
	}
	if r.deleted || !g.finish() {
		return nil
	}
	return r
}

// envelope takes up the envelope's record.
func (r *Relic) envelope(it salvage.Item) {
	if it.Deleted {
		r.deleted = true
		return
	}
	value, err := it.Value()
	if err == nil {
		var env Envelope
		if env, err = decodeEnvelope(it.Key, value); err == nil {
			r.Envelope = &env
			return
		}
	}
	r.Lost = append(r.Lost, fmt.Sprintf("envelope: %v", err))
}
