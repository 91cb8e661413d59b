package file

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/postroad/postroad/internal/table"
)

// A constant database (cr.yp.to/cdb/cdb.txt) is 256 pairs of the place and the
// length of a hash table, the records, and the hash tables. All numbers are of 32
// bits, the low octet first.
const (
	cdbTables = 256
	cdbHeader = cdbTables * 8
	cdbSlot   = 8
)

// maxPacked bounds a key or a value of cdb and LMDB.
const maxPacked = 1 << 20

// cdb reads all records into memory: asking the file would find another one's
// octets while it is written anew.
func (p *parser) cdb(r io.Reader) (table.Resident, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	end, slots, err := cdbShape(in)
	b := &builder{shown: p.shown}
	for at := uint64(cdbHeader); err == nil && at < end; {
		var key, value []byte
		if key, value, err = cdbRecord(in); err == nil {
			p.pack(b, key, value)
			at += cdbSlot + uint64(len(key)) + uint64(len(value))
			if at > end {
				err = errDamaged
			}
		}
	}
	if err == nil {
		err = cdbTail(in, slots)
	}
	return p.packed(b, err)
}

// cdbShape reads the header: where the records end, and how many slots there are.
func cdbShape(in io.Reader) (end, slots uint64, err error) {
	var head [cdbHeader]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, 0, err
	}
	end = cdbHeader
	for i := range cdbTables {
		place := uint64(binary.LittleEndian.Uint32(head[8*i:]))
		n := uint64(binary.LittleEndian.Uint32(head[8*i+4:]))
		if n == 0 {
			continue
		}
		if slots == 0 || place < end {
			end = place
		}
		if place < cdbHeader {
			return 0, 0, errDamaged
		}
		slots += n
	}
	return end, slots, nil
}

func cdbRecord(in io.Reader) (key, value []byte, err error) {
	var sizes [8]byte
	if _, err := io.ReadFull(in, sizes[:]); err != nil {
		return nil, nil, err
	}
	keySize, valueSize := binary.LittleEndian.Uint32(sizes[:]), binary.LittleEndian.Uint32(sizes[4:])
	if keySize > maxPacked || valueSize > maxPacked {
		return nil, nil, errDamaged
	}
	both := make([]byte, keySize+valueSize)
	if _, err := io.ReadFull(in, both); err != nil {
		return nil, nil, err
	}
	return both[:keySize], both[keySize:], nil
}

// cdbTail reads the hash tables, which nobody asks here, to know that the file is
// whole.
func cdbTail(in io.Reader, slots uint64) error {
	n, err := io.Copy(io.Discard, in)
	if err == nil && uint64(n) != slots*cdbSlot {
		return errDamaged
	}
	return err
}

var errDamaged = errors.New("damaged, or no such file at all")
