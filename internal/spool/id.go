package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// alphabet is Crockford's base 32 in lower case: no letter in it is taken for
// another, and its order is the order of the values.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const idLetters = 26

// ErrBadID is what ParseID says to a string that is no id.
var ErrBadID = errors.New("spool: not a message id")

// String is the id in 26 letters, ordered as the ids are.
func (id ID) String() string {
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	var b [idLetters]byte
	for i := idLetters - 1; i >= 0; i-- {
		b[i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(b[:])
}

// ParseID reads what String wrote, in either case; i and l count as 1 and o as
// 0, since people type ids off a screen. Errors: ErrBadID.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != idLetters || letterValue(s[0]) > 7 {
		return id, ErrBadID
	}
	var hi, lo uint64
	for i := range idLetters {
		v := letterValue(s[i])
		if v > 31 {
			return id, ErrBadID
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, nil
}

// letterValue is the value of a letter of an id, above 31 when it is none.
func letterValue(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	switch c {
	case 'i', 'l':
		return 1
	case 'o':
		return 0
	}
	for i := range len(alphabet) {
		if alphabet[i] == c {
			return byte(i)
		}
	}
	return 0xff
}

// Time is when the id was made, to the millisecond, in UTC.
func (id ID) Time() time.Time {
	ms := binary.BigEndian.Uint64(id[:8]) >> 16
	return time.UnixMilli(int64(ms)).UTC()
}

// idSource makes ids that grow: 48 bits of milliseconds and 80 bits that are
// drawn for each new millisecond and counted up within it. A clock that goes
// back does not make them fall, as long as the process lives.
type idSource struct {
	now  func() time.Time
	rand io.Reader

	mu   sync.Mutex // guards what follows
	last ID
	ms   uint64
}

// next gives a new id; it fails only when the source of randomness does.
func (s *idSource) next() (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ms := uint64(s.now().UnixMilli()); ms > s.ms {
		var id ID
		if _, err := io.ReadFull(s.rand, id[6:]); err != nil {
			return ID{}, fmt.Errorf("spool: drawing an id: %w", err)
		}
		binary.BigEndian.PutUint64(id[:8], ms<<16|uint64(id[6])<<8|uint64(id[7]))
		s.ms, s.last = ms, id
		return id, nil
	}
	for i := len(s.last) - 1; i >= 0; i-- {
		if s.last[i]++; s.last[i] != 0 {
			break
		}
	}
	return s.last, nil
}
