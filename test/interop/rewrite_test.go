package interop

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/test/peer"
)

// awkward is a message whose header has all that a rewriter may spoil: folding,
// comments, quoted names, groups, encoded words, odd spacing and case, fields that
// only look like addresses, eight-bit octets, and a body with an address.
const awkward = "From: \"Boss, The\" <Boss@old.test> (at work)\r\n" +
	"to:ann@pf.test,\r\n\t=?utf-8?q?B=C3=B6b?= <bob@pf.test>  ,\r\n  Friends: carl@old.test, \"d e\"@far.test;\r\n" +
	"CC:\tteam@sub.corp.test(boss@old.test)\r\n" +
	"Reply-To: <boss@OLD.test>\r\n" +
	"Message-ID: <boss@old.test>\r\n" +
	"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n" +
	"X-From: boss@old.test\r\n" +
	"Subject: boss@old.test  \r\n" +
	"References: <1@old.test>\r\n\t<2@sub.corp.test>\r\n" +
	"Resent-From: boss@old.test\r\n" +
	"X-Raw: gr\xc3\xbc\xc3\x9fe \t \r\n" +
	"\r\n" +
	"From: boss@old.test\r\n.one dot\r\n..two\r\nlast line\r\n"

// rewriting gives the rules of canonical(5), masquerade_domains and generic(5).
func rewriting(hub string) string {
	return fmt.Sprintf(`
rewrite "canonical" {
  envelope = ["sender", "recipient"]
  headers  = ["From", "To", "Cc", "Reply-To"]
  map      = { "boss@old.test" = "the.boss@new.test", "old.test" = "new.test" }
}
rewrite "masquerade" {
  envelope = ["sender"]
  headers  = ["From", "To", "Cc", "Reply-To"]
  map      = { ".corp.test" = "corp.test" }
}
rewrite "generic" {
  when     = "leaving"
  envelope = ["sender"]
  headers  = ["From"]
  map      = { "the.boss@new.test" = "boss+out@world.test" }
}
transport "smtp" "hub" {
  to = [%q]
}
route "default" {
  via = transport.hub
}
`, hub)
}

// rewritten is what shall become of awkward, octet by octet.
func rewritten() string {
	return strings.NewReplacer(
		`<Boss@old.test> (at work)`, `<boss+out@world.test> (at work)`,
		"Friends: carl@old.test,", "Friends: carl@new.test,",
		"CC:\tteam@sub.corp.test(boss@old.test)", "CC:\tteam@corp.test(boss@old.test)",
		"<boss@OLD.test>", "<the.boss@new.test>",
	).Replace(awkward)
}

// ownPart is a message from its first own field on, behind the trace fields.
func ownPart(t *testing.T, data []byte) []byte {
	t.Helper()
	at := bytes.Index(data, []byte("From: \"Boss, The\""))
	if at < 0 {
		t.Fatalf("the message is not there:\n%s", data)
	}
	for _, line := range bytes.Split(bytes.TrimRight(data[:at], "\r\n"), []byte("\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "Received", "Return-Path", "X-Original-To", "Delivered-To", "X-Postroad-Mark":
		default:
			if line[0] != ' ' && line[0] != '\t' {
				t.Errorf("a field more: %s", line)
			}
		}
	}
	return data[at:]
}

// Rewriting changes the octets of the addresses that it names, in the envelope and
// in the header; every other octet arrives as it was sent.
func TestRewriteKeepsAllOtherOctets(t *testing.T) {
	t.Parallel()
	out, err := lab.Listen(lab.Config{Name: "out.test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	dir, bind := peer.Dir(t), peer.FreePort(t)
	peer.Need(t)
	peer.StartPostroad(t, dir, head(dir, bind)+rewriting(out.Addr), bind)
	l := lab.Letter{Addr: bind, Sender: "boss@old.test", SenderParams: " BODY=8BITMIME", Data: []byte(awkward),
		Recipients: []lab.Recipient{{Address: "ann@old.test"}, {Address: "team@sub.corp.test"}}}
	if r, err := l.Send(t.Context()); err != nil || !r.Accepted() {
		t.Fatalf("%v %v", err, r.Refusal())
	}
	peer.WaitFor(t, 15*time.Second, func() error {
		if n := len(delivered(out.Messages())); n < 2 {
			return fmt.Errorf("%d recipients have it", n)
		}
		return nil
	})
	to := map[string]int{}
	for _, m := range out.Messages() {
		for _, a := range m.To() {
			to[a]++
		}
		if m.Sender != "boss+out@world.test" {
			t.Errorf("the sender is %s", m.Sender)
		}
		if got := ownPart(t, m.Data); string(got) != rewritten() {
			t.Errorf("the message is\n%q, want\n%q", got, rewritten())
		}
	}
	if to["ann@new.test"] != 1 || to["team@sub.corp.test"] != 1 {
		t.Errorf("recipients are %v", to)
	}
}

// The same message through Postfix to a mailbox of Postfix's own.
func TestRewrittenMailArrivesAtPostfix(t *testing.T) {
	t.Parallel()
	pf := receivingPostfix(t, "local_header_rewrite_clients =\nsmtputf8_enable = no\n")
	dir, bind := peer.Dir(t), peer.FreePort(t)
	peer.StartPostroad(t, dir, head(dir, bind)+rewriting(pf.Addr)+`
rewrite "renamed" {
  envelope = ["recipient"]
  map      = { "annie@new.test" = "ann@pf.test" }
}
`, bind)
	l := lab.Letter{Addr: bind, Sender: "boss@old.test", SenderParams: " BODY=8BITMIME", Data: []byte(awkward), Recipients: []lab.Recipient{{Address: "annie@old.test"}}}
	if r, err := l.Send(t.Context()); err != nil || !r.Accepted() {
		t.Fatalf("%v %v", err, r.Refusal())
	}
	waitFiles(t, 1, func() []string { return mailboxFiles(pf, "ann") })
	msg := readOne(t, mailboxFiles(pf, "ann"))
	if !strings.HasPrefix(msg, "Return-Path: <boss+out@world.test>\n") {
		t.Errorf("the sender is another:\n%s", msg)
	}
	if got, want := string(ownPart(t, []byte(msg))), strings.ReplaceAll(rewritten(), "\r\n", "\n"); got != want {
		t.Errorf("the message is\n%q, want\n%q", got, want)
	}
}
