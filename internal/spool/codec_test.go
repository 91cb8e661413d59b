package spool

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew; a released format never changes")

// sample is a record of each kind, with its key and value.
type sample struct {
	name       string
	key, value []byte
	want       any
	decode     func(key, value []byte) (any, error)
	encode     func(key []byte, v any) []byte
}

func sampleID() ID { return ID{1, 0x9c, 0xa5, 7, 8, 9, 0xff, 0, 1, 2, 3, 4, 5, 6, 7, 8} }

// kinds gives how each kind of record is read and written.
func kinds() map[string]sample {
	r := ref{sampleID(), 3}
	sealed := func(key, value []byte) []byte { seal(key, value); return value }
	return map[string]sample{
		"envelope": {
			key:    appendMessageKey(nil, famMessage, r.id),
			decode: func(k, v []byte) (any, error) { e, err := decodeEnvelope(k, v); return e, err },
			encode: func(k []byte, v any) []byte { e := v.(Envelope); return sealed(k, appendEnvelope(header(nil), &e)) },
		},
		"job": {
			key: appendJobKey(nil, famJob, r),
			decode: func(k, v []byte) (any, error) {
				j, t, err := decodeJob(r, k, v)
				if err != nil {
					return nil, err
				}
				j.Recipients = make([]Recipient, t.all)
				for i := range t.all - t.waiting {
					j.Recipients[i].State = Delivered
				}
				return *j, nil
			},
			encode: func(k []byte, v any) []byte { j := v.(jobRecord); return sealed(k, appendJob(header(nil), &j)) },
		},
		"recipient": {
			key:    appendRecipientKey(nil, r, 7),
			decode: func(k, v []byte) (any, error) { rc, err := decodeRecipient(7, k, v); return rc, err },
			encode: func(k []byte, v any) []byte {
				rc := v.(Recipient)
				return sealed(k, appendRecipient(header(nil), &rc))
			},
		},
		"inline": {
			key:    appendMessageKey(nil, famBody, r.id),
			decode: func(k, v []byte) (any, error) { b, f, err := decodeBody(k, v); return bodyValue{b, f}, err },
			encode: func(k []byte, v any) []byte {
				if b := v.(bodyValue); b.file != nil {
					return sealed(k, appendFile(header(nil), b.file))
				}
				return sealed(k, append(append(header(nil), kindInline), v.(bodyValue).inline...))
			},
		},
		"number": {
			key:    appendDueKey(nil, Lane{"acme", "internet", "a\x00b"}, slot{due: -5, ref: r}),
			decode: func(k, v []byte) (any, error) { n, err := decodeNumber(k, v); return n, err },
			encode: func(k []byte, v any) []byte { return sealed(k, appendInt(header(nil), v.(int64))) },
		},
	}
}

type bodyValue struct {
	inline []byte
	file   *fileRecord
}

// values are what the golden files hold, by kind and variant.
func values() map[string]any {
	at := time.Date(2026, 3, 1, 12, 30, 15, 999, time.UTC)
	ann := mail.Address{Local: "ann o'x", Domain: "example.com"}
	return map[string]any{
		"envelope-full": Envelope{
			Sender: mail.Path{Address: ann}, Body: mail.Body8BitMIME, SMTPUTF8: true, Origin: 2, Arrived: at, Generation: "f3a1",
			Client: "2001:db8::1", Helo: "[192.0.2.1]", Login: "staff/ann", Listener: "public", MessageID: "<1@example>",
			Tenant: "acme", Size: 12345, Decision: []byte{0, 1, 0xff},
		},
		"envelope-empty": Envelope{},
		"job-full": jobRecord{Job: Job{
			Message: sampleID(), N: 3, Lane: Lane{"acme", "internet", "example.com"}, Nexthops: []string{"10.0.0.1:25", ""},
			Sender: mail.Path{Address: ann}, EnvID: "e+2B", Ret: mail.RetFull, Body: mail.Body8BitMIME, SMTPUTF8: true,
			Rule: "route.partner (postroad.hcl:31)", Copy: "copy.archive", Expanded: ann, Original: ann, Size: 1 << 40,
			Arrived: at, Attempts: 300, LastTry: at.Add(time.Minute), Due: at.Add(time.Hour), Held: true,
			Recipients: []Recipient{{State: Delivered}, {}, {}},
		}, alone: true, big: true, from: mail.Path{Address: mail.Address{Local: "other", Domain: "example.org"}}},
		"job-homed":       jobRecord{Job: Job{Message: sampleID(), N: 3, Homed: true, Recipients: []Recipient{{}}}},
		"recipient-moved": Recipient{N: 7, Final: ann, State: Moved, NotBy: "old"},
		"job-plain":       jobRecord{Job: Job{Message: sampleID(), N: 3, Recipients: []Recipient{{}}}},
		"job-edits": jobRecord{Job: Job{
			Message: sampleID(), N: 3, Edits: []Edit{{At: 6, Len: 3, Text: "ann@example.com"}, {At: 9}, {At: 1 << 33, Len: 1, Text: "x"}}, Recipients: []Recipient{{}},
		}},
		"recipient-full": Recipient{
			N: 7, Final: ann, Original: mail.Address{Local: "postmaster"}, Notify: mail.NotifyFailure | mail.NotifyDelay,
			ORCPT: "rfc822;x+40y", State: Failed, Reply: mail.Reply{Code: 550, Enhanced: "5.1.1", Text: "no\nsuch"}, Remote: "mx[192.0.2.9]:25", Warned: true,
		},
		"recipient-plain": Recipient{N: 7, Final: ann},
		"inline-text":     bodyValue{inline: []byte("Subject: x\r\n\r\nbody\r\n")},
		"inline-empty":    bodyValue{inline: []byte{}},
		"inline-file":     bodyValue{file: &fileRecord{size: 2*blockSize + 1, sums: []uint32{1, 0xffffffff, 3}}},
		"number-small":    int64(1),
		"number-large":    int64(1) << 50,
	}
}

