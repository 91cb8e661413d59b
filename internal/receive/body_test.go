package receive_test

import (
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/receive"
)

// A message is stored the same wherever its octets were cut on the way in.
func FuzzBodyChunks(f *testing.F) {
	for _, s := range []string{"A: b\r\n\r\nbody", "\r\nbody", "no header\r\n\r\n", "A: b\r\nC: d", "", "\r", "A: b\r\n\r"} {
		f.Add(s, uint8(1), uint8(3))
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, msg string, one, two uint8) {
		if msg == "" {
			return
		}
		whole := w.accept(t, msg)
		a := int(one) % len(msg)
		b := a + int(two)%(len(msg)-a)
		cut := w.accept(t, msg[:a], msg[a:b], msg[b:])
		if whole != cut {
			t.Fatalf("whole %q, in pieces %q", whole, cut)
		}
		if !strings.HasSuffix(whole, msg) {
			t.Fatalf("%q is stored as %q", msg, whole)
		}
		// What we put before it is one field, and the message is not part of it.
		h, _ := mail.ScanHeader([]byte(whole))
		theirs, _ := mail.ScanHeader([]byte(msg))
		if len(h) != len(theirs)+1 || h[0].Name != "Received" {
			t.Fatalf("%q is stored as %q", msg, whole)
		}
	})
}

// accept takes a message of these chunks and gives what is stored.
func (w *world) accept(t *testing.T, chunks ...string) string {
	t.Helper()
	tx := w.server.Acceptor().Begin(w.gen.Pin(), decide.Facts{Client: somebody, Listener: "public"}, mail.Envelope{})
	defer tx.Abort()
	if d := tx.Recipient(t.Context(), mail.Recipient{Address: addr("ann@example.com")}); d.Verdict != decide.Accept {
		t.Fatalf("RCPT: %v", d.Reply)
	}
	body, err := tx.Body(t.Context(), receive.Hop{By: "mx.example", Helo: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		if _, err := body.Write([]byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored := w.store.take().body
	_, after, ok := strings.Cut(stored, " +0000\r\n") // id and date differ
	if !ok {
		t.Fatalf("%q has no date of ours", stored)
	}
	return "Received: ours\r\n" + after
}
