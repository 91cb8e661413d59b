// Package logwrites reads what the device mapper's target log-writes recorded of
// a device: each write with its data, flushes, and marks of the test's own. It
// keeps the order of the record and replays nothing itself.
//
// Documentation/admin-guide/device-mapper/log-writes.rst of Linux has the format.
// A record that makes no sense is an error; its end is io.EOF.
package logwrites

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Flags of an entry.
const (
	flagFlush   = 1
	flagFUA     = 2
	flagDiscard = 4
	flagMark    = 8
)

const logMagic = 0x6a736677736872

// farthest sector that is believed, on the disk and of one entry.
const farthest = 1 << 40

// Entry is one write, or a mark.
type Entry struct {
	At      int64 // octet on the disk
	Size    int64 // octets; they stand at Data in the log
	Data    int64
	Durable bool   // a flush or FUA
	Mark    string // "": it is none
}

// Record is what was recorded, read from its beginning.
type Record struct {
	log  io.ReaderAt
	unit int64 // octets of a sector of the log
	left uint64
	next int64
}

// Open reads the super block.
func Open(log io.ReaderAt) (*Record, error) {
	var super struct {
		Magic, Version, Entries uint64
		Sector                  uint32
	}
	if err := read(log, 0, &super); err != nil {
		return nil, err
	}
	unit := int64(super.Sector)
	if super.Magic != logMagic || super.Version != 1 || unit < 512 || unit > 1<<16 {
		return nil, fmt.Errorf("no log of dm-log-writes: %+v", super)
	}
	return &Record{log: log, unit: unit, left: super.Entries, next: unit}, nil
}

// Next gives the next entry, and io.EOF after the last.
func (r *Record) Next() (Entry, error) {
	if r.left == 0 {
		return Entry{}, io.EOF
	}
	var head struct{ Sector, Sectors, Flags, Data uint64 }
	if err := read(r.log, r.next, &head); err != nil {
		return Entry{}, err
	}
	if head.Sector > farthest || head.Sectors > farthest || head.Data > uint64(r.unit) {
		return Entry{}, fmt.Errorf("broken entry at %d: %+v", r.next, head)
	}
	e := Entry{
		At: int64(head.Sector) * r.unit, Size: int64(head.Sectors) * r.unit, Data: r.next + r.unit,
		Durable: head.Flags&(flagFlush|flagFUA) != 0,
	}
	if head.Flags&flagMark != 0 {
		text := make([]byte, head.Data)
		if _, err := r.log.ReadAt(text, r.next+int64(binary.Size(head))); err != nil {
			return Entry{}, err
		}
		e.Mark = string(bytes.TrimRight(text, "\x00"))
	}
	if head.Flags&flagDiscard != 0 {
		e.Size = 0 // it has no data in the log, and what is read afterwards is anybody's
	}
	r.next = e.Data + e.Size
	r.left--
	return e, nil
}

func read(from io.ReaderAt, at int64, into any) error {
	err := binary.Read(io.NewSectionReader(from, at, int64(binary.Size(into))), binary.LittleEndian, into)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // the super block promised more
	}
	return err
}
