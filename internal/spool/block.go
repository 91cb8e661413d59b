package spool

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Bounds of what a scan reads at once. The first block is small, so that a list
// begins at once.
const (
	blockFirst      = 16
	blockJobs       = 256
	blockRecipients = 4096
)

// entry is a job as a scan read it.
type entry struct {
	*jobRecord
	env   Envelope
	tally tally
}

// readBlock reads jobs that come in order, and tells for how many refs: the rest
// did not fit. It leaves out what went meanwhile or lies in quarantine, and what
// is damaged.
func (p *Pebble) readBlock(refs []ref, f Filter) (block []entry, n int, err error) {
	r, err := p.openReader(f)
	if err != nil {
		return nil, 0, err
	}
	recipients := 0
	for damaged := false; n < len(refs) && recipients < blockRecipients && !damaged; n++ {
		e, err := r.read(refs[n])
		if damaged = errors.Is(err, ErrDamaged); damaged { // its iterators may read no further
			e, err = p.readSurely(refs[n])
		}
		switch {
		case err == nil:
			block = append(block, e)
			recipients += e.tally.all
		case errors.Is(err, ErrDamaged):
			p.opt.Log.Warn("spool: left out of a list", "message", refs[n].id, "job", refs[n].job, "error", err)
		case !errors.Is(err, ErrNotFound):
			return nil, 0, errors.Join(err, r.close())
		}
	}
	if err = r.close(); errors.Is(err, ErrDamaged) {
		err = nil // told above
	}
	return block, n, err
}

// readSurely reads a job that may change meanwhile, key by key. What looks damaged
// is read again while nothing can change.
func (p *Pebble) readSurely(r ref) (e entry, err error) {
	if e.jobRecord, err = p.readJob(r); errors.Is(err, ErrDamaged) {
		p.mu.Lock()
		e.jobRecord, err = p.readJob(r)
		p.mu.Unlock()
	}
	if err != nil {
		return e, err
	}
	e.tally = tally{all: len(e.Recipients), waiting: e.waiting()}
	e.env, err = p.readEnvelope(r.id)
	return e, e.forgive(err)
}

// forgive makes do without an envelope that is damaged or went this moment: a list
// must not leave out what still waits.
func (e *entry) forgive(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
		if err != nil {
			e.env = e.briefEnvelope()
		}
		return nil
	}
	return err
}

// briefEnvelope is what a job knows of its message's.
func (j *jobRecord) briefEnvelope() Envelope {
	return Envelope{Sender: j.from, Arrived: j.Arrived, Size: j.Size}
}

// reader reads the records of jobs in the order of their ids, side by side, and
// all from one state of the database.
type reader struct {
	snap       *pebble.Snapshot
	jobs       *pebble.Iterator
	recipients *pebble.Iterator // nil: not wanted
	envelopes  *pebble.Iterator // nil: not wanted
	key        []byte
	last       entry
}

func (p *Pebble) openReader(f Filter) (*reader, error) {
	r := &reader{snap: p.db.NewSnapshot()}
	err := r.open(&r.jobs, famJob)
	if f.Detail != DetailJob || f.Domain != "" {
		err = errors.Join(err, r.open(&r.recipients, famRecipient))
	}
	if f.Detail == DetailAll {
		err = errors.Join(err, r.open(&r.envelopes, famMessage))
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *reader) open(it **pebble.Iterator, fam byte) (err error) {
	*it, err = r.snap.NewIter(keysOf(fam))
	return readError(err)
}

func (r *reader) close() (err error) {
	for _, it := range []*pebble.Iterator{r.jobs, r.recipients, r.envelopes} {
		if it != nil {
			err = errors.Join(err, it.Close())
		}
	}
	return readError(errors.Join(err, r.snap.Close()))
}

// find gives the value of r.key, which is after all keys that were sought before.
// Mostly it is the next one.
func (r *reader) find(it *pebble.Iterator) ([]byte, error) {
	on := it.Valid()
	if on && bytes.Compare(it.Key(), r.key) < 0 {
		on = it.Next()
	}
	if !on || bytes.Compare(it.Key(), r.key) < 0 {
		on = it.SeekGE(r.key)
	}
	if err := it.Error(); err != nil {
		return nil, readError(err)
	}
	if !on || !bytes.Equal(it.Key(), r.key) {
		return nil, ErrNotFound
	}
	value, err := valueOf(it)
	return value, readError(err)
}

// read reads a job, with what is wanted of it.
func (r *reader) read(at ref) (e entry, err error) {
	r.key = appendJobKey(r.key[:0], famJob, at)
	value, err := r.find(r.jobs)
	if err != nil {
		return e, err
	}
	if e.jobRecord, e.tally, err = decodeJob(at, r.key, value); err != nil {
		return e, err
	}
	if r.recipients != nil {
		if err := r.readRecipients(&e); err != nil {
			return e, err
		}
	}
	switch {
	case r.envelopes == nil:
		e.env = e.briefEnvelope()
	case r.last.jobRecord != nil && r.last.Message == e.Message:
		e.env = r.last.env
	default:
		err = r.readEnvelope(&e)
		r.last = e
	}
	return e, err
}

func (r *reader) readRecipients(e *entry) error {
	e.Recipients = make([]Recipient, e.tally.all)
	for n := range e.Recipients {
		r.key = appendRecipientKey(r.key[:0], e.ref(), n)
		value, err := r.find(r.recipients)
		if errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: recipient %d is missing", ErrDamaged, n)
		}
		if err != nil {
			return err
		}
		if e.Recipients[n], err = decodeRecipient(n, r.key, value); err != nil {
			return err
		}
	}
	if e.waiting() != e.tally.waiting {
		return fmt.Errorf("%w: %d recipients wait, not %d", ErrDamaged, e.waiting(), e.tally.waiting)
	}
	return nil
}

// readEnvelope reads the envelope of a job's message. An iterator that met damage
// is left to readSurely.
func (r *reader) readEnvelope(e *entry) (err error) {
	r.key = appendMessageKey(r.key[:0], famMessage, e.Message)
	value, err := r.find(r.envelopes)
	if err == nil {
		if e.env, err = decodeEnvelope(r.key, value); errors.Is(err, ErrDamaged) {
			return e.forgive(err)
		}
	}
	if errors.Is(err, ErrNotFound) {
		return e.forgive(err)
	}
	return err
}
