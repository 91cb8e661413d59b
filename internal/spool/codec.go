package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Every value is
//
//	version     one octet
//	checksum    four octets, little endian: CRC-32C of key, version, payload
//	payload
//
// The key stands in the checksum so that a value under a foreign key is damage
// too. A change of a payload's layout takes a new version; old ones are read
// for ever, as testdata/golden holds them.
const (
	version1   = 1
	headerSize = 5
)

// castagnoli is the table of CRC-32C, which the processor computes.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header makes room for version and checksum; the payload is appended to it.
func header(dst []byte) []byte { return append(dst, version1, 0, 0, 0, 0) }

// seal fills in the checksum of a value that began with header.
func seal(key, value []byte) {
	binary.LittleEndian.PutUint32(value[1:], checksum(key, value))
}

func checksum(key, value []byte) uint32 {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value[:1])
	return crc32.Update(sum, castagnoli, value[headerSize:])
}

// unseal checks a value and gives its payload.
func unseal(key, value []byte) (*decoder, error) {
	if len(value) < headerSize {
		return nil, fmt.Errorf("%w: value of %d octets", ErrDamaged, len(value))
	}
	if binary.LittleEndian.Uint32(value[1:]) != checksum(key, value) {
		return nil, fmt.Errorf("%w: bad checksum", ErrDamaged)
	}
	if value[0] != version1 {
		return nil, fmt.Errorf("%w: version %d is unknown", ErrDamaged, value[0])
	}
	return &decoder{rest: value[headerSize:]}, nil
}

func appendString[S ~string](b []byte, s S) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendInt(b []byte, n int64) []byte { return binary.AppendUvarint(b, uint64(n)) }

func appendAddress(b []byte, a mail.Address) []byte {
	return appendString(appendString(b, a.Local), a.Domain)
}

func appendReply(b []byte, r mail.Reply) []byte {
	return appendString(appendString(appendInt(b, int64(r.Code)), r.Enhanced), r.Text)
}

// appendTime writes seconds and nanoseconds, the zero time as it is.
func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

// decoder reads a payload. After the first thing that is not there it is bad
// and gives zero values.
type decoder struct {
	rest []byte
	bad  bool
}

// end gives ErrDamaged unless everything was read and nothing was missing.
func (d *decoder) end() error {
	if d.bad || len(d.rest) > 0 {
		return fmt.Errorf("%w: payload does not parse", ErrDamaged)
	}
	return nil
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.rest, d.bad = nil, true
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// uvarint reads a number, which has one form only.
func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 {
		d.rest, d.bad = nil, true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (d *decoder) int() int64 { return int64(d.uvarint()) }

// count reads the length of a list whose elements have an octet at least.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.rest, d.bad = nil, true
		return 0
	}
	return int(n)
}

func (d *decoder) string() string { return string(d.bytes(d.uvarint())) }

func (d *decoder) address() mail.Address {
	return mail.Address{Local: d.string(), Domain: mail.Domain(d.string())}
}

func (d *decoder) reply() mail.Reply {
	return mail.Reply{Code: int(d.int()), Enhanced: d.string(), Text: d.string()}
}

func (d *decoder) time() time.Time {
	sec, nsec := d.varint(), d.uvarint()
	if nsec >= 1e9 {
		d.rest, d.bad = nil, true
		return time.Time{}
	}
	return time.Unix(sec, int64(nsec)).UTC()
}