// TestGolden holds every record against the file of its released format, both
// ways: an old spool is read for ever, and what we write today an old server
// would have written.
func TestGolden(t *testing.T) {
	for name, want := range values() {
		kind := kinds()[strings.Split(name, "-")[0]]
		file := filepath.Join("testdata", "golden", "v1-"+name+".txt")
		got := fmt.Sprintf("key   %x\nvalue %x\n", kind.key, kind.encode(kind.key, want))
		if *rewrite {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(golden) {
			t.Errorf("%s is written as\n%swant\n%s", name, got, golden)
		}
		var key, value string
		if _, err := fmt.Sscanf(string(golden), "key %s\nvalue %s\n", &key, &value); err != nil {
			t.Fatal(err)
		}
		back, err := kind.decode(unhex(t, key), unhex(t, value))
		if err != nil || !reflect.DeepEqual(back, want) {
			t.Errorf("%s is read as %+v, %v; want %+v", name, back, err, want)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFlips turns every bit of every record, its key included: all are found.
func TestFlips(t *testing.T) {
	for name, v := range values() {
		kind := kinds()[strings.Split(name, "-")[0]]
		value := kind.encode(kind.key, v)
		for _, part := range [][]byte{kind.key, value} {
			for bit := range len(part) * 8 {
				part[bit/8] ^= 1 << (bit % 8)
				if _, err := kind.decode(kind.key, value); !errors.Is(err, ErrDamaged) {
					t.Errorf("%s: bit %d turned: %v", name, bit, err)
				}
				part[bit/8] ^= 1 << (bit % 8)
			}
		}
		for n := range value {
			if _, err := kind.decode(kind.key, value[:n]); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: cut at %d: %v", name, n, err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for name, v := range values() {
		kind := strings.Split(name, "-")[0]
		f.Add(kind, kinds()[kind].encode(kinds()[kind].key, v), false)
		f.Add(kind, kinds()[kind].encode(kinds()[kind].key, v), true)
	}
	f.Fuzz(func(t *testing.T, name string, value []byte, forged bool) {
		kind, ok := kinds()[name]
		if !ok {
			return
		}
		// Without a forged checksum nearly nothing passes; with one the payload's
		// own grammar is tried.
		if forged && len(value) >= headerSize {
			value = bytes.Clone(value)
			value[0] = version1
			seal(kind.key, value)
		}
		v, err := kind.decode(kind.key, value)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("%s: %v is not ErrDamaged", name, err)
			}
			return
		}
		if again := kind.encode(kind.key, v); !bytes.Equal(again, value) {
			t.Fatalf("%s: %x is read as %+v, which is written as %x", name, value, v, again)
		}
	})
}

func FuzzDueKey(f *testing.F) {
	f.Add(kinds()["number"].key)
	f.Add([]byte{famDue})
	f.Fuzz(func(t *testing.T, key []byte) {
		l, s, ok := parseDueKey(key)
		if !ok {
			return
		}
		if again := appendDueKey(nil, l, s); !bytes.Equal(again, key) {
			t.Fatalf("%x is read as %+v %+v, which is written as %x", key, l, s, again)
		}
	})
}

// TestKeyOrder: the order of keys is the order of lanes' due times, and no lane
// is a part of another.
func TestKeyOrder(t *testing.T) {
	names := []string{"", "\x00", "\x00\x01", "a", "a\x00", "a\x00\xff", "ab", "\xff"}
	var lanes []Lane
	for _, a := range names {
		for _, b := range names {
			lanes = append(lanes, Lane{a, "t", b})
		}
	}
	for _, l := range lanes {
		var last []byte
		for _, due := range []int64{-1 << 63, -1, 0, 1, 1<<63 - 1} {
			key := appendDueKey(nil, l, slot{due: due, ref: ref{sampleID(), 1}})
			if bytes.Compare(last, key) >= 0 {
				t.Fatalf("due %d of %q sorts before its former", due, l)
			}
			last = key
			for _, o := range lanes {
				if prefix := appendLaneKey(nil, o); o != l && bytes.HasPrefix(key, prefix) {
					t.Fatalf("%q lies within %q", l, o)
				}
			}
		}
	}
}

func TestStamp(t *testing.T) {
	if stamp(time.Time{}) != -1<<63 || stamp(time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)) != 1<<63-1 {
		t.Error("a time that does not fit is not at the end")
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	if stamp(at) != at.UnixNano() {
		t.Error("a time of today is altered")
	}
}
