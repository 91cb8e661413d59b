package receive_test

import (
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/receive"
)

// Who asks an alias for SUCCESS is told "expanded" by a job of its own, since the
// members are not asked for it. Nobody else gets that job.
func TestExpandedIsConfirmed(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		sender, rcpt string
		notify       mail.Notify
		want         bool
	}{
		{"s@client.example", "team@example.com", mail.NotifySuccess, true},
		{"s@client.example", "team@example.com", mail.NotifySuccess | mail.NotifyFailure, true},
		{"s@client.example", "mixed@example.com", mail.NotifySuccess, true},
		{"s@client.example", "team@example.com", mail.NotifyFailure, false},
		{"s@client.example", "team@example.com", 0, false},
		{"s@client.example", "ann@example.com", mail.NotifySuccess, false},
		{"", "team@example.com", mail.NotifySuccess, false},
	} {
		e := mail.Envelope{}
		if c.sender != "" {
			e.Sender = mail.Path{Address: addr(c.sender)}
		}
		facts := decide.Facts{Origin: decide.OriginSMTP, Client: netip.MustParseAddr("192.0.2.1"), Listener: "public"}
		tx := w.server.Acceptor().Begin(w.gen.Pin(), facts, e)
		if d := tx.Recipient(t.Context(), mail.Recipient{Address: addr(c.rcpt), Notify: c.notify}); d.Verdict != decide.Accept {
			t.Fatalf("%s: %+v", c.rcpt, d)
		}
		b, err := tx.Body(t.Context(), receive.Hop{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(b, "Subject: x\r\n\r\nx\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := jobLines(w.store.take())
		line := "via=" + decide.BuiltinExpanded + " to= " + c.rcpt + "<" + c.rcpt + " notify="
		if strings.Contains(got, line) != c.want || strings.Contains(got, decide.BuiltinExpanded) != c.want {
			t.Errorf("%s from %q, notify %d: jobs are\n%s", c.rcpt, c.sender, c.notify, got)
		}
	}
}
