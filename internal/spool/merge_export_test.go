package spool

import "context"

// Merge flushes the memtable, and merges all tables when it is asked for all.
func (p *Pebble) Merge(all bool) error {
	if !all {
		return p.db.Flush()
	}
	return p.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false)
}
