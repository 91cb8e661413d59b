package main

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
	r, err := openRecord(bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	want := []entry{
		{at: 8 * 512, size: 1024, data: 1024},
		{data: 2560, flags: flagMark, mark: "m7"},
		{at: 99 * 512, data: 3072, flags: flagDiscard},
		{at: 16 * 512, data: 3584, flags: flagFlush},
	}
	for i, w := range want {
		if e, err := r.read(); err != nil || e != w {
			t.Errorf("entry %d: %+v, %v", i, e, err)
		}
	}
	if !want[3].durable() || want[0].durable() {
		t.Error("a flush is durable, a write is not")
	}
	if _, err := r.read(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last entry: %v", err)
	}
	if _, err := openRecord(bytes.NewReader(make([]byte, 512))); err == nil {
		t.Error("an empty device is no log")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(written(2, block(8, 1, flagFUA, ""), padded(nil), block(0, 0, flagMark, "m7")))
	f.Fuzz(func(t *testing.T, log []byte) {
		r, err := openRecord(bytes.NewReader(log))
		for err == nil && r.left > 0 {
			before := r.next
			if _, err = r.read(); err == nil && r.next <= before {
				t.Fatal("it does not go on")
			}
		}
	})
}
