package spool

import (
	"bytes"
	"context"
)

// Merge flushes the memtable, and merges all tables when it is asked for all.
func (p *Pebble) Merge(all bool) error {
	if !all {
		return p.db.Flush()
	}
	return p.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false)
}

// Settled tells whether the database does nothing beside what it is asked for, so
// that its files stay as they are.
func (p *Pebble) Settled() bool {
	m := p.db.Metrics()
	return m.MemTable.Count == 1 && m.Flush.NumInProgress == 0 && m.Compact.NumInProgress == 0 &&
		m.Table.ObsoleteCount == 0 && m.BlobFiles.ObsoleteCount == 0
}

// Families gives the families of all keys that name a message.
func (p *Pebble) Families(id ID) (families string, err error) {
	err = eachIn(p.db, []byte{0}, []byte{0xff}, func(key, _ []byte) bool {
		if bytes.Contains(key, id[:]) {
			families += string(key[0])
		}
		return true
	})
	return families, err
}
