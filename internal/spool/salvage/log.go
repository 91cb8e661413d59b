package salvage

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
)

// A log is blocks of 32 KB that hold chunks; a record is one chunk or several.
// Chunks of manifests have a short header, those of logs the number of their
// log too, since files are used again.
const (
	logBlock     = 32 << 10
	shortHeader  = 7
	middleHeader = 11
	longHeader   = 19
)

// Positions of a chunk in its record.
const (
	posFull = 1 + iota
	posFirst
	posMiddle
	posLast
)

// chunk is a piece of a record.
type chunk struct {
	pos     int
	payload []byte
	end     int64
	whole   bool  // its checksum is right
	synced  int64 // up to where the log was durable when it was written; -1: not told
}

// logRecord is what was written at once. One that is not whole has bad octets, or
// lacks some.
type logRecord struct {
	off   int64
	data  []byte
	whole bool
}

// gap is a part of a log that cannot be read. It is certain when something that
// was written later tells that it was durable; else a crash may have kept the
// later of two writes and lost the earlier, which nobody had acknowledged.
type gap struct {
	off, size int64
	certain   bool
	synced    int64 // the most that a chunk behind it told; -1: none did
	syncs     int   // that ended after the first chunk behind it was written
}

// syncsEnough is how many syncs that ended after a chunk was written prove that all
// before it was durable: the first may have begun before, the next has not, since
// pebble does one at a time.
const syncsEnough = 2

// logReader cuts a log into records.
type logReader struct {
	data []byte
	num  uint32 // of the log; unused in short headers

	records []logRecord
	gaps    []gap
	open    *logRecord // not at its end yet
	from    int64      // of the gap that we are in, or -1
}

// readRecords reads all of a log.
func readRecords(data []byte, num uint32) ([]logRecord, []gap) {
	l := &logReader{data: data, num: num, from: -1}
	for off := int64(0); off < int64(len(data)); {
		next := min((off/logBlock+1)*logBlock, int64(len(data)))
		if next-off < shortHeader || next-off < longHeader && zero(data[off:next]) {
			off = next
			continue
		}
		c, ok := l.chunk(off, next)
		switch {
		case ok && c.whole:
			l.mend(off)
			l.prove(c)
			l.add(off, c)
			off = c.end
		case l.closed(off):
			l.mend(off)
			l.flush()
			return l.records, l.gaps
		default:
			if l.from < 0 {
				l.from = off
			}
			if l.open != nil {
				l.open.whole = false
			}
			if off = next; ok { // its head is sound; keep what it may hold
				l.add(l.from, c)
				off = c.end
			}
		}
	}
	l.flush()
	if l.from >= 0 && l.torn(l.from) {
		l.gaps = append(l.gaps, gap{off: l.from, size: int64(len(data)) - l.from, synced: -1})
	}
	return l.records, l.gaps
}

// mend ends a gap before something that is whole.
func (l *logReader) mend(off int64) {
	if l.from >= 0 {
		l.gaps = append(l.gaps, gap{off: l.from, size: off - l.from, synced: -1})
		l.from = -1
	}
}

// prove makes gaps certain of which a chunk knows that they were durable. The
// records of a manifest do not tell, but each is synced before the next begins.
func (l *logReader) prove(c chunk) {
	for i := range l.gaps {
		g := &l.gaps[i]
		g.certain = g.certain || c.synced > g.off || c.synced < 0 && (c.pos == posFull || c.pos == posFirst) || g.passed(c.synced)
	}
}

// passed tells whether enough syncs have ended behind a gap. What a chunk says of
// where the log was durable is too low by the blocks that were written beside a
// sync, but it grows with each: so we count.
func (g *gap) passed(synced int64) bool {
	if g.synced >= 0 && synced > g.synced {
		g.syncs++
	}
	g.synced = max(g.synced, synced)
	return g.syncs >= syncsEnough
}

// chunk reads the chunk at an offset of a block; ok when its head makes sense.
func (l *logReader) chunk(off, blockEnd int64) (c chunk, ok bool) {
	kind := l.data[off+6]
	if kind == 0 || kind > 12 {
		return c, false
	}
	header := []int64{shortHeader, middleHeader, longHeader}[(kind-1)/4]
	if off+header > blockEnd || header > shortHeader && binary.LittleEndian.Uint32(l.data[off+7:]) != l.num {
		return c, false
	}
	c.end = off + header + int64(binary.LittleEndian.Uint16(l.data[off+4:]))
	if c.end > blockEnd {
		return c, false
	}
	if c.synced = -1; header == longHeader {
		c.synced = int64(binary.LittleEndian.Uint64(l.data[off+middleHeader:]))
	}
	c.pos, c.payload = int(kind-1)%4+1, l.data[off+header:c.end]
	c.whole = masked(crc32.Checksum(l.data[off+6:c.end], castagnoli)) == binary.LittleEndian.Uint32(l.data[off:])
	return c, true
}

