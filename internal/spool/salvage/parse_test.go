package salvage

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/cockroachdb/pebble/v2/record"
)

// logOf writes records as pebble does, without the numbers of a log.
func logOf(t testing.TB, records ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := record.NewWriter(&out)
	for _, r := range records {
		if _, err := w.WriteRecord([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func texts(records []logRecord) (out []string) {
	for _, r := range records {
		if r.whole {
			out = append(out, string(r.data))
		}
	}
	return out
}

// TestLogDamage alters one octet of a log at each place in turn: what is lost is
// the record that it lies in, and it is told.
func TestLogDamage(t *testing.T) {
	long := string(bytes.Repeat([]byte("long "), 20_000))
	want := []string{"one", long, "three", "four"}
	data := logOf(t, want...)
	got, gaps := readRecords(data, 0)
	if n := len(texts(got)); n != len(want) || len(gaps) != 0 {
		t.Fatalf("%d records and %v of a whole log", n, gaps)
	}
	for at := 0; at < len(data); at += 1 + at/50 {
		hit := bytes.Clone(data)
		hit[at] ^= 0x10
		got, gaps := readRecords(hit, 0)
		whole := texts(got)
		if len(gaps) == 0 {
			t.Errorf("octet %d: nothing is told", at)
		}
		if len(whole) < 1 || len(whole) > 3 {
			t.Errorf("octet %d: %d records are whole", at, len(whole))
		}
		for _, w := range whole {
			if w != "one" && w != long && w != "three" && w != "four" {
				t.Errorf("octet %d: a record was altered", at)
			}
		}
	}
}

// TestBlockSearch finds the blocks of a file without its index.
func TestBlockSearch(t *testing.T) {
	var file []byte
	for i := range 5 {
		block := append(bytes.Repeat([]byte{byte(i), 7, 9}, 300*i+1), 0)
		file = binary.LittleEndian.AppendUint32(append(file, block...), masked(crc32.Checksum(block, castagnoli)))
	}
	if got := scan(file); len(got) != 5 {
		t.Fatalf("%d blocks found: %v", len(got), got)
	}
	file[10] ^= 1 // in the second
	got := scan(file)
	if len(got) != 4 {
		t.Errorf("%d blocks found beside a damaged one", len(got))
	}
	for _, s := range got {
		if _, err := s.open(file); err != nil {
			t.Error(err)
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add(logOf(f, "one", "two"), uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, num uint32) {
		records, gaps := readRecords(data, num)
		for _, g := range gaps {
			if g.off < 0 || g.size < 0 || g.off+g.size > int64(len(data)) {
				t.Errorf("gap outside of the log: %+v", g)
			}
		}
		for _, r := range records {
			for it := (&edit{rest: r.data}); ; {
				if _, ok := nextOf(it); !ok {
					break
				}
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte{tagLogNumber, 4, tagNextFile, 9, tagDeletedTable, 0, 3, tagNewBlob, 1, 1, 5, 5, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &manifest{tables: map[uint64]tableMeta{}, blobs: map[uint64]uint64{}}
		if err := m.apply(data); err == nil && len(m.tables) > len(data) {
			t.Error("more tables than octets")
		}
	})
}

// What is in a block is decoded only when its checksum is right; what is around
// it is not.
func FuzzBlocks(f *testing.F) {
	f.Add([]byte("nothing of a block"))
	f.Fuzz(func(t *testing.T, data []byte) {
		blobAddress(data)
		for _, s := range scan(data) {
			if s.off < 0 || s.size < 1 || s.end() > int64(len(data)) {
				t.Errorf("block outside of the file: %+v", s)
			}
		}
	})
}

// TestLogProof: damage before chunks that were written one sync after the other is
// no write that a crash cut off, however little these say of where the log was
// durable.
func TestLogProof(t *testing.T) {
	for _, c := range []struct {
		name    string
		behind  []int64 // what the chunks behind the damage know to be durable
		certain bool
	}{
		{"one write", []int64{10}, false},
		{"written together", []int64{10, 10, 10, 10}, false},
		{"one sync", []int64{10, 20, 20}, false},
		{"two syncs", []int64{10, 20, 30}, true},
		{"beyond it", []int64{1001}, true},
	} {
		l := &logReader{gaps: []gap{{off: 1000, size: 10, synced: -1}}}
		for _, synced := range c.behind {
			l.prove(chunk{pos: posFull, whole: true, synced: synced})
		}
		if l.gaps[0].certain != c.certain {
			t.Errorf("%s: certain %v", c.name, l.gaps[0].certain)
		}
	}
}
