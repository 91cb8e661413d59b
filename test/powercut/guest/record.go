package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Flags of an entry of dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst).
const (
	flagFlush   = 1
	flagFUA     = 2
	flagDiscard = 4
	flagMark    = 8
)

const logMagic = 0x6a736677736872

// sector of the device mapper's arithmetic; entries count in their own.
const sector = 512

// entry is one write, or a mark.
type entry struct {
	at    int64 // octet on the disk
	size  int64 // octets; they stand at data in the log
	data  int64
	flags uint64
	mark  string
}

// durable tells whether the device promised that what stands before is kept.
func (e entry) durable() bool { return e.flags&(flagFlush|flagFUA) != 0 }

// record reads the log of dm-log-writes.
type record struct {
	log  io.ReaderAt
	unit int64 // octets of a sector of the log
	left uint64
	next int64
}

// openRecord reads the super block.
func openRecord(log io.ReaderAt) (*record, error) {
	var super struct {
		Magic, Version, Entries uint64
		Sector                  uint32
	}
	if err := read(log, 0, &super); err != nil {
		return nil, err
	}
	unit := int64(super.Sector)
	if super.Magic != logMagic || super.Version != 1 || unit < sector || unit > 1<<16 {
		return nil, fmt.Errorf("no log of dm-log-writes: %+v", super)
	}
	return &record{log: log, unit: unit, left: super.Entries, next: unit}, nil
}

// read gives the next entry, and io.EOF after the last.
func (r *record) read() (entry, error) {
	if r.left == 0 {
		return entry{}, io.EOF
	}
	var head struct{ Sector, Sectors, Flags, Data uint64 }
	if err := read(r.log, r.next, &head); err != nil {
		return entry{}, err
	}
	e := entry{at: int64(head.Sector) * r.unit, size: int64(head.Sectors) * r.unit, data: r.next + r.unit, flags: head.Flags}
	if e.at < 0 || e.size < 0 || head.Data > uint64(r.unit) {
		return entry{}, fmt.Errorf("broken entry at %d: %+v", r.next, head)
	}
	if e.flags&flagMark != 0 {
		text := make([]byte, head.Data)
		if _, err := r.log.ReadAt(text, r.next+int64(binary.Size(head))); err != nil {
			return entry{}, err
		}
		e.mark = string(bytes.TrimRight(text, "\x00"))
	}
	if e.flags&flagDiscard != 0 {
		e.size = 0 // it has no data in the log, and what is read afterwards is anybody's
	}
	r.next = e.data + e.size
	r.left--
	return e, nil
}

func read(from io.ReaderAt, at int64, into any) error {
	return binary.Read(io.NewSectionReader(from, at, int64(binary.Size(into))), binary.LittleEndian, into)
}