// closed tells whether the mark stands here that ends a log for good: an empty
// chunk of the next log.
func (l *logReader) closed(off int64) bool {
	return off+middleHeader <= int64(len(l.data)) && l.data[off+6] == 5 && zero(l.data[off:off+6]) &&
		binary.LittleEndian.Uint32(l.data[off+7:]) == l.num+1
}

// torn tells whether what cannot be read at the end of a log was a chunk of
// it, and not what an older log left in the file.
func (l *logReader) torn(off int64) bool {
	next := min((off/logBlock+1)*logBlock, int64(len(l.data)))
	if next-off < middleHeader {
		return !zero(l.data[off:next])
	}
	kind := l.data[off+6]
	if kind >= 1 && kind <= 4 {
		return true
	}
	return kind <= 12 && kind > 4 && binary.LittleEndian.Uint32(l.data[off+7:]) == l.num
}

// add puts a chunk to its record.
func (l *logReader) add(off int64, c chunk) {
	if c.pos == posFull || c.pos == posFirst {
		l.flush()
		l.open = &logRecord{off: off, whole: true}
	}
	if l.open == nil {
		return // the beginning is lost
	}
	l.open.data = append(l.open.data, c.payload...)
	l.open.whole = l.open.whole && c.whole && l.from < 0
	if c.pos == posFull || c.pos == posLast {
		l.records, l.open = append(l.records, *l.open), nil
	}
}

// flush gives up a record whose end did not come.
func (l *logReader) flush() {
	if l.open != nil {
		l.open.whole = false
		l.records, l.open = append(l.records, *l.open), nil
	}
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// readLog reads the entries of a log.
func (w *Wreck) readLog(name string, num uint64) {
	data, err := w.read(name)
	if err != nil {
		w.harm(Damage{File: name, Why: err.Error(), Certain: true})
		return
	}
	records, gaps := readRecords(data, uint32(num))
	for _, g := range gaps {
		why := "damaged part of a log"
		if !g.certain {
			why = "the log ends within a record: a write that was cut off, or damage"
		}
		w.harm(Damage{File: name, Offset: g.off, Size: g.size, Why: why, Certain: g.certain})
	}
	next := uint64(0)
	for _, r := range records {
		next = w.readBatch(name, r, next)
	}
}

// readBatch reads the entries of a batch, and gives the number that the next one
// begins with.
func (w *Wreck) readBatch(name string, r logRecord, expected uint64) (next uint64) {
	h, ok := batchrepr.ReadHeader(r.data)
	if !ok {
		return expected
	}
	seq, count := uint64(h.SeqNum), uint64(h.Count)
	if !r.whole && (expected != 0 || seq > math.MaxInt64) {
		seq = expected
	}
	it, n := &edit{rest: r.data[batchrepr.HeaderLen:]}, uint64(0)
	for {
		e, ok := nextOf(it)
		if !ok {
			break
		}
		if e.kind == byte(pebble.InternalKeyKindLogData) {
			continue
		}
		e.seq = seq + n
		n++
		// Of a batch that is not whole only what proves itself counts.
		if r.whole || e.kind == byte(pebble.InternalKeyKindSet) && w.opt.Valid(e.key, e.value) {
			w.recent = append(w.recent, e)
		}
	}
	if r.whole && n != count {
		w.harm(Damage{File: name, Offset: r.off, Size: int64(len(r.data)), Why: "a batch that does not parse", Certain: true})
	}
	return seq + max(n, min(count, 1<<20))
}

// nextOf reads an entry of a batch; what does not parse is the end. pebble's own
// reader looks beyond the end of a batch that was cut off.
func nextOf(it *edit) (e row, ok bool) {
	if len(it.rest) == 0 {
		return row{}, false
	}
	e.kind, it.rest = it.rest[0], it.rest[1:]
	e.key = it.bytes()
	switch pebble.InternalKeyKind(e.kind) {
	case pebble.InternalKeyKindSet, pebble.InternalKeyKindMerge, pebble.InternalKeyKindRangeDelete, pebble.InternalKeyKindDeleteSized:
		e.value = it.bytes()
	case pebble.InternalKeyKindDelete, pebble.InternalKeyKindSingleDelete, pebble.InternalKeyKindLogData:
	default:
		return row{}, false
	}
	return e, !it.bad
}
