package smtp_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/postroad/postroad/internal/smtp"
)

func TestCopyData(t *testing.T) {
	for _, c := range []struct {
		name, in, out, rest string
	}{
		{"empty", ".\r\nQUIT", "", "QUIT"},
		{"one line", "hello\r\n.\r\n", "hello\r\n", ""},
		{"empty line", "\r\n.\r\n", "\r\n", ""},
		{"stuffed dot", "..\r\n.\r\n", ".\r\n", ""},
		{"stuffed line", "..hello\r\n.\r\n", ".hello\r\n", ""},
		{"dot not doubled", ".hello\r\n.\r\n", "hello\r\n", ""},
		{"dots within", "a.b\r\nc.\r\n.\r\n", "a.b\r\nc.\r\n", ""},
		{"stuffed end", "..\r\n..\r\n.\r\n", ".\r\n.\r\n", ""},
		{"commands follow", "a\r\n.\r\nMAIL FROM:<>\r\n", "a\r\n", "MAIL FROM:<>\r\n"},
		{"dot at line end", "a\r\n .\r\n.\r\n", "a\r\n .\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for size := 16; size < 20; size++ { // every place for the buffer's edge
				br := bufio.NewReaderSize(strings.NewReader(c.in), size)
				var out bytes.Buffer
				r, err := smtp.Data{}.CopyData(&out, br)
				if err != nil || r.Fault != nil || out.String() != c.out || r.Size != int64(len(c.out)) {
					t.Fatalf("out %q, %+v, %v; want %q", out.String(), r, err, c.out)
				}
				if rest, _ := io.ReadAll(br); string(rest) != c.rest {
					t.Fatalf("rest %q, want %q", rest, c.rest)
				}
			}
		})
	}
}

// What others take for the end of data is none, and refuses the message.
func TestSmuggledEndIsRefused(t *testing.T) {
	for _, end := range []string{
		"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n.\r", "\r\n\n.\r\n", "\r\r\n.\n", "\r\n.\r\r\n", "\r\n.\n\r\n",
	} {
		in := "one" + end + "MAIL FROM:<evil@example>\r\n.\r\nQUIT\r\n"
		br := bufio.NewReader(strings.NewReader(in))
		var out bytes.Buffer
		r, err := smtp.Data{}.CopyData(&out, br)
		if err != nil || !errors.Is(r.Fault, smtp.ErrDataNewline) {
			t.Errorf("%q: %+v, %v; want it refused", end, r, err)
		}
		if rest, _ := io.ReadAll(br); string(rest) != "QUIT\r\n" {
			t.Errorf("%q: the data ended before %q", end, rest)
		}
	}
}

func TestCopyDataRepairs(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"a\nb\n\r\n.\r\n", "a\r\nb\r\n\r\n"},
		{"a\rb\r\n.\r\n", "a b\r\n"},
		{"a\r\r\n.\r\n", "a \r\n"},
		{"\n\r\n.\r\n", "\r\n\r\n"},
	} {
		var out bytes.Buffer
		d := smtp.Data{Newlines: smtp.RepairNewlines}
		r, err := d.CopyData(&out, bufio.NewReader(strings.NewReader(c.in)))
		if err != nil || r.Fault != nil || out.String() != c.out {
			t.Errorf("%q: %q, %+v, %v; want %q", c.in, out.String(), r, err, c.out)
		}
	}
	// A dot that begins a line only by the repair is not let through.
	for _, in := range []string{"a\n.\n\r\n.\r\n", "a\n.\r\nMAIL\r\n.\r\n", "a\n..b\r\n.\r\n"} {
		d := smtp.Data{Newlines: smtp.RepairNewlines}
		r, err := d.CopyData(io.Discard, bufio.NewReader(strings.NewReader(in)))
		if err != nil || !errors.Is(r.Fault, smtp.ErrDataNewline) {
			t.Errorf("%q: %+v, %v; want it refused", in, r, err)
		}
	}
}

func TestCopyDataLimit(t *testing.T) {
	in := strings.Repeat("0123456789\r\n", 10) + ".\r\nNOOP"
	for _, c := range []struct {
		limit int64
		fault error
	}{{120, nil}, {119, smtp.ErrTooBig}, {1, smtp.ErrTooBig}, {0, nil}} {
		var out bytes.Buffer
		br := bufio.NewReaderSize(strings.NewReader(in), 16)
		r, err := smtp.Data{Limit: c.limit}.CopyData(&out, br)
		if err != nil || !errors.Is(r.Fault, c.fault) || r.Size != 120 {
			t.Errorf("limit %d: %+v, %v", c.limit, r, err)
		}
		if c.limit > 0 && int64(out.Len()) > c.limit {
			t.Errorf("limit %d: %d octets passed on", c.limit, out.Len())
		}
		if rest, _ := io.ReadAll(br); string(rest) != "NOOP" {
			t.Errorf("limit %d: rest %q", c.limit, rest)
		}
	}
}

func TestCopyDataBreaksOff(t *testing.T) {
	for _, in := range []string{"", "a", "a\r\n", "a\r\n.", "a\r\n.\r", "a\r"} {
		_, err := smtp.Data{}.CopyData(io.Discard, bufio.NewReader(strings.NewReader(in)))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", in, err)
		}
	}
	_, err := smtp.Data{}.CopyData(io.Discard, bufio.NewReader(iotest.TimeoutReader(strings.NewReader("abc"))))
	if err == nil {
		t.Error("the connection's error is lost")
	}
}

