package deliver

import (
	"bytes"
	"io"
	"testing"

	"github.com/postroad/postroad/internal/spool"
)

type plainBody struct{ *bytes.Reader }

func (plainBody) Close() error { return nil }

// apply is what edits mean, written down simply.
func apply(body string, edits []spool.Edit) string {
	out, from := "", int64(0)
	for _, e := range edits {
		out += body[from:e.At] + e.Text
		from = e.At + int64(e.Len)
	}
	return out + body[from:]
}

func TestOverlay(t *testing.T) {
	const body = "From: ann@host.example\r\nTo: bob@example\r\n\r\ntext\r\n"
	for name, edits := range map[string][]spool.Edit{
		"none":      nil,
		"longer":    {{At: 10, Len: 12, Text: "a.much.longer.example"}},
		"shorter":   {{At: 6, Len: 16, Text: "x@y"}, {At: 28, Len: 11, Text: "z@z"}},
		"inserted":  {{At: 0, Len: 0, Text: "X: y\r\n"}},
		"removed":   {{At: 0, Len: 24}},
		"to an end": {{At: int64(len(body)) - 2, Len: 2, Text: "!"}},
		"adjacent":  {{At: 0, Len: 4, Text: "1"}, {At: 4, Len: 2, Text: "2"}},
	} {
		want := apply(body, edits)
		b := edited(plainBody{bytes.NewReader([]byte(body))}, edits)
		if b.Size() != int64(len(want)) {
			t.Errorf("%s: size %d, want %d", name, b.Size(), len(want))
		}
		for _, block := range []int{1, 3, 7, 4096} {
			var got []byte
			buf := make([]byte, block)
			for off := int64(0); ; {
				n, err := b.ReadAt(buf, off)
				got, off = append(got, buf[:n]...), off+int64(n)
				if err != nil || n == 0 {
					break
				}
			}
			if string(got) != want {
				t.Errorf("%s in blocks of %d: %q, want %q", name, block, got, want)
			}
		}
		all, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
		if err != nil || string(all) != want {
			t.Errorf("%s: %q, %v", name, all, err)
		}
	}
}

// FuzzOverlay: every octet that no edit names stays where it is, whatever the edits
// and however the message is read.
func FuzzOverlay(f *testing.F) {
	f.Add("From: a@b\r\n\r\nx", uint16(6), uint16(3), "c@d", uint16(1), uint16(2), uint16(5))
	f.Fuzz(func(t *testing.T, body string, at, n uint16, text string, gap, n2, off uint16) {
		edits := []spool.Edit{{At: int64(at), Len: int(n), Text: text}, {At: int64(at) + int64(n) + int64(gap), Len: int(n2), Text: text + "."}}
		fits := edits
		for i, e := range edits {
			if e.At+int64(e.Len) > int64(len(body)) {
				fits = edits[:i]
				break
			}
		}
		want := apply(body, fits)
		b := edited(plainBody{bytes.NewReader([]byte(body))}, edits)
		if got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size())); err != nil || string(got) != want {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
		buf := make([]byte, 5)
		got, err := b.ReadAt(buf, int64(off))
		rest := want[min(int(off), len(want)):]
		if string(buf[:got]) != rest[:min(5, len(rest))] || got < 5 && err != io.EOF {
			t.Fatalf("at %d: %q, %v", off, buf[:got], err)
		}
	})
}
