package file

import (
	"encoding/binary"
	"io"

	"github.com/postroad/postroad/internal/table"
)

// A file of LMDB 0.9 (lmdb.h, mdb.c): pages, of which the first two are meta pages
// written by turns; the one with the higher transaction leads to the root of the
// B+tree in force. Numbers are those of the machine, here with the low octet first.
const (
	lmdbMagic   = 0xBEEFC0DE
	lmdbVersion = 1

	lmdbPageHeader = 16 // page number, pad, flags, lower and upper end of the free room
	lmdbNodeHeader = 8  // two halves of a size, flags, size of the key
	lmdbMetaSize   = lmdbPageHeader + 136

	lmdbBranch   = 0x01
	lmdbLeaf     = 0x02
	lmdbOverflow = 0x04
	lmdbMeta     = 0x08

	lmdbBigData = 0x01 // flag of a node: the value stands in pages of its own

	lmdbNoPage   = ^uint64(0)
	lmdbMaxDepth = 32

	// maxLMDB bounds the file, which is held in memory while it is read.
	maxLMDB = 2 << 30
)

// lmdbTree is one state of the database in a file.
type lmdbTree struct {
	file    []byte
	page    int    // its size
	entries uint64 // as the meta page has it
	root    uint64
	visits  int // pages read so far
	found   uint64
}

// lmdb reads all entries of the main database into memory.
func (p *parser) lmdb(r io.Reader) (table.Resident, error) {
	b := &builder{shown: p.shown}
	file, err := io.ReadAll(io.LimitReader(r, maxLMDB+1))
	if err != nil {
		return nil, err
	}
	if len(file) > maxLMDB {
		p.problems.add(0, "larger than %d octets", maxLMDB)
		return nil, nil
	}
	t := &lmdbTree{file: file}
	err = t.open()
	if err == nil && t.root != lmdbNoPage {
		err = t.walk(t.root, 0, func(key, value []byte) { p.pack(b, key, value) })
	}
	if err == nil && t.found != t.entries {
		err = errDamaged
	}
	return p.packed(b, err)
}

// open finds the meta page in force.
func (t *lmdbTree) open() error {
	if len(t.file) < lmdbMetaSize {
		return errDamaged
	}
	t.page = int(binary.LittleEndian.Uint32(t.file[40:])) // md_pad of the first database
	if t.page < 512 || t.page > 64<<10 || t.page&(t.page-1) != 0 || len(t.file) < 2*t.page {
		return errDamaged
	}
	last := uint64(0)
	for i := range 2 {
		m := t.file[i*t.page:][:lmdbMetaSize]
		flags := binary.LittleEndian.Uint16(m[10:])
		if flags&lmdbMeta == 0 || binary.LittleEndian.Uint32(m[16:]) != lmdbMagic || binary.LittleEndian.Uint32(m[20:]) != lmdbVersion {
			return errDamaged
		}
		if txn := binary.LittleEndian.Uint64(m[144:]); i == 0 || txn > last {
			last = txn
			t.entries, t.root = binary.LittleEndian.Uint64(m[120:]), binary.LittleEndian.Uint64(m[128:])
		}
	}
	return nil
}

// walk calls f for all entries below a page. A file that leads in a circle is
// damaged: no page stands in a tree twice.
func (t *lmdbTree) walk(number uint64, depth int, f func(key, value []byte)) error {
	t.visits++
	page, err := t.at(number, 1)
	if err != nil || depth > lmdbMaxDepth || t.visits > len(t.file)/t.page {
		return errDamaged
	}
	kind := binary.LittleEndian.Uint16(page[10:]) & (lmdbBranch | lmdbLeaf | lmdbOverflow | lmdbMeta)
	if kind != lmdbBranch && kind != lmdbLeaf || binary.LittleEndian.Uint64(page) != number {
		return errDamaged
	}
	lower := int(binary.LittleEndian.Uint16(page[12:]))
	if lower < lmdbPageHeader || lower > t.page {
		return errDamaged
	}
	for place := lmdbPageHeader; place+2 <= lower; place += 2 {
		node := int(binary.LittleEndian.Uint16(page[place:]))
		if node+lmdbNodeHeader > t.page {
			return errDamaged
		}
		if kind == lmdbBranch {
			err = t.walk(lmdbChild(page[node:]), depth+1, f)
		} else {
			err = t.leaf(page[node:], f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lmdbChild is the page that a node of a branch leads to: 48 bits.
func lmdbChild(node []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(node)) | uint64(binary.LittleEndian.Uint16(node[4:]))<<32
}

// leaf reads one entry.
func (t *lmdbTree) leaf(node []byte, f func(key, value []byte)) error {
	size := int(binary.LittleEndian.Uint32(node))
	flags := binary.LittleEndian.Uint16(node[4:])
	keyEnd := lmdbNodeHeader + int(binary.LittleEndian.Uint16(node[6:]))
	if keyEnd > len(node) || size > maxPacked {
		return errDamaged
	}
	key, value := node[lmdbNodeHeader:keyEnd], node[keyEnd:]
	switch flags {
	case 0:
		if size > len(value) {
			return errDamaged
		}
		value = value[:size]
	case lmdbBigData:
		if len(value) < 8 {
			return errDamaged
		}
		var err error
		if value, err = t.overflow(binary.LittleEndian.Uint64(value), size); err != nil {
			return err
		}
	default: // several values of a key, or a database in the database: not by postmap
		return errDamaged
	}
	t.found++
	f(key, value)
	return nil
}

// overflow is a value in pages of its own.
func (t *lmdbTree) overflow(number uint64, size int) ([]byte, error) {
	pages, err := t.at(number, (lmdbPageHeader+size+t.page-1)/t.page)
	if err != nil || binary.LittleEndian.Uint16(pages[10:])&lmdbOverflow == 0 {
		return nil, errDamaged
	}
	return pages[lmdbPageHeader:][:size], nil
}

// at gives n pages.
func (t *lmdbTree) at(number uint64, n int) ([]byte, error) {
	all := uint64(len(t.file) / t.page)
	if number >= all || uint64(n) > all-number {
		return nil, errDamaged
	}
	return t.file[number*uint64(t.page):][:n*t.page], nil
}
