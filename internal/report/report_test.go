package report_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/report"
	"github.com/postroad/postroad/internal/spool"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

const original = "Received: from client.example.org\r\n\tby mx1.example.com; Mon, 23 Nov 2026 12:00:00 +0000\r\n" +
	"From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nMessage-ID: <m1@example.org>\r\nSubject: hello\r\n\r\nLine one.\r\n"

var at = time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)

func address(t testing.TB, s string) mail.Address {
	t.Helper()
	a, err := mail.ParseAddress(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return a
}

// input is a report on one recipient that was refused.
func input(t testing.TB) report.Input {
	t.Helper()
	return report.Input{
		Hostname: "mx1.example.com",
		Now:      at,
		Token:    "t0k3nt0k3nt0k3n",
		Original: strings.NewReader(original),
		Notice: queue.Notice{
			Kind:     queue.NoticeFailed,
			Envelope: spool.Envelope{Arrived: at.Add(-30 * time.Minute)},
			Job: spool.Job{
				Sender:  mail.Path{Address: address(t, "ann@example.org")},
				LastTry: at.Add(-time.Second),
			},
			Recipients: []spool.Recipient{{
				Final: address(t, "bob@example.net"), Original: address(t, "bob@example.net"),
				State:  spool.Failed,
				Reply:  mail.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user here"},
				Remote: "mx.example.net[192.0.2.1]:25",
			}},
		},
	}
}

type golden struct {
	name string
	edit func(t *testing.T, in *report.Input)
}

func goldens() []golden {
	success := func(kind queue.NoticeKind) func(*testing.T, *report.Input) {
		return func(_ *testing.T, in *report.Input) {
			in.Notice.Kind = kind
			in.Notice.Recipients[0].Notify = mail.NotifySuccess
			in.Notice.Recipients[0].State = spool.Delivered
			in.Notice.Recipients[0].Reply = mail.Reply{Code: 250, Enhanced: "2.0.0", Text: "queued as 4711"}
		}
	}
	return []golden{
		{"failed", func(*testing.T, *report.Input) {}},
		{"failed-headers-only", func(_ *testing.T, in *report.Input) { in.Notice.Job.Ret = mail.RetHeaders }},
		{"failed-alias-dsn-parameters", aliasWithParameters},
		{"failed-by-us", func(_ *testing.T, in *report.Input) {
			in.Notice.Recipients[0].Remote = ""
			in.Notice.Recipients[0].Reply = mail.Reply{Code: 451, Enhanced: "4.4.7", Text: "delivery time expired"}
		}},
		{"failed-reply-in-utf8", func(_ *testing.T, in *report.Input) {
			in.Notice.Recipients[0].Reply = mail.Reply{Code: 550, Text: "Empfänger unbekannt\n收件人不存在"}
		}},
		{"failed-hostile-reply", func(_ *testing.T, in *report.Input) {
			in.Notice.Recipients[0].Reply.Text = "no\r\nBcc: evil@example.org\r\n\r\n--=_t0k3nt0k3nt0k3n--\r\nfree text\x00\x1b[2J\u202egnp.exe " +
				strings.Repeat("x", 1200)
		}},
		{"failed-smtputf8", internationalised},
		{"delayed", func(_ *testing.T, in *report.Input) {
			in.Notice.Kind = queue.NoticeDelayed
			in.Notice.WillRetryUntil = at.Add(5 * 24 * time.Hour)
			in.Notice.Recipients[0].Reply = mail.Reply{Code: 450, Enhanced: "4.2.0", Text: "greylisted,\ncome back later"}
		}},
		{"relayed", success(queue.NoticeRelayed)},
		{"delivered", success(queue.NoticeDelivered)},
		{"expanded", success(queue.NoticeExpanded)},
	}
}

func aliasWithParameters(t *testing.T, in *report.Input) {
	n := &in.Notice
	n.Job.EnvID = "QQ+2B314159"
	n.Recipients[0].Original = address(t, "sales@example.com")
	n.Recipients[0].ORCPT = "rfc822;sales+2Beu@example.com"
	n.Recipients = append(n.Recipients,
		spool.Recipient{Final: address(t, "carol@example.net"), Notify: mail.NotifyNever, Reply: mail.Reply{Code: 550, Text: "never told"}},
		spool.Recipient{Final: address(t, `"d d"@example.net`), Notify: mail.NotifyFailure, Reply: mail.Reply{Code: 552, Text: "full"}, Remote: "[2001:db8::1]:25"})
}

func internationalised(t *testing.T, in *report.Input) {
	in.Original = strings.NewReader(strings.ReplaceAll(original, "hello", "grüße"))
	in.Notice.Envelope.SMTPUTF8 = true
	in.Notice.Job.Sender.Address = address(t, "änn@example.org")
	in.Notice.Recipients[0].Final = address(t, "böb@example.net")
	in.Notice.Recipients[0].ORCPT = `utf-8;b\x{F6}b@example.net`
}

func TestGolden(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			in := input(t)
			g.edit(t, &in)
			got, err := report.Compose(in)
			if err != nil {
				t.Fatal(err)
			}
			checkWire(t, got)
			// In the files a line end is \n, so that they can be reviewed.
			shown := bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
			file := filepath.Join("testdata", g.name+".eml")
			if *rewrite {
				if err := os.WriteFile(file, shown, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(shown, want) {
				t.Errorf("differs from %s:\n%s", file, shown)
			}
		})
	}
}

