package receive_test

import (
	"io"
	"testing"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/receive"
)

// The edits of a job name octets of the message as it is stored: behind the field of
// this hop, and with the fields that a submission lacked.
func TestEditsOfTheStoredBody(t *testing.T) {
	w := newWorld(t)
	rules := testRules()
	rules.Rewrites = []decide.Rewrite{{
		Ref: decide.Ref{Name: "rewrite.one"}, Match: noTables(), Sender: true, Headers: []string{"From", "To"}, Table: decide.NoTable,
		Map: []decide.Mapping{{Key: ".example.com", To: "example.com"}},
	}}
	snapshot, err := decide.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	w.gen.gen.Config.Snapshot = snapshot
	for name, c := range map[string]struct {
		login decide.Login
		text  string
		want  string
	}{
		"relayed":    {text: "To: Bob <bob@b.example.com>\r\nFrom: x@a.example.com\r\n\r\nx@a.example.com\r\n", want: "To: Bob <bob@example.com>\r\nFrom: x@example.com\r\n\r\nx@a.example.com\r\n"},
		"submission": {login: decide.Login{Directory: "staff", Name: "ann"}, text: "To: bob@b.example.com\r\n\r\n", want: "To: bob@example.com\r\n\r\n"},
	} {
		tx := w.server.Acceptor().Begin(w.gen.Pin(), decide.Facts{Login: c.login}, mail.Envelope{Sender: mail.Path{Address: addr("ann@host.example.com")}})
		if d := tx.Recipient(t.Context(), mail.Recipient{Address: addr("bob@example.com")}); d.Verdict != decide.Accept {
			t.Fatal(d.Reply)
		}
		body, err := tx.Body(t.Context(), receive.Hop{By: "mx.example.com", Helo: "there"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(body, c.text); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := w.store.take()
		out, from := "", int64(0)
		for _, e := range got.jobs[0].Edits {
			out, from = out+got.body[from:e.At]+e.Text, e.At+int64(e.Len)
		}
		out += got.body[from:]
		if out[len(out)-len(c.want):] != c.want || got.jobs[0].Sender.String() != "ann@example.com" {
			t.Errorf("%s: it leaves from %s as %q", name, got.jobs[0].Sender, out)
		}
		if h, _ := mail.ScanHeader([]byte(out)); name == "submission" {
			if v, _ := h.Get("From"); v != "<ann@example.com>" {
				t.Errorf("the From that was added leaves as %q", v)
			}
		}
	}
}
