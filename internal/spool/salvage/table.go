package salvage

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
)

// table is a file of keys in order.
type table struct {
	name   string
	meta   tableMeta
	blocks []tableBlock
}

// tableBlock is a block that was read once and found whole.
type tableBlock struct {
	span
	first, last []byte
}

// readTable learns where the blocks of a table lie and what is damaged.
func (w *Wreck) readTable(name string, meta tableMeta) *table {
	t := &table{name: name, meta: meta}
	data, err := w.read(name)
	if err != nil {
		w.harm(Damage{File: name, Why: err.Error(), Certain: true})
		return t
	}
	blocks, others, err := w.layout(name)
	if err != nil {
		w.harm(Damage{File: name, Size: int64(len(data)), Why: "index: " + err.Error(), Certain: true})
		blocks, others = scan(data), nil
	}
	indexed := err == nil
	for _, s := range others {
		if _, err := s.open(data); err != nil {
			w.harm(Damage{File: name, Offset: s.off, Size: s.size, Why: err.Error(), Certain: true})
		}
	}
	for _, s := range blocks {
		content, err := s.open(data)
		var rows []row
		if err == nil {
			rows, err = rowsOf(content)
		}
		switch {
		case err == nil && len(rows) > 0:
			t.blocks = append(t.blocks, tableBlock{s, rows[0].key, rows[len(rows)-1].key})
		case err != nil && indexed: // else it is a block of the table's own
			w.harm(Damage{File: name, Offset: s.off, Size: s.size, Why: err.Error(), Certain: true})
		}
	}
	return t
}

// layout gives the places of a table's blocks by its own index: those of keys,
// and the others.
func (w *Wreck) layout(name string) (data, others []span, err error) {
	defer caught(&err)
	f, err := w.fs.Open(w.path(name))
	if err != nil {
		return nil, nil, err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return nil, nil, err
	}
	r, err := sstable.NewReader(context.Background(), readable, sstable.ReaderOptions{})
	if err != nil {
		readable.Close()
		return nil, nil, err
	}
	defer r.Close()
	l, err := r.Layout()
	if err != nil {
		return nil, nil, err
	}
	for _, h := range l.Data {
		data = append(data, spanOf(h.Handle))
	}
	handles := append([]block.Handle{l.TopIndex, l.RangeDel, l.RangeKey, l.ValueIndex, l.Properties, l.MetaIndex, l.BlobReferenceIndex}, l.Index...)
	for _, h := range l.Filter {
		handles = append(handles, h.Handle)
	}
	for _, h := range append(handles, l.ValueBlock...) {
		if h.Length > 0 {
			others = append(others, spanOf(h))
		}
	}
	return data, others, nil
}

// within gives the blocks that may hold keys from one on and before another.
func (t *table) within(from, to []byte) []tableBlock {
	var out []tableBlock
	for _, b := range t.blocks {
		if bytes.Compare(b.last, from) >= 0 && (to == nil || bytes.Compare(b.first, to) < 0) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b tableBlock) int { return bytes.Compare(a.first, b.first) })
	return out
}

// source is entries in the order of keys, the newest of a key first.
type source struct {
	w      *Wreck
	table  *table // nil: the rows are all there are
	blocks []tableBlock
	rows   []row
}

// head gives the next entry, reading another block when it must.
func (s *source) head() (row, bool) {
	for len(s.rows) == 0 {
		if len(s.blocks) == 0 {
			return row{}, false
		}
		b := s.blocks[0]
		s.blocks = s.blocks[1:]
		content, err := s.w.block(s.table.name, b.span)
		if err == nil {
			s.rows, err = rowsOf(content)
		}
		if err != nil { // it was whole when the wreck was opened
			s.w.harm(Damage{File: s.table.name, Offset: b.off, Size: b.size, Why: err.Error(), Certain: true})
		}
	}
	return s.rows[0], true
}

func (s *source) next() { s.rows = s.rows[1:] }

// before orders entries: by key, then the newest first.
func (r row) before(o row) int {
	return cmp.Or(bytes.Compare(r.key, o.key), cmp.Compare(o.seq, r.seq))
}
