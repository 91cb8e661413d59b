package file

import (
	"hash/maphash"
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/table"
)

// compact is a read-only hash map from keys to values and sources. Its records
// stand one after the other in a few large strings, so that millions of entries
// cost the garbage collector nothing and an answer shares their memory.
//
// A record is: key, number of values, values, source; numbers and lengths of
// texts as varints. A slot holds 16 bits of the hash and 48 bits of place
// (24 of the chunk, 24 of the offset in it); 0 is an empty slot.
type compact struct {
	chunks []string
	slots  []uint64
	seed   maphash.Seed
	n      int
}

const (
	firstChunk = 4 << 10
	lastChunk  = 1 << 20
	placeBits  = 48
	offsetBits = 24
	usedBit    = 1 << 15 // of the 16 bits of hash, so that no used slot is 0
)

// Lookup answers key without allocating but for the slice of values.
func (m *compact) Lookup(key string) table.Answer {
	h := maphash.String(m.seed, key)
	mask := uint64(len(m.slots) - 1)
	for i := h & mask; m.slots[i] != 0; i = (i + 1) & mask {
		if m.slots[i]>>placeBits != tag(h) {
			continue
		}
		rec := m.record(m.slots[i])
		if found, rest := cutText(rec); found == key {
			return answer(rest)
		}
	}
	return table.Answer{Status: table.NotFound}
}

// Whole is false: keys are plain.
func (m *compact) Whole() bool { return false }

// Len is the number of entries.
func (m *compact) Len() int { return m.n }

func tag(h uint64) uint64 { return h>>placeBits | usedBit }

func (m *compact) record(place uint64) string {
	place &= 1<<placeBits - 1
	return m.chunks[place>>offsetBits][place&(1<<offsetBits-1):]
}

// answer reads the part of a record behind its key.
func answer(rest string) table.Answer {
	n, rest := cutNumber(rest)
	a := table.Answer{Status: table.Found}
	if n > 0 {
		a.Values = make([]string, n)
		for i := range a.Values {
			a.Values[i], rest = cutText(rest)
		}
	}
	a.Source, _ = cutText(rest)
	return a
}

func cutText(s string) (text, rest string) {
	n, s := cutNumber(s)
	return s[:n], s[n:]
}

func cutNumber(s string) (int, string) {
	n, shift := 0, 0
	for i := 0; ; i++ {
		n |= int(s[i]&0x7f) << shift
		if s[i] < 0x80 {
			return n, s[i+1:]
		}
		shift += 7
	}
}

// builder collects records.
type builder struct {
	shown  string
	chunks []*strings.Builder
	places []uint64
	source []byte
}

// add appends one record. key is in the form of table.Key; line 0 is none.
func (b *builder) add(key []byte, values [][]byte, line int) {
	b.source = append(b.source[:0], b.shown...)
	if line > 0 {
		b.source = strconv.AppendInt(append(b.source, ':'), int64(line), 10)
	}
	size := 4*(3+len(values)) + len(key) + len(b.source)
	for _, v := range values {
		size += len(v)
	}
	c := b.chunk(size)
	b.places = append(b.places, uint64(len(b.chunks)-1)<<offsetBits|uint64(c.Len()))
	putText(c, key)
	putNumber(c, len(values))
	for _, v := range values {
		putText(c, v)
	}
	putText(c, b.source)
}

// chunk gives the string builder with room for size octets. It is never grown
// beyond its first capacity, since that would copy it.
func (b *builder) chunk(size int) *strings.Builder {
	if n := len(b.chunks); n > 0 {
		if c := b.chunks[n-1]; c.Len()+size <= c.Cap() {
			return c
		}
	}
	room := lastChunk
	if n := len(b.chunks); n < 8 {
		room = firstChunk << n
	}
	c := new(strings.Builder)
	c.Grow(max(room, size))
	b.chunks = append(b.chunks, c)
	return c
}

func putText(c *strings.Builder, text []byte) {
	putNumber(c, len(text))
	c.Write(text)
}

func putNumber(c *strings.Builder, n int) {
	for ; n >= 0x80; n >>= 7 {
		c.WriteByte(byte(n) | 0x80)
	}
	c.WriteByte(byte(n))
}

// build indexes the records. A key that stands twice is harmless when its
// values are the same, and a problem when they are not.
func (b *builder) build(problems *Problems) *compact {
	m := &compact{seed: maphash.MakeSeed(), chunks: make([]string, len(b.chunks))}
	for i, c := range b.chunks {
		m.chunks[i] = c.String()
	}
	size := 4
	for size < len(b.places)*4/3+1 {
		size *= 2
	}
	m.slots = make([]uint64, size)
	for _, place := range b.places {
		m.insert(place, problems)
	}
	return m
}

func (m *compact) insert(place uint64, problems *Problems) {
	key, rest := cutText(m.record(place))
	h := maphash.String(m.seed, key)
	mask := uint64(len(m.slots) - 1)
	i := h & mask
	for ; m.slots[i] != 0; i = (i + 1) & mask {
		if m.slots[i]>>placeBits != tag(h) {
			continue
		}
		if old, before := cutText(m.record(m.slots[i])); old == key {
			twice(problems, key, answer(before), answer(rest))
			return
		}
	}
	m.slots[i] = tag(h)<<placeBits | place
	m.n++
}

func twice(problems *Problems, key string, first, second table.Answer) {
	same := len(first.Values) == len(second.Values)
	for i := 0; same && i < len(first.Values); i++ {
		same = first.Values[i] == second.Values[i]
	}
	if same {
		return
	}
	line, _ := strconv.Atoi(second.Source[strings.LastIndexByte(second.Source, ':')+1:])
	problems.add(line, "%q stands here again with another value, first at %s", key, first.Source)
}
