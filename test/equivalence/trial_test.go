package equivalence

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/postroad/postroad/internal/importer/postfix"
	"github.com/postroad/postroad/test/peer"
)

// trial is one envelope with its message.
type trial struct {
	postfix.Question
	Header string
}

// message is the text for one of the sides.
func (t trial) message(side string, number int) string {
	return fmt.Sprintf("%s: %s/%d\r\n%sSubject: message %d\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s.%d@trial.example>\r\n%s\r\ntext\r\n.",
		trialField, side, number, t.Header, number, side, number, "MIME-Version: 1.0\r\n")
}

// deferredShare is the part of the envelopes that Postfix may answer 4xx: most
// are strangers who send elsewhere, all of which fare alike.
const deferredShare = 10

// trials are the probes of the import, and others made of them by chance.
func (w *world) trials() []trial {
	probes := w.imported.Probes()
	chance := rand.New(rand.NewPCG(1, 2))
	extra := w.lines("headers")
	deferred := 0
	var out []trial
	add := func(q postfix.Question) {
		if len(out) >= w.Envelopes {
			return
		}
		if w.imported.Ask(q).Verdict == "defer" {
			if deferred++; deferred > w.Envelopes/deferredShare {
				return
			}
		}
		pick := func() string { return probes[chance.IntN(len(probes))].Recipient }
		t := trial{Question: q, Header: header(q, pick, probes[chance.IntN(len(probes))].Sender)}
		if i := len(out) % (len(extra) + 1); i < len(extra) {
			t.Header += extra[i] + "\r\n"
		}
		out = append(out, t)
	}
	for _, to := range w.lines("probes") {
		add(postfix.Question{Client: netip.MustParseAddr("192.0.2.1"), Sender: "somebody@sender.example", Recipient: to})
		add(postfix.Question{Client: netip.MustParseAddr("127.0.0.1"), Sender: "", Recipient: to})
		probes = append(probes, postfix.Question{Client: netip.MustParseAddr("127.0.0.1"), Sender: "somebody@sender.example", Recipient: to})
	}
	for i := 0; i < len(probes); i += max(1, len(probes)*4/3/w.Envelopes) {
		add(probes[i])
	}
	for range 50 * w.Envelopes {
		pick := func() postfix.Question { return probes[chance.IntN(len(probes))] }
		add(postfix.Question{Client: pick().Client, Sender: pick().Sender, Recipient: peer.Altered(chance, pick().Recipient, pick().Recipient)})
	}
	return out
}

// header is fields of addresses that the tables may touch.
func header(q postfix.Question, pick func() string, other string) string {
	from, sender := q.Sender, other
	if from == "" {
		from = pick()
	}
	if sender == "" {
		sender = pick()
	}
	return fmt.Sprintf("From: \"A, Name\" <%s>\r\nSender: %s\r\nReply-To: %s,\r\n  Somebody <%s>\r\nTo: <%s>, %s\r\nCc: %s (comment)\r\n",
		from, sender, pick(), sender, q.Recipient, pick(), pick())
}

// lines are those of a file beside the configuration: "probes" has recipients
// that no text source of a table names, "headers" fields that rules look for.
func (w *world) lines(name string) []string {
	text, err := os.ReadFile(filepath.Join(w.Conf, name))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