// checkWire holds what every message on the wire must keep.
func checkWire(t testing.TB, msg []byte) {
	t.Helper()
	for line := range bytes.SplitAfterSeq(msg, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		body, ok := bytes.CutSuffix(line, []byte("\r\n"))
		if !ok || bytes.IndexByte(body, '\r') >= 0 {
			t.Fatalf("line without CRLF or with a bare CR: %q", line)
		}
	}
}

func TestWanted(t *testing.T) {
	sender := mail.Path{Address: mail.Address{Local: "a", Domain: "b.example"}}
	const f, d, r, del, x = queue.NoticeFailed, queue.NoticeDelayed, queue.NoticeRelayed, queue.NoticeDelivered, queue.NoticeExpanded
	cases := []struct {
		name   string
		notify mail.Notify
		kinds  []queue.NoticeKind
	}{
		{"absent", 0, []queue.NoticeKind{f, d}},
		{"NEVER", mail.NotifyNever, nil},
		{"FAILURE", mail.NotifyFailure, []queue.NoticeKind{f}},
		{"DELAY", mail.NotifyDelay, []queue.NoticeKind{d}},
		{"SUCCESS", mail.NotifySuccess, []queue.NoticeKind{r, del, x}},
		{"all", mail.NotifySuccess | mail.NotifyFailure | mail.NotifyDelay, []queue.NoticeKind{f, d, r, del, x}},
	}
	for _, c := range cases {
		for _, kind := range []queue.NoticeKind{f, d, r, del, x} {
			want := false
			for _, k := range c.kinds {
				want = want || k == kind
			}
			if got := report.Wanted(kind, c.notify, sender); got != want {
				t.Errorf("NOTIFY %s, kind %d: %v, want %v", c.name, kind, got, want)
			}
			if report.Wanted(kind, c.notify, mail.Path{}) {
				t.Errorf("NOTIFY %s, kind %d: a report to the null path", c.name, kind)
			}
		}
	}
}

