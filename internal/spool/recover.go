package spool

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// recover takes up what a former process left: the lanes and the counters, from
// the schedule and the small indexes only, and the files of bodies whose message
// never came to be or is gone.
func (p *Pebble) recover() error {
	for _, part := range []struct {
		what string
		do   func() error
	}{
		{"the schedule", p.recoverSchedule},
		{"held jobs", p.recoverHeld},
		{"messages", p.recoverMessages},
		{"bodies", p.removeOrphans},
	} {
		if err := part.do(); err != nil {
			return fmt.Errorf("spool: reading %s of %s: %w", part.what, p.opt.Dir, err)
		}
	}
	return nil
}

// number reads a value of the schedule or of an index. A damaged one only makes
// a counter wrong: the job itself is checked when it is claimed.
func (p *Pebble) number(key, value []byte) int64 {
	n, err := decodeNumber(key, value)
	if err != nil {
		p.damaged.Add(1)
		p.opt.Log.Warn("spool: damaged index record", "error", err)
	}
	return n
}

func (p *Pebble) recoverSchedule() error {
	return p.each([]byte{famDue}, nil, func(key, value []byte) bool {
		lane, s, ok := parseDueKey(key)
		if ok {
			p.lanes.add(lane, s)
		}
		p.total.add(lane.way(), sum{jobs: 1, recipients: p.number(key, value)})
		return true
	})
}

// recoverHeld counts the held jobs. Their lane stands in the job alone, which one
// iterator finds along the way, whether few of many are held or all.
func (p *Pebble) recoverHeld() (err error) {
	jobs, err := p.db.NewIter(keysOf(famJob))
	if err != nil {
		return readError(err)
	}
	defer func() { err = errors.Join(err, readError(jobs.Close())) }()
	var at []byte
	return p.each([]byte{famHeld}, nil, func(key, value []byte) bool {
		at = append(append(at[:0], famJob), key[1:]...)
		p.total.add(p.wayAt(jobs, at), sum{jobs: 1, held: 1, recipients: p.number(key, value)})
		return true
	})
}

// wayAt reads the way of a job. Of one that is damaged it is not known: that
// makes a counter wrong, and the job is checked when it is claimed.
func (p *Pebble) wayAt(jobs *pebble.Iterator, key []byte) way {
	r, ok := parseRef(key[1:])
	if !ok || !jobs.SeekGE(key) || !bytes.Equal(jobs.Key(), key) {
		return way{}
	}
	value, err := valueOf(jobs)
	if err != nil {
		return way{}
	}
	j, _, err := decodeJob(r, key, value)
	if err != nil {
		return way{}
	}
	return j.Lane.way()
}

func (p *Pebble) recoverMessages() error {
	return p.each([]byte{famSender}, nil, func(key, value []byte) bool {
		p.total.addMessage(1, p.number(key, value))
		return true
	})
}

// removeOrphans removes body files that no message names: the process ended
// between the file and its batch, or between the end of a message and its file's.
func (p *Pebble) removeOrphans() error {
	names, err := p.opt.FS.List(p.folder.path(bodyName))
	if err != nil {
		return err
	}
	for _, name := range names {
		id, err := ParseID(name)
		if err != nil {
			continue // not ours
		}
		key := appendMessageKey(nil, famBody, id)
		switch err := p.getBody(key, func([]byte) error { return nil }); {
		case err == nil, errors.Is(err, ErrDamaged):
		case errors.Is(err, ErrNotFound):
			p.removeBody(id)
		default:
			return err
		}
	}
	return nil
}
