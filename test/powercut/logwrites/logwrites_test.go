package logwrites

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// written makes a log as the kernel writes it, with sectors of 512 octets.
func written(entries uint64, blocks ...[]byte) []byte {
	super := binary.LittleEndian.AppendUint64(nil, logMagic)
	super = binary.LittleEndian.AppendUint64(super, 1)
	super = binary.LittleEndian.AppendUint64(super, entries)
	super = binary.LittleEndian.AppendUint32(super, 512)
	return bytes.Join(append([][]byte{padded(super)}, blocks...), nil)
}

func block(at, sectors, flags uint64, mark string) []byte {
	var out []byte
	for _, v := range []uint64{at, sectors, flags, uint64(len(mark))} {
		out = binary.LittleEndian.AppendUint64(out, v)
	}
	return padded(append(out, mark...))
}

func padded(b []byte) []byte { return append(b, make([]byte, 512-len(b))...) }

func TestRecord(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 1024)
	log := written(4, block(8, 2, 0, ""), data, block(0, 0, flagMark, "m7"), block(99, 400, flagDiscard, ""), block(16, 0, flagFlush, ""), block(1, 1, 0, "unwritten"))
	r, err := Open(bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{At: 8 * 512, Size: 1024, Data: 1024},
		{Data: 2560, Mark: "m7"},
		{At: 99 * 512, Data: 3072},
		{At: 16 * 512, Data: 3584, Durable: true},
	}
	for i, w := range want {
		if e, err := r.Next(); err != nil || e != w {
			t.Errorf("entry %d: %+v, %v", i, e, err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last entry: %v", err)
	}
	if r, err = Open(bytes.NewReader(log[:512])); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("of a record that is cut off: %v", err)
	}
	if _, err := Open(bytes.NewReader(make([]byte, 512))); err == nil {
		t.Error("an empty device is no log")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(written(2, block(8, 1, flagFUA, ""), padded(nil), block(0, 0, flagMark, "m7")))
	f.Fuzz(func(t *testing.T, log []byte) {
		r, err := Open(bytes.NewReader(log))
		for err == nil && r.left > 0 {
			before := r.next
			if _, err = r.Next(); err == nil && r.next <= before {
				t.Fatal("it does not go on")
			}
		}
	})
}
