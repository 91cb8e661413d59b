package spool

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// get reads a value that is no body. Errors: ErrNotFound; ErrDamaged when pebble finds its
// own checksum wrong; ErrUnavailable.
func (p *Pebble) get(key []byte, use func(value []byte) error) error {
	value, closer, err := p.db.Get(key)
	if err != nil {
		return readError(err)
	}
	err = use(value)
	return errors.Join(err, closer.Close())
}

// getBody reads a body, which may lie in a blob file. An iterator can be closed
// after a panic of pebble, a Get cannot.
func (p *Pebble) getBody(key []byte, use func(value []byte) error) error {
	found := false
	var failed error
	err := p.each(key, nil, func(_, value []byte) bool {
		found, failed = true, use(value)
		return false
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return errors.Join(err, failed)
}

// valueOf gives an iterator's value. pebble panics when a blob file is damaged
// where its index lies; it holds no lock then.
func valueOf(it *pebble.Iterator) (value []byte, err error) {
	defer caught(&err)
	return it.ValueAndErr()
}

// caught makes damage of a panic.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrDamaged, r)
	}
}

// readError names what pebble said.
func readError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDamaged):
		return err
	case errors.Is(err, pebble.ErrNotFound):
		return ErrNotFound
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// keysOf bounds an iterator to the keys of one family.
func keysOf(fam byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: []byte{fam}, UpperBound: []byte{fam + 1}}
}

// each visits the keys that begin with a prefix, from a key on. visit says
// whether to go on; key and value are its own until it returns.
func (p *Pebble) each(prefix, from []byte, visit func(key, value []byte) bool) error {
	if from == nil {
		from = prefix
	}
	return eachIn(p.db, from, keyEnd(prefix), visit)
}

// eachIn does so from one key to another, perhaps in a snapshot.
func eachIn(in pebble.Reader, from, end []byte, visit func(key, value []byte) bool) error {
	it, err := in.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: end})
	if err != nil {
		return readError(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := valueOf(it)
		if err != nil {
			return readError(errors.Join(err, it.Close()))
		}
		if !visit(it.Key(), value) {
			break
		}
	}
	return readError(errors.Join(it.Error(), it.Close()))
}

// readJob reads a job with its recipients.
func (p *Pebble) readJob(r ref) (*jobRecord, error) {
	var j *jobRecord
	var t tally
	key := appendJobKey(make([]byte, 0, 32), famJob, r)
	err := p.get(key, func(value []byte) (err error) {
		j, t, err = decodeJob(r, key, value)
		return err
	})
	if err != nil {
		return nil, err
	}
	j.Recipients = make([]Recipient, t.all)
	if t.all <= fewRecipients {
		err = p.getRecipients(j)
	} else {
		err = p.scanRecipients(j)
	}
	if err == nil && j.waiting() != t.waiting {
		err = fmt.Errorf("%w: %d recipients wait, not %d", ErrDamaged, j.waiting(), t.waiting)
	}
	return j, err
}

// fewRecipients are read one by one; an iterator costs more than they do.
const fewRecipients = 4

func (p *Pebble) getRecipients(j *jobRecord) error {
	var memory [32]byte
	for n := range j.Recipients {
		key := appendRecipientKey(memory[:0], j.ref(), n)
		err := p.get(key, func(value []byte) (err error) {
			j.Recipients[n], err = decodeRecipient(n, key, value)
			return err
		})
		if errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: recipient %d is missing", ErrDamaged, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Pebble) scanRecipients(j *jobRecord) error {
	var bad error
	n := 0
	err := p.each(appendJobKey(nil, famRecipient, j.ref()), nil, func(key, value []byte) bool {
		if n < len(j.Recipients) {
			want := appendRecipientKey(nil, j.ref(), n)
			j.Recipients[n], bad = decodeRecipient(n, want, value)
		}
		n++
		return bad == nil
	})
	if err = errors.Join(err, bad); err == nil && n != len(j.Recipients) {
		return fmt.Errorf("%w: %d recipients of %d", ErrDamaged, n, len(j.Recipients))
	}
	return err
}

// readEnvelope reads what is stored with a message.
func (p *Pebble) readEnvelope(id ID) (env Envelope, err error) {
	key := appendMessageKey(make([]byte, 0, 32), famMessage, id)
	err = p.get(key, func(value []byte) (err error) {
		env, err = decodeEnvelope(key, value)
		return err
	})
	return env, err
}

// jobsOf visits the jobs of a message, without their recipients.
func (p *Pebble) jobsOf(id ID, visit func(ref) bool) error {
	return p.each(appendMessageKey(nil, famJob, id), nil, func(key, _ []byte) bool {
		r, ok := parseRef(key[1:])
		return !ok || visit(r)
	})
}
