package salvage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// manifest is what counts in a database's folder.
type manifest struct {
	tables map[uint64]tableMeta
	blobs  map[uint64]uint64 // file of a blob file's identity
	log    uint64            // the first that counts
	seq    uint64            // the last that was given before the last edit
}

// tableMeta is what the manifest knows of a table.
type tableMeta struct {
	level   int
	backing uint64   // the file
	from    []byte   // of a table that is a part of its file
	to      []byte   // inclusive
	blobs   []uint64 // identities of the blob files that it points into
}

// errManifest is an edit that does not parse.
var errManifest = errors.New("manifest does not parse")

// Tags of an edit.
const (
	tagComparator     = 1
	tagLogNumber      = 2
	tagNextFile       = 3
	tagLastSequence   = 4
	tagCompactPointer = 5
	tagDeletedTable   = 6
	tagPrevLog        = 9
	tagNewTable2      = 100
	tagNewTable4      = 103
	tagNewTable5      = 104
	tagCreatedBacking = 105
	tagRemovedBacking = 106
	tagNewBlob        = 107
	tagDeletedBlob    = 108

	fieldEnd       = 1
	fieldVirtual   = 66
	fieldBlobs     = 69
	fieldMustKnow  = 64
	hasPointBounds = 1
)

// readManifest reads the manifest that the database would open; cut tells that
// it cannot be read to its end.
func (w *Wreck) readManifest() (m *manifest, cut bool) {
	name, err := atomicfs.ReadMarker(w.fs, w.dir, "manifest")
	if err == nil && name == "" {
		err = errors.New("no manifest")
	}
	if err != nil {
		w.harm(Damage{File: "marker.manifest", Why: err.Error(), Certain: true})
		return nil, true
	}
	data, err := w.read(name)
	if err != nil {
		w.harm(Damage{File: name, Why: err.Error(), Certain: true})
		return nil, true
	}
	records, gaps := readRecords(data, 0)
	certain := false
	for _, g := range gaps {
		certain = certain || g.certain
		w.harm(Damage{File: name, Offset: g.off, Size: g.size, Why: "damaged part of a manifest", Certain: g.certain})
	}
	if certain {
		return nil, true
	}
	m = &manifest{tables: map[uint64]tableMeta{}, blobs: map[uint64]uint64{}}
	for _, r := range records {
		if !r.whole {
			return m, true // the last edit: it may never have been finished
		}
		if err := m.apply(r.data); err != nil {
			w.harm(Damage{File: name, Offset: r.off, Size: int64(len(r.data)), Why: err.Error(), Certain: true})
			return nil, true
		}
	}
	return m, len(gaps) > 0
}

// edit reads the fields of an edit, or the entries of a batch; after the first
// that is missing it is bad.
type edit struct {
	rest []byte
	bad  bool
}

func (e *edit) uint() uint64 {
	v, n := binary.Uvarint(e.rest)
	if n <= 0 {
		e.bad, e.rest = true, nil
		return 0
	}
	e.rest = e.rest[n:]
	return v
}

func (e *edit) bytes() []byte {
	n := e.uint()
	if n > uint64(len(e.rest)) {
		e.bad, e.rest = true, nil
		return nil
	}
	b := e.rest[:n]
	e.rest = e.rest[n:]
	return b
}

func (e *edit) skip(n int) {
	for range n {
		e.uint()
	}
}

// apply does an edit.
func (m *manifest) apply(data []byte) error {
	e := &edit{rest: data}
	for len(e.rest) > 0 && !e.bad {
		switch tag := e.uint(); tag {
		case tagComparator:
			e.bytes()
		case tagLogNumber:
			m.log = e.uint()
		case tagLastSequence:
			m.seq = e.uint()
		case tagNextFile, tagPrevLog, tagRemovedBacking:
			e.uint()
		case tagCompactPointer:
			e.uint()
			e.bytes()
		case tagDeletedTable:
			e.uint()
			delete(m.tables, e.uint()) // one that moves is added again below
		case tagCreatedBacking:
			e.skip(2)
		case tagNewTable2, tagNewTable4, tagNewTable5:
			m.table(e, tag)
		case tagNewBlob:
			id := e.uint()
			m.blobs[id] = e.uint()
			e.skip(3)
		case tagDeletedBlob:
			if id, file := e.uint(), e.uint(); m.blobs[id] == file {
				delete(m.blobs, id)
			}
		default:
			return fmt.Errorf("%w: tag %d", errManifest, tag)
		}
	}
	if e.bad {
		return errManifest
	}
	return nil
}

// table reads the description of a new table.
func (m *manifest) table(e *edit, tag uint64) {
	t := tableMeta{level: int(e.uint())}
	num := e.uint()
	t.backing = num
	e.uint() // size
	if tag == tagNewTable5 {
		marker := byte(0)
		if len(e.rest) > 0 {
			marker, e.rest = e.rest[0], e.rest[1:]
		}
		if marker&hasPointBounds != 0 {
			t.from, t.to = userKey(e.bytes()), userKey(e.bytes())
		}
		e.bytes()
		e.bytes()
	} else {
		t.from, t.to = userKey(e.bytes()), userKey(e.bytes())
	}
	e.skip(2) // sequence numbers
	virtual := false
	for tag != tagNewTable2 && !e.bad {
		field := e.uint()
		if field == fieldEnd {
			break
		}
		switch field {
		case fieldVirtual:
			virtual, t.backing = true, e.uint()
		case fieldBlobs:
			e.uint()
			for range e.uint() {
				t.blobs = append(t.blobs, e.uint())
				if e.uint(); e.bad {
					break
				}
			}
		default:
			e.bad = e.bad || field&fieldMustKnow != 0 // keys under another name, which we never have
			e.bytes()
		}
	}
	if !virtual {
		t.from, t.to = nil, nil
	}
	m.tables[num] = t
}

// userKey takes the trailer off.
func userKey(internal []byte) []byte {
	if len(internal) < 8 {
		return nil
	}
	return internal[:len(internal)-8]
}

// forgotten tells whether a manifest that ends within an edit has lost edits
// that were in force. One that was cut off by a crash has not: what it flushed
// stands in the logs still. Otherwise there are tables, or logs begin, with
// entries that are younger than the manifest knows and that no log explains.
func (w *Wreck) forgotten(names []string, m *manifest) bool {
	first, last := m.seq+1, m.seq
	for i, r := range w.recent {
		if i == 0 || r.seq < first {
			first = r.seq
		}
		last = max(last, r.seq)
	}
	if first > m.seq+1 {
		return true
	}
	known := map[uint64]bool{}
	for _, t := range m.tables {
		known[t.backing] = true
	}
	for _, num := range numbered(names, "sst") {
		if !known[num] && w.youngest(num) > last {
			return true
		}
	}
	return false
}

// youngest gives the highest sequence number in a table.
func (w *Wreck) youngest(num uint64) uint64 {
	probe := &Wreck{opt: w.opt, fs: w.fs, dir: w.dir, told: map[string]bool{}}
	out, name := uint64(0), fileName(num, "sst")
	for _, b := range probe.readTable(name, tableMeta{}).blocks {
		if content, err := probe.block(name, b.span); err == nil {
			rows, _ := rowsOf(content)
			for _, r := range rows {
				out = max(out, r.seq)
			}
		}
	}
	return out
}
