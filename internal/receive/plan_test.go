package receive_test

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/spool"
)

// crowd sends one message to n in each of two foreign domains in turn, to ann, and to
// two aliases: team, which is to confirm, and mixed, of which one is refused.
func (w *world) crowd(t *testing.T, n int, subject string) error {
	t.Helper()
	facts := decide.Facts{Origin: decide.OriginSMTP, Client: netip.MustParseAddr("10.0.0.1"), Listener: "public"}
	tx := w.server.Acceptor().Begin(w.gen.Pin(), facts, mail.Envelope{Sender: mail.Path{Address: addr("s@client.example")}})
	defer tx.Abort()
	to := []mail.Recipient{{Address: addr("team@example.com"), Notify: mail.NotifySuccess}, {Address: addr("mixed@example.com")}, {Address: addr("ann@example.com")}}
	for i := range n {
		for _, domain := range []string{"far", "further"} {
			to = append(to, mail.Recipient{Address: addr(fmt.Sprintf("u%d@%s.example", i, domain))})
		}
	}
	for _, r := range to {
		if d := tx.Recipient(t.Context(), r); d.Verdict != decide.Accept {
			t.Fatalf("%s: %s", r.Address, d.Reply)
		}
	}
	b, err := tx.Body(t.Context(), receive.Hop{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(b, "Subject: "+subject+"\r\n\r\nx\r\n"); err != nil {
		t.Fatal(err)
	}
	_, err = tx.Commit(t.Context())
	return err
}

// A message to very many becomes what it would with few: jobs of a bounded size by
// way, a job for what is refused and one that confirms; every delivery is logged.
func TestJobsOfACrowd(t *testing.T) {
	for _, n := range []int{3, 600, 1500} {
		w := newWorld(t)
		if err := w.crowd(t, n, "x"); err != nil {
			t.Fatalf("to %d: %v", n, err)
		}
		m := w.store.take()
		got := map[string]int{} // recipients by way
		seen := map[mail.Address]int{}
		for i, job := range m.jobs {
			if job.N != i || len(job.Recipients) > 250 {
				t.Fatalf("job %d of %d recipients has the number %d", i, len(job.Recipients), job.N)
			}
			for k, r := range job.Recipients {
				if r.N != k || r.State != spool.Waiting {
					t.Fatalf("recipient %+v stands at %d", r, k)
				}
				seen[r.Final]++
			}
			got[job.Lane.Transport+"/"+job.Lane.Nexthop] += len(job.Recipients)
		}
		want := map[string]int{"mx/far.example": n, "mx/further.example": n, "store/": 4, "error/": 1, "expanded/": 1}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("to %d: %v, want %v", n, got, want)
		}
		for i := range n {
			if a := addr(fmt.Sprintf("u%d@far.example", i)); seen[a] != 1 {
				t.Fatalf("%s stands in %d jobs", a, seen[a])
			}
		}
		record, err := receive.DecodeRecord(m.env.Decision)
		if err != nil || len(record.Recipients)+record.More != 2*n+3 || len(record.Recipients) > 1000 {
			t.Errorf("to %d: %d are listed, %d more: %v", n, len(record.Recipients), record.More, err)
		}
		if lines := strings.Count(w.log.String(), `msg="recipient accepted"`); lines != 2*n+4 {
			t.Errorf("to %d: %d deliveries are logged", n, lines)
		}
	}
}

// What the message says refuses a crowd as it does few, and nothing is kept.
func TestACrowdIsRefused(t *testing.T) {
	for _, n := range []int{3, 600} {
		w := newWorld(t)
		err := w.crowd(t, n, "spam")
		if r := mail.ReplyOf(err); r.Code != 550 || len(w.store.messages()) > 0 {
			t.Errorf("to %d: %v, %d messages", n, err, len(w.store.messages()))
		}
	}
}
