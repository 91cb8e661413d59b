package receive_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/spool"
)

// bodyOf is a stored message.
type bodyOf struct{ *bytes.Reader }

func (bodyOf) Close() error { return nil }

func newBody(s string) spool.Body { return bodyOf{bytes.NewReader([]byte(s))} }

func failure(sender string) queue.Notice {
	r := spool.Recipient{
		Final: addr("x@far.example"), Original: addr("x@far.example"), State: spool.Failed,
		Reply: mail.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"}, Remote: "mx.far.example[192.0.2.7]:25",
	}
	n := queue.Notice{
		Kind:     queue.NoticeFailed,
		Envelope: spool.Envelope{Arrived: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Job:      spool.Job{Message: spool.ID{1}, Recipients: []spool.Recipient{r}},
	}
	if sender != "<>" {
		n.Job.Sender = mail.Path{Address: addr(sender)}
	}
	n.Envelope.Sender = n.Job.Sender
	n.Recipients = n.Job.Recipients
	return n
}

// A report goes from <> to the sender, by the ordinary rules but without relay
// access and copies, and is written only when the caller says so.
func TestNotify(t *testing.T) {
	w := newWorld(t)
	n := receive.NewNotifier(w.server.Acceptor(), &w.gen)
	for _, c := range []struct{ sender, jobs string }{
		{"ann@example.com", "<> via=store to= ann@example.com<ann@example.com notify=8"},
		{"somebody@foreign.example", "<> via=mx to= somebody@foreign.example<somebody@foreign.example notify=8"},
	} {
		draft, err := n.Notify(t.Context(), failure(c.sender), newBody("Subject: lost\r\n\r\nbody\r\n"))
		if err != nil || draft == nil {
			t.Fatalf("%s: %v, %v", c.sender, draft, err)
		}
		d := draft.(*recordedDraft)
		if len(w.store.messages()) != 0 {
			t.Error("the report was written before its time")
		}
		if got := jobLines(stored{jobs: d.jobs}); !strings.Contains(got, c.jobs) {
			t.Errorf("%s: jobs are\n%s", c.sender, got)
		}
		if !d.env.Sender.IsNull() || decide.Origin(d.env.Origin) != decide.OriginReport {
			t.Errorf("%s: envelope is %+v", c.sender, d.env)
		}
		if body := d.body.String(); !strings.Contains(body, "Subject: lost") || strings.Contains(body, "Received:") {
			t.Errorf("%s: the report is %q", c.sender, body)
		}
		if d.aborted {
			t.Error("the report was thrown away")
		}
	}
}

// Nobody is told where nobody may be, or where there is no way to the sender.
func TestNotifyNobody(t *testing.T) {
	w := newWorld(t)
	n := receive.NewNotifier(w.server.Acceptor(), &w.gen)
	never := failure("ann@example.com")
	never.Recipients[0].Notify = mail.NotifyNever
	for name, notice := range map[string]queue.Notice{
		"null sender":    failure("<>"),
		"NOTIFY=NEVER":   never,
		"unknown sender": failure("nobody@example.com"),
	} {
		draft, err := n.Notify(t.Context(), notice, newBody("Subject: lost\r\n\r\n"))
		if err != nil || draft != nil {
			t.Errorf("%s: %v, %v", name, draft, err)
		}
	}
}

// What cannot be decided or stored now is an error: the job tries again.
func TestNotifyLater(t *testing.T) {
	w := newWorld(t)
	n := receive.NewNotifier(w.server.Acceptor(), &w.gen)
	if draft, err := n.Notify(t.Context(), failure("panics@slow.example"), newBody("x\r\n")); err == nil || draft != nil {
		t.Errorf("a table that is away: %v, %v", draft, err)
	}
	w.store.report = spool.ErrFull
	if _, err := n.Notify(t.Context(), failure("ann@example.com"), newBody("x\r\n")); !errors.Is(err, spool.ErrFull) {
		t.Errorf("a spool that is full for reports too: %v", err)
	}
	w.store.create, w.store.report = spool.ErrFull, nil
	if d, err := n.Notify(t.Context(), failure("ann@example.com"), newBody("x\r\n")); err != nil || d == nil {
		t.Errorf("a spool that is full for mail: %v", err)
	}
}