// A store that fails costs this message only: the data is read to its end.
func TestCopyDataDrainsAfterWriteError(t *testing.T) {
	br := bufio.NewReaderSize(strings.NewReader("a\r\nb\r\n.\r\nNOOP"), 16)
	r, err := smtp.Data{}.CopyData(failing{}, br)
	if err != nil || !errors.Is(r.Fault, io.ErrClosedPipe) {
		t.Fatalf("%+v, %v", r, err)
	}
	if rest, _ := io.ReadAll(br); string(rest) != "NOOP" {
		t.Errorf("rest %q", rest)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// slowData is the definition: an octet at a time, no cleverness.
func slowData(in []byte) (out []byte, bare, ended bool, used int) {
	start := true
	for i := 0; i < len(in); i++ {
		rest := in[i:]
		if start && bytes.HasPrefix(rest, []byte(".\r\n")) {
			return out, bare, true, i + 3
		}
		if start && rest[0] == '.' {
			start = false
			continue
		}
		start = false
		switch {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			out = append(out, "\r\n"...)
			start = true
			i++
		case rest[0] == '\r' || rest[0] == '\n':
			bare = true
		default:
			out = append(out, rest[0])
		}
	}
	return out, bare, false, len(in)
}

// stuff is what a sender does to a message.
func stuff(msg []byte) []byte {
	out := bytes.ReplaceAll(append([]byte("\r\n"), msg...), []byte("\r\n."), []byte("\r\n.."))
	return append(out[2:], ".\r\n"...)
}

// FuzzCopyData: the same as the definition, wherever the buffer ends; and what
// is passed on, sent again, is one message with nothing behind it.
func FuzzCopyData(f *testing.F) {
	for _, s := range []string{"a\r\n.\r\n", "..\r\n.\r\nx", "\r\n.\n.\r\n", "a\r.\r\n.\r\n", ".\r.\r\n.\r\n", "\n.\r\n\r\n.\r\n"} {
		f.Add([]byte(s), 16, true)
	}
	f.Fuzz(func(t *testing.T, in []byte, size int, oneByOne bool) {
		size = 16 + (size&0xff)%64
		var src io.Reader = bytes.NewReader(in)
		if oneByOne {
			src = iotest.OneByteReader(src)
		}
		br := bufio.NewReaderSize(src, size)
		var got bytes.Buffer
		r, err := smtp.Data{}.CopyData(&got, br)
		want, bare, ended, used := slowData(in)
		if ended != (err == nil) {
			t.Fatalf("%q: ended %v, %v", in, ended, err)
		}
		if !ended {
			return
		}
		if bare != errors.Is(r.Fault, smtp.ErrDataNewline) {
			t.Fatalf("%q: bare %v, fault %v", in, bare, r.Fault)
		}
		if rest, _ := io.ReadAll(br); string(rest) != string(in[used:]) {
			t.Fatalf("%q: rest %q, want %q", in, rest, in[used:])
		}
		if bare {
			return
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("%q: %q, want %q", in, got.Bytes(), want)
		}
		if plain := len(want) == used-len(".\r\n"); r.Plain != plain { // no dot was taken off
			t.Fatalf("%q: plain %v", in, r.Plain)
		}
		resent(t, got.Bytes())
	})
}

// FuzzRepair: what a repair passes on holds no bare CR or LF, and sent again it
// is one message.
func FuzzRepair(f *testing.F) {
	for _, s := range []string{"a\n.\r\n.\r\n", "a\rb\n\r\n.\r\n", "\r\r\n\n.\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var got bytes.Buffer
		d := smtp.Data{Newlines: smtp.RepairNewlines}
		r, err := d.CopyData(&got, bufio.NewReaderSize(bytes.NewReader(in), 16))
		if err != nil || r.Fault != nil {
			return
		}
		plain := bytes.ReplaceAll(got.Bytes(), []byte("\r\n"), nil)
		if bytes.ContainsAny(plain, "\r\n") {
			t.Fatalf("%q became %q", in, got.Bytes())
		}
		if r.Plain && !bytes.Equal(in[:len(got.Bytes())], got.Bytes()) {
			t.Fatalf("%q became %q and is called plain", in, got.Bytes())
		}
		resent(t, got.Bytes())
	})
}

func resent(t *testing.T, msg []byte) {
	t.Helper()
	if len(msg) > 0 && !bytes.HasSuffix(msg, []byte("\r\n")) {
		t.Fatalf("message %q does not end its last line", msg)
	}
	var again bytes.Buffer
	br := bufio.NewReader(bytes.NewReader(stuff(msg)))
	r, err := smtp.Data{}.CopyData(&again, br)
	if err != nil || r.Fault != nil || br.Buffered() != 0 || !bytes.Equal(again.Bytes(), msg) {
		t.Fatalf("%q sent again is %q, %+v, %v, and %d octets behind it", msg, again.Bytes(), r, err, br.Buffered())
	}
}

func BenchmarkCopyData(b *testing.B) {
	msg := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 131) + ".\r\n")
	src := bytes.NewReader(msg)
	br := bufio.NewReaderSize(src, 16<<10)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(msg)
		br.Reset(src)
		if _, err := (smtp.Data{}).CopyData(io.Discard, br); err != nil {
			b.Fatal(err)
		}
	}
}