func TestComposeRefuses(t *testing.T) {
	broken := errors.New("disk")
	cases := []struct {
		name string
		edit func(*report.Input)
		want error
	}{
		{"null sender", func(in *report.Input) { in.Notice.Job.Sender = mail.Path{} }, report.ErrNotWanted},
		{"no recipient asked", func(in *report.Input) { in.Notice.Recipients[0].Notify = mail.NotifySuccess }, report.ErrNotWanted},
		{"token with a line end", func(in *report.Input) { in.Token = "abcdefgh\r\nX: y" }, report.ErrToken},
		{"no token", func(in *report.Input) { in.Token = "" }, report.ErrToken},
		{"body that cannot be read", func(in *report.Input) { in.Original = iotest.ErrReader(broken) }, broken},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := input(t)
			c.edit(&in)
			got, err := report.Compose(in)
			if got != nil || !errors.Is(err, c.want) {
				t.Errorf("%q, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestReturnedPartIsBounded(t *testing.T) {
	line := strings.Repeat("b", 76) + "\r\n"
	cases := []struct {
		name, original, has, hasNot string
	}{
		{"a long body is left out", original + strings.Repeat(line, 1000), "text/rfc822-headers", line},
		{"a body of the limit is returned", original + strings.Repeat(line, (report.MaxReturned-len(original))/len(line)), "message/rfc822", "text/rfc822-headers"},
		{"a long header ends before a field is cut", "A: first\r\nB: " + strings.Repeat(line[:70]+"\r\n\t", 1000) + "\r\n\r\n", "A: first\r\n", "B: bbb"},
		{"bare line ends do not get out", "A: b\n\nc\rd\n", "A: b\r\n\r\nc\r\nd\r\n", "x\x00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := input(t)
			in.Original = strings.NewReader(c.original)
			got, err := report.Compose(in)
			if err != nil {
				t.Fatal(err)
			}
			checkWire(t, got)
			if !strings.Contains(string(got), c.has) || strings.Contains(string(got), c.hasNot) {
				t.Errorf("want %q and not %q in\n%.3000s", c.has, c.hasNot, got)
			}
			if len(got) > report.MaxReturned+5000 {
				t.Errorf("%d octets", len(got))
			}
		})
	}
}

func TestBoundaryIsNotInTheOriginal(t *testing.T) {
	in := input(t)
	in.Original = strings.NewReader(original + "--=_" + in.Token + "--\r\n")
	got, err := report.Compose(in)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(parse(t, got).parts); n != 3 {
		t.Errorf("%d parts, want 3", n)
	}
}

func TestStatus(t *testing.T) {
	cases := []struct {
		kind  queue.NoticeKind
		reply mail.Reply
		want  string
	}{
		{queue.NoticeFailed, mail.Reply{Code: 550, Enhanced: "5.1.1"}, "5.1.1"},
		{queue.NoticeFailed, mail.Reply{Code: 451, Enhanced: "4.4.7"}, "5.4.7"},
		{queue.NoticeFailed, mail.Reply{Code: 550}, "5.0.0"},
		{queue.NoticeFailed, mail.Reply{}, "5.0.0"},
		{queue.NoticeFailed, mail.Reply{Code: 556}, "5.1.10"},
		{queue.NoticeFailed, mail.Reply{Code: 550, Enhanced: "5.1.1\r\nX: y"}, "5.0.0"},
		{queue.NoticeFailed, mail.Reply{Code: 550, Enhanced: "5.01.1"}, "5.0.0"},
		{queue.NoticeFailed, mail.Reply{Code: 550, Enhanced: "5.1000.1"}, "5.0.0"},
		{queue.NoticeFailed, mail.Reply{Code: 550, Enhanced: "3.1.1"}, "5.0.0"},
		{queue.NoticeDelayed, mail.Reply{Code: 550, Enhanced: "5.7.1"}, "4.7.1"},
		{queue.NoticeDelayed, mail.Reply{Code: 421}, "4.0.0"},
		{queue.NoticeRelayed, mail.Reply{Code: 250, Enhanced: "2.6.0"}, "2.6.0"},
		{queue.NoticeDelivered, mail.Reply{Code: 250}, "2.0.0"},
		{queue.NoticeExpanded, mail.Reply{}, "2.0.0"},
	}
	for _, c := range cases {
		if got := report.Status(c.kind, c.reply); got != c.want {
			t.Errorf("kind %d, %q: %s, want %s", c.kind, c.reply, got, c.want)
		}
	}
}
