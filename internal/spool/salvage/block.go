package salvage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/sstable/colblk"
)

// errBlock is a block that cannot be read.
var errBlock = errors.New("damaged block")

// castagnoli is the polynomial of pebble's checksums.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is a checksum as pebble stores it.
func masked(crc uint32) uint32 { return crc>>15 | crc<<17 + 0xa282ead8 }

// span is a block in its file, without its trailer.
type span struct{ off, size int64 }

func (s span) end() int64 { return s.off + s.size + block.TrailerLen }

func spanOf(h block.Handle) span { return span{int64(h.Offset), int64(h.Length)} }

// open checks a block and gives its content in memory of its own, aligned as
// the decoders want it.
func (s span) open(file []byte) (data []byte, err error) {
	if s.off < 0 || s.size < 0 || s.end() > int64(len(file)) {
		return nil, fmt.Errorf("%w: outside of the file", errBlock)
	}
	if !Whole(file[s.off:s.end()]) {
		return nil, fmt.Errorf("%w: bad checksum", errBlock)
	}
	raw := file[s.off : s.off+s.size+1] // the kind of compression follows
	defer caught(&err)
	kind := block.CompressionIndicator(raw[s.size])
	raw = raw[:s.size]
	if kind == block.NoCompressionIndicator {
		return append(make([]byte, 0, len(raw)+8), raw...), nil
	}
	n, err := block.DecompressedLen(kind, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	data = make([]byte, n, n+8)
	return data, block.DecompressInto(kind, raw, data)
}

// Whole tells whether a block with its trailer has the checksum that it was
// written with, which covers the kind of compression that begins the trailer.
func Whole(b []byte) bool {
	n := len(b) - block.TrailerLen
	return n >= 0 && masked(crc32.Checksum(b[:n+1], castagnoli)) == binary.LittleEndian.Uint32(b[n+1:])
}

// caught makes an error of a decoder's panic.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", errBlock, r)
	}
}

// longestBlock bounds the search for a block without an index: a body is one
// value, and a value is one block when it is large.
const longestBlock = 1 << 20

// find gives the block that begins at an offset, by trying each length.
func find(file []byte, off int64) (span, bool) {
	crc := uint32(0)
	most := min(int64(len(file))-block.TrailerLen, off+longestBlock)
	for end := off; end <= most; end++ {
		// The octet at end may be the trailer's first, which the sum covers.
		crc = crc32.Update(crc, castagnoli, file[end:end+1])
		if end > off && masked(crc) == binary.LittleEndian.Uint32(file[end+1:]) {
			return span{off, end - off}, true
		}
	}
	return span{}, false
}

// resyncWithin is how far after a damaged block the next is looked for.
const resyncWithin = 64 << 10

// scan finds the blocks of a file that has no index. Where one is damaged, the
// next is looked for octet by octet, which ends the search when it is far.
func scan(file []byte) []span {
	var out []span
	for off, tried := int64(0), 0; off < int64(len(file)) && tried < resyncWithin; {
		s, ok := find(file, off)
		if !ok {
			off++
			tried++
			continue
		}
		out, off, tried = append(out, s), s.end(), 0
	}
	return out
}

// row is an entry of a table's block.
type row struct {
	key      []byte
	seq      uint64
	kind     byte
	value    []byte // or where it lies in a blob file, with a prefix, when external
	external bool
}

// Columns of a block of a table with pebble's default keys.
const (
	colPrefix = iota
	colSuffix
	colTrailer
	colPrefixChanged
	colValue
	colExternal
	tableColumns = 7
)

// rowsOf decodes a table's block. The default comparer takes the whole key for
// its prefix. A block of another form (a filter, an index) gives an error.
func rowsOf(data []byte) (rows []row, err error) {
	defer caught(&err)
	var header colblk.Header
	if len(data) < 4+7 {
		return nil, errBlock
	}
	if header = colblk.DecodeHeader(data[4:]); header.Version != colblk.Version1 || header.Columns != tableColumns {
		return nil, errBlock
	}
	var d colblk.DataBlockDecoder
	schema := colblk.KeySchema{ColumnTypes: []colblk.DataType{colblk.DataTypePrefixBytes, colblk.DataTypeBytes}}
	d.Init(&schema, data)
	b := d.BlockDecoder()
	keys, trailers := b.PrefixBytes(colPrefix), b.Uints(colTrailer)
	values, external := b.RawBytes(colValue), b.Bitmap(colExternal)
	rows = make([]row, b.Rows())
	for i := range rows {
		t := trailers.At(i)
		rows[i] = row{key: keys.At(i), seq: t >> 8, kind: byte(t), value: values.At(i), external: external.At(i)}
	}
	return rows, nil
}
