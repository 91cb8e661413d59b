package spool

import (
	"errors"
	"fmt"
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
		if lane, s, ok := parseDueKey(key); ok {
			p.lanes.add(lane, s)
		}
		p.total.jobs++
		p.total.recipients += p.number(key, value)
		return true
	})
}

func (p *Pebble) recoverHeld() error {
	return p.each([]byte{famHeld}, nil, func(key, value []byte) bool {
		p.total.jobs++
		p.total.held++
		p.total.recipients += p.number(key, value)
		return true
	})
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
