package spool

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

// Families of keys. Ids, numbers and times are big endian, so that the order of
// keys is the order of the values; names are escaped and ended, so that none is
// the beginning of another.
//
//	m id                 the envelope with its decision
//	b id                 the body, or where it lies
//	j id job             one job
//	r id job n           one recipient
//	d lane due id job    schedule of the jobs that are not held
//	h id job             the held ones
//	f sender id          by envelope sender, one a message
//	t tenant id job      by tenant, none for the empty one
//	e domain id job      by domain of a final recipient
//
// There is no schedule over all lanes: the lanes' next due times live in
// memory, and a key less is written and deleted for each message.
const (
	famMessage   = 'm'
	famBody      = 'b'
	famJob       = 'j'
	famRecipient = 'r'
	famDue       = 'd'
	famHeld      = 'h'
	famSender    = 'f'
	famTenant    = 't'
	famDomain    = 'e'
)

// sleep moves the slots of jobs asleep before all others of their lane: no time
// since 1970 is so early.
const sleep = 1 << 62

const idSize = len(ID{})

// ref names a job.
type ref struct {
	id  ID
	job uint32
}

func (j *Job) ref() ref   { return ref{j.Message, uint32(j.N)} }
func (l *Lease) ref() ref { return ref{l.Message, uint32(l.Job)} }

// Each append function gives the key in dst's memory.

func appendMessageKey(dst []byte, fam byte, id ID) []byte {
	return append(append(dst, fam), id[:]...)
}

func appendJobKey(dst []byte, fam byte, r ref) []byte {
	return appendRef(append(dst, fam), r)
}

func appendRef(dst []byte, r ref) []byte {
	return binary.BigEndian.AppendUint32(append(dst, r.id[:]...), r.job)
}

func appendRecipientKey(dst []byte, r ref, n int) []byte {
	return binary.BigEndian.AppendUint32(appendJobKey(dst, famRecipient, r), uint32(n))
}

// appendLaneKey is the beginning of all schedule keys of a lane.
func appendLaneKey(dst []byte, l Lane) []byte {
	dst = appendName(append(dst, famDue), l.Tenant)
	return appendName(appendName(dst, l.Transport), l.Nexthop)
}

func appendDueKey(dst []byte, l Lane, s slot) []byte {
	dst = appendLaneKey(dst, l)
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.due)^1<<63)
	return appendRef(dst, s.ref)
}

// appendIndexPrefix is the beginning of all keys of a name in an index.
func appendIndexPrefix(dst []byte, fam byte, name string) []byte {
	return appendName(append(dst, fam), name)
}

func appendSenderKey(dst []byte, sender mail.Path, id ID) []byte {
	return append(appendIndexPrefix(dst, famSender, sender.String()), id[:]...)
}

func appendIndexKey(dst []byte, fam byte, name string, r ref) []byte {
	return appendRef(appendIndexPrefix(dst, fam, name), r)
}

// appendName writes a string that may hold any octet: 0 becomes 0 ff, and 0 1
// ends it.
func appendName(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, s[i])
		if s[i] == 0 {
			dst = append(dst, 0xff)
		}
	}
	return append(dst, 0, 1)
}

// cutName reads what appendName wrote.
func cutName(key []byte) (name string, rest []byte, ok bool) {
	var b []byte
	for i := 0; i+1 < len(key); i++ {
		if key[i] != 0 {
			b = append(b, key[i])
			continue
		}
		i++
		switch key[i] {
		case 1:
			return string(b), key[i+1:], true
		case 0xff:
			b = append(b, 0)
		default:
			return "", nil, false
		}
	}
	return "", nil, false
}

// parseDueKey reads a schedule key.
func parseDueKey(key []byte) (Lane, slot, bool) {
	var l Lane
	if len(key) == 0 || key[0] != famDue {
		return l, slot{}, false
	}
	rest, ok := key[1:], true
	for _, to := range []*string{&l.Tenant, &l.Transport, &l.Nexthop} {
		if ok {
			*to, rest, ok = cutName(rest)
		}
	}
	if !ok || len(rest) < 8 {
		return l, slot{}, false
	}
	due := int64(binary.BigEndian.Uint64(rest) ^ 1<<63)
	r, ok := parseRef(rest[8:])
	return l, slot{due: due, ref: r}, ok
}

// parseRef reads what appendRef wrote.
func parseRef(b []byte) (ref, bool) {
	if len(b) != idSize+4 {
		return ref{}, false
	}
	return ref{ID(b[:idSize]), binary.BigEndian.Uint32(b[idSize:])}, true
}

// keyEnd is the key after all that begin with prefix.
func keyEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// stamp is a time as the schedule orders it: nanoseconds since 1970, where a
// time that does not fit is the first or the last.
func stamp(t time.Time) int64 {
	switch s := t.Unix(); {
	case s < math.MinInt64/1_000_000_000:
		return math.MinInt64
	case s >= math.MaxInt64/1_000_000_000:
		return math.MaxInt64
	}
	return t.UnixNano()
}
