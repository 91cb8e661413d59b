package smtp

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// recorder is a connection that takes everything, in pieces that it notes.
type recorder struct {
	net.Conn
	bytes.Buffer
	writes int
	broken error
}

func (r *recorder) SetDeadline(time.Time) error { return nil }
func (r *recorder) Read([]byte) (int, error)    { return 0, io.EOF }
func (r *recorder) Close() error                { return nil }
func (r *recorder) Write(p []byte) (int, error) {
	if r.broken != nil {
		return 0, r.broken
	}
	r.writes++
	return r.Buffer.Write(p)
}

// spans is content in memory; gone says why there is none.
type spans struct {
	io.ReaderAt
	text [][]byte
	gone error
}

func (s spans) Spans(use func([][]byte) error) error {
	if s.gone != nil {
		return s.gone
	}
	err := use(s.text)
	for _, span := range s.text {
		clear(span) // another message has the memory
	}
	return err
}

// cut makes spans of a text, of n octets each.
func cut(text string, n int) spans {
	s := spans{ReaderAt: strings.NewReader("not read")}
	for rest := []byte(text); len(rest) > 0; {
		k := min(n, len(rest))
		s.text, rest = append(s.text, rest[:k:k]), rest[k:]
	}
	return s
}

// send gives what came of sending content over conn.
func send(conn *recorder, secure bool, t Transaction) (bool, error) {
	c := NewClient(conn, ClientOptions{})
	if secure {
		c.tls = &tls.ConnectionState{}
	}
	return c.sendContent(&t)
}

// onTheWire is what must be written of a text that does not end in a bare CR.
func onTheWire(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	text = strings.ReplaceAll("\n"+text, "\n.", "\n..")[1:]
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return strings.ReplaceAll(text, "\n", "\r\n") + ".\r\n"
}

// someText makes lines of any length, many with a dot at their beginning and
// some without a proper end.
func someText(r *rand.Rand, size int) string {
	lengths := []int{0, 1, 70, 998, shortRun, shortRun + 1, ownSize - 1, outSize}
	var b strings.Builder
	for b.Len() < size {
		b.WriteString([]string{"", "", ".", "..", "\r", "\n", "\n."}[r.IntN(7)])
		b.WriteString(strings.Repeat("x", lengths[min(r.IntN(3*len(lengths)), len(lengths)-1)]))
		b.WriteString("\r\n")
	}
	return b.String()
}

// TestContent: what goes to the wire is the message as DotWriter writes it,
// wherever it lies and however it is cut, joined under TLS or not.
func TestContent(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := someText(r, []int{0, 100, 3 * shortRun, 300 << 10}[seed%4])
		if seed%3 == 0 {
			text = strings.NewReplacer("\r\n", "\r\n", "\r", "", "\n", "", ".", "").Replace(text)
		}
		pieces := 1 + r.IntN(64<<10)
		want := onTheWire("A: b\r\n" + text)
		for _, content := range []io.ReaderAt{
			strings.NewReader(text), strings.NewReader(text), cut(text, pieces), cut(text, pieces), cut(text, 1<<20), cut(text, 1<<20),
		} {
			conn := &recorder{}
			secure := r.IntN(2) == 0
			plain := !strings.Contains("\n"+text, "\n.") && !strings.ContainsAny(strings.ReplaceAll(text, "\r\n", ""), "\r\n")
			sent, err := send(conn, secure, Transaction{Prefix: []byte("A: b\r\n"), Content: content, Size: int64(len(text)), Plain: plain})
			if !sent || err != nil || conn.String() != want {
				t.Fatalf("seed %d, TLS %v, %T: sent %v, %v, %d octets, want %d", seed, secure, content, sent, err, conn.Len(), len(want))
			}
			if most := 2 + len(want)/ownSize; secure && conn.writes > most {
				t.Errorf("seed %d: %d records of %d octets, want %d", seed, conn.writes, len(want), most)
			}
		}
	}
}

// TestContentGone: content that ends early or is gone is no fault of the host,
// and its final dot is never sent.
func TestContentGone(t *testing.T) {
	for name, content := range map[string]io.ReaderAt{
		"ends early":       strings.NewReader("a\r\n"),
		"ends early there": cut("a\r\n", 2),
		"gone":             spans{gone: fs.ErrClosed},
	} {
		conn := &recorder{}
		sent, err := send(conn, false, Transaction{Content: content, Size: 4})
		if sent || !errors.Is(err, ErrContent) || strings.HasSuffix(conn.String(), ".\r\n") {
			t.Errorf("%s: sent %v, %v, %q", name, sent, err, conn.String())
		}
	}
}

// TestContentBroken: an error of the connection is told wherever it comes, and
// whether the final dot may have left.
func TestContentBroken(t *testing.T) {
	for _, size := range []int{10, 1 << 20} {
		text := strings.Repeat("x", size-2) + "\r\n"
		for _, content := range []io.ReaderAt{strings.NewReader(text), cut(text, 100<<10)} {
			sent, err := send(&recorder{broken: errBroken}, false, Transaction{Content: content, Size: int64(size)})
			if !errors.Is(err, errBroken) || errors.Is(err, ErrContent) || sent != (size == 10) {
				t.Errorf("%d octets in %T: sent %v, %v", size, content, sent, err)
			}
		}
	}
}
