package salvage

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/batchrepr"
)

// Extent is a part of a file that an altered octet may cost as a whole: a block
// with its trailer, a footer, a block of a log.
type Extent struct {
	Offset, Size int64
	Keys         [][]byte // of which an entry or a value stands there
}

// Extents says what stands where in a file of a sound database, from its first
// octet to its last, so that one who damages it knows what may be lost. Of a file
// that is no table, blob file or log that counts, nothing is.
func (w *Wreck) Extents(name string) ([]Extent, error) {
	data, err := w.read(name)
	if err != nil {
		return nil, err
	}
	var out []Extent
	base, kind, _ := strings.Cut(name, ".")
	switch kind {
	case "sst":
		out, err = w.extentsOfTable(name, data)
	case "blob":
		out, err = w.extentsOfBlob(name)
	case "log":
		var num uint64
		if num, err = strconv.ParseUint(base, 10, 32); err == nil {
			out = extentsOfLog(data, uint32(num))
		}
	}
	return filled(out, int64(len(data))), err
}

// filled adds what lies between the extents and behind them.
func filled(in []Extent, size int64) (out []Extent) {
	slices.SortFunc(in, func(a, b Extent) int { return cmp.Compare(a.Offset, b.Offset) })
	at := int64(0)
	for _, e := range append(in, Extent{Offset: size}) {
		if e.Offset > at {
			out = append(out, Extent{Offset: at, Size: e.Offset - at})
		}
		if e.Size > 0 {
			out = append(out, e)
		}
		at = e.Offset + e.Size
	}
	return out
}

func extentOf(s span) Extent { return Extent{Offset: s.off, Size: s.end() - s.off} }

func (w *Wreck) extentsOfTable(name string, file []byte) (out []Extent, err error) {
	if !slices.ContainsFunc(w.tables, func(t *table) bool { return t.name == name }) {
		return nil, nil
	}
	data, others, err := w.layout(name)
	if err != nil {
		return nil, err
	}
	for _, s := range others {
		out = append(out, extentOf(s))
	}
	for _, s := range data {
		rows, err := rowsIn(file, s)
		if err != nil {
			return nil, err
		}
		e := extentOf(s)
		for _, r := range rows {
			e.Keys = append(e.Keys, r.key)
		}
		out = append(out, e)
	}
	return out, nil
}

func rowsIn(file []byte, s span) ([]row, error) {
	content, err := s.open(file)
	if err != nil {
		return nil, err
	}
	return rowsOf(content)
}

// extentsOfBlob asks all tables for what they have in a blob file.
func (w *Wreck) extentsOfBlob(name string) ([]Extent, error) {
	var out []Extent
	for id, file := range w.ids {
		b := w.blobs[file]
		if b == nil || b.name != name {
			continue
		}
		for _, s := range b.blocks {
			out = append(out, extentOf(s))
		}
		for _, t := range w.tables {
			if err := w.pointers(t, id, b, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// pointers adds to the blocks of a blob file the keys whose values a table has there.
func (w *Wreck) pointers(t *table, id uint64, b *blobFile, blocks []Extent) error {
	file, err := w.read(t.name)
	if err != nil {
		return err
	}
	for _, s := range t.blocks {
		rows, err := rowsIn(file, s.span)
		if err != nil {
			return err
		}
		for _, r := range rows {
			a, ok := blobAddress(r.value)
			if !r.external || !ok || a.reference >= len(t.meta.blobs) || t.meta.blobs[a.reference] != id {
				continue
			}
			p, err := b.place(a)
			if err != nil || p.block >= len(blocks) {
				return fmt.Errorf("%w: %s points beyond %s", errBlock, t.name, b.name)
			}
			blocks[p.block].Keys = append(blocks[p.block].Keys, r.key)
		}
	}
	return nil
}

// extentsOfLog takes a block of a log for lost as a whole, and with it each batch
// that has a part there: behind a damaged head the next chunk is looked for where
// the next block begins.
func extentsOfLog(data []byte, num uint32) (out []Extent) {
	size := int64(len(data))
	for off := int64(0); off < size; off += logBlock {
		out = append(out, Extent{Offset: off, Size: min(logBlock, size-off)})
	}
	records, _ := readRecords(data, num)
	for i, r := range records {
		end := size
		if i+1 < len(records) {
			end = records[i+1].off
		}
		keys := keysOf(r)
		for n := r.off / logBlock; n*logBlock < end; n++ {
			out[n].Keys = append(out[n].Keys, keys...)
		}
	}
	return out
}

func keysOf(r logRecord) (keys [][]byte) {
	if len(r.data) < batchrepr.HeaderLen {
		return nil
	}
	for it := (&edit{rest: r.data[batchrepr.HeaderLen:]}); ; {
		e, ok := nextOf(it)
		if !ok {
			return keys
		}
		keys = append(keys, e.key)
	}
}
