package salvage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/blob"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/sstable/colblk"
)

// blobFile is a file of values.
type blobFile struct {
	name string
	// Once the file was rewritten, virtual maps the block of an address to a
	// block of the file, and to what is added to the value's number.
	blobIndex
	bad map[int]bool

	lengths map[int][]place // of all values, made when an address led to nothing
}

// place of a value in its file.
type place struct{ block, value int }

// Columns of a blob file's index, after a count of the virtual blocks.
const (
	indexVirtual = iota
	indexOffsets
	indexHeader = 4
)

// readBlob learns where the blocks of a blob file lie, and which are damaged.
func (w *Wreck) readBlob(name string) *blobFile {
	b := &blobFile{name: name, bad: map[int]bool{}}
	data, err := w.read(name)
	if err != nil {
		w.harm(Damage{File: name, Why: err.Error(), Certain: true})
		return b
	}
	if b.blobIndex, err = w.blobIndex(name); err != nil {
		w.harm(Damage{File: name, Size: int64(len(data)), Why: "index: " + err.Error(), Certain: true})
		b.blobIndex = blobIndex{blocks: scan(data)}
	}
	for i, s := range b.blocks {
		if _, err := s.open(data); err != nil {
			b.bad[i] = true
			w.harm(Damage{File: name, Offset: s.off, Size: s.size, Why: err.Error(), Certain: true})
		}
	}
	return b
}

// blobIndex is what the index of a blob file says.
type blobIndex struct {
	blocks  []span
	virtual []uint64
}

// blobIndex reads the index of a blob file.
func (w *Wreck) blobIndex(name string) (x blobIndex, err error) {
	defer caught(&err)
	f, err := w.fs.Open(w.path(name))
	if err != nil {
		return x, err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return x, errors.Join(err, f.Close())
	}
	defer readable.Close()
	r, err := blob.NewFileReader(context.Background(), readable, blob.FileReaderOptions{})
	if err != nil {
		return x, err
	}
	content, err := w.block(name, spanOf(r.IndexHandle()))
	if err != nil {
		return x, err
	}
	var d colblk.BlockDecoder
	d.Init(content, indexHeader)
	virtual := int(binary.LittleEndian.Uint32(content))
	mapped := colblk.DecodeColumn(&d, indexVirtual, virtual, colblk.DataTypeUint, colblk.DecodeUnsafeUints)
	offsets := colblk.DecodeColumn(&d, indexOffsets, d.Rows()+1, colblk.DataTypeUint, colblk.DecodeUnsafeUints)
	for i := range virtual {
		x.virtual = append(x.virtual, mapped.At(i))
	}
	for i := range d.Rows() {
		s := span{off: int64(offsets.At(i))}
		s.size = int64(offsets.At(i+1)) - s.off - block.TrailerLen
		x.blocks = append(x.blocks, s)
	}
	return x, nil
}

// address of a value: which of the table's blob files, and where in it.
type address struct {
	reference int
	length    int
	block     int
	value     int
}

// blobAddress reads what stands in a table in place of a value.
func blobAddress(b []byte) (a address, ok bool) {
	if len(b) < 2 {
		return a, false
	}
	b = b[1:] // the kind of value
	for _, to := range []*int{&a.reference, &a.length, &a.block, &a.value} {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return a, false
		}
		*to, b = int(uint32(v)), b[n:]
	}
	return a, true
}

// at gives the value at an address.
func (b *blobFile) at(w *Wreck, a address) ([]byte, error) {
	p, err := b.place(a)
	if err != nil {
		return nil, err
	}
	return b.value(w, p)
}

// place finds an address in the file as it is now.
func (b *blobFile) place(a address) (place, error) {
	if len(b.virtual) == 0 {
		return place{a.block, a.value}, nil
	}
	if a.block >= len(b.virtual) {
		return place{}, errBlock
	}
	v := b.virtual[a.block]
	return place{int(v & 0xffffffff), a.value + int(v>>32)}, nil
}

// value reads one value.
func (b *blobFile) value(w *Wreck, p place) (v []byte, err error) {
	if p.block >= len(b.blocks) || b.bad[p.block] {
		return nil, errBlock
	}
	values, err := b.values(w, p.block)
	if err != nil {
		return nil, err
	}
	if p.value >= len(values) {
		return nil, fmt.Errorf("%w: no such value", errBlock)
	}
	return values[p.value], nil
}

// values reads the values of a block.
func (b *blobFile) values(w *Wreck, n int) (out [][]byte, err error) {
	defer caught(&err)
	content, err := w.block(b.name, b.blocks[n])
	if err != nil {
		return nil, err
	}
	var d colblk.BlockDecoder
	d.Init(content, 0)
	column := d.RawBytes(0)
	for i := range d.Rows() {
		out = append(out, column.At(i))
	}
	return out, nil
}

// ofLength gives the places of the values that have a length.
func (b *blobFile) ofLength(w *Wreck, n int) []place {
	if b.lengths == nil {
		b.lengths = map[int][]place{}
		for i := range b.blocks {
			values, err := b.values(w, i)
			if err != nil {
				continue // listed when the file was opened, or no block of values
			}
			for k, v := range values {
				b.lengths[len(v)] = append(b.lengths[len(v)], place{i, k})
			}
		}
	}
	return b.lengths[n]
}
