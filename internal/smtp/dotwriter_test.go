package smtp

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// stuffed is what DotWriter must write, in the plainest way: lines are ended
// one octet at a time, then each is stuffed.
func stuffed(in string) string {
	var lines []string
	line, open := "", false
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '\r' && i+1 < len(in) && in[i+1] == '\n': // its LF ends the line
		case in[i] == '\r' || in[i] == '\n':
			lines, line, open = append(lines, line), "", false
		default:
			line, open = line+string(in[i:i+1]), true
		}
	}
	if open {
		lines = append(lines, line)
	}
	out := ""
	for _, l := range lines {
		if strings.HasPrefix(l, ".") {
			out += "."
		}
		out += l + "\r\n"
	}
	return out + ".\r\n"
}

// inPieces writes in through a DotWriter, cut after every n octets.
func inPieces(t testing.TB, in string, n int) string {
	var b bytes.Buffer
	d := NewDotWriter(&b)
	for rest := in; rest != ""; {
		k := min(n, len(rest))
		if w, err := d.Write([]byte(rest[:k])); w != k || err != nil {
			t.Fatalf("Write: %d, %v", w, err)
		}
		rest = rest[k:]
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDotWriter(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ".\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{"a", "a\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{".\r\n", "..\r\n.\r\n"},
		{"..\r\n.a\r\n", "...\r\n..a\r\n.\r\n"},
		{"a\r\n\r\n.\r\nb\r\n", "a\r\n\r\n..\r\nb\r\n.\r\n"},
		{"a.\r\nb.c\r\n", "a.\r\nb.c\r\n.\r\n"},
		{"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},              // smuggling by bare LF
		{"a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"},              // by bare CR
		{"a\n.\r\nMAIL", "a\r\n..\r\nMAIL\r\n.\r\n"},      // by a mix
		{"a\r\r\n.b\r\n", "a\r\n\r\n..b\r\n.\r\n"},        // a CR too many
		{"a\r\n.\r", "a\r\n..\r\n.\r\n"},                  // ends in a CR
		{"\r\n\n\r", "\r\n\r\n\r\n.\r\n"},                 // nothing but ends
		{"a\x00.\r\n\x00\r\n", "a\x00.\r\n\x00\r\n.\r\n"}, // other octets stay
	} {
		if got := stuffed(c.in); got != c.want {
			t.Errorf("the reference is wrong: %q: %q, want %q", c.in, got, c.want)
		}
		for n := 1; n <= 4; n++ {
			if got := inPieces(t, c.in, n); got != c.want {
				t.Errorf("%q in pieces of %d: got %q, want %q", c.in, n, got, c.want)
			}
		}
	}
}

func FuzzDotWriter(f *testing.F) {
	f.Add("a\r\n.b\r\n", uint8(3))
	f.Add("\n.\r.\r\n.", uint8(1))
	f.Fuzz(func(t *testing.T, in string, n uint8) {
		got := inPieces(t, in, int(n)+1)
		if want := stuffed(in); got != want {
			t.Fatalf("%q in pieces of %d: got %q, want %q", in, n+1, got, want)
		}
		body := strings.TrimSuffix(got, ".\r\n")
		if strings.Contains("\r\n"+body, "\r\n.\r\n") {
			t.Fatalf("an end of data inside: %q", got)
		}
		clean := strings.ReplaceAll(got, "\r\n", "")
		if strings.ContainsAny(clean, "\r\n") {
			t.Fatalf("a bare CR or LF: %q", got)
		}
	})
}

type brokenWriter struct{ after int }

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.after -= len(p); w.after < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestDotWriterKeepsTheError(t *testing.T) {
	d := NewDotWriter(&brokenWriter{after: 2})
	if _, err := d.Write([]byte("abc\r\n")); !errors.Is(err, errBroken) {
		t.Errorf("Write: %v", err)
	}
	if err := d.Close(); !errors.Is(err, errBroken) {
		t.Errorf("Close: %v", err)
	}
}

func BenchmarkDotWriter(b *testing.B) {
	msg := []byte(strings.Repeat(strings.Repeat("x", 70)+"\r\n", 140))
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	var buf bytes.Buffer
	for b.Loop() {
		buf.Reset()
		d := NewDotWriter(&buf)
		_, _ = d.Write(msg)
		_ = d.Close()
	}
}
