package deliver

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
)

// send delivers a to one host that offers ehlo, and gives that host.
func send(t *testing.T, ehlo string, a queue.Attempt, options ...func(w *world)) (*host, queue.Result) {
	w := newWorld(t)
	h := &host{ehlo: ehlo}
	w.mxHost(1, h)
	for _, o := range options {
		o(w)
	}
	return h, w.d.Attempt(context.Background(), a)
}

func TestMessageIsNotChanged(t *testing.T) {
	a := job("mx", "a@d.example")
	h, _ := send(t, "", a)
	if len(h.seen().messages) != 1 || h.seen().messages[0].data != plainMessage {
		t.Errorf("got %q", h.seen().messages)
	}
}

// A rewritten recipient is told in front of the message, and the members of one
// alias share one copy of it.
func TestExpandedRecipients(t *testing.T) {
	a := job("mx", "a@d.example", "b@d.example")
	a.Job.Expanded, a.Job.Original = address("team@me.example"), address("sales@me.example")
	h, _ := send(t, "PIPELINING", a)
	want := "Delivered-To: team@me.example\r\nX-Original-To: sales@me.example\r\n" + plainMessage
	if len(h.seen().messages) != 1 || h.seen().messages[0].data != want || len(h.seen().messages[0].to) != 2 {
		t.Errorf("got %q", h.seen().messages)
	}
	a.Job.Original = mail.Address{}
	h, _ = send(t, "", a)
	if want := "Delivered-To: team@me.example\r\nX-Original-To: team@me.example\r\n" + plainMessage; h.seen().messages[0].data != want {
		t.Errorf("got %q", h.seen().messages)
	}
}

func TestLoopMarks(t *testing.T) {
	key := []byte("key")
	a := job("mx", "a@d.example", "b@d.example")
	h, _ := send(t, "SIZE 100000", a, func(w *world) { w.d.o.MarkKey = key })
	want := "X-Postroad-Mark: " + decide.Mark(key, address("a@d.example"), "mx") + " " +
		decide.Mark(key, address("b@d.example"), "mx") + "\r\n" + plainMessage
	if h.seen().messages[0].data != want {
		t.Errorf("got %q, want %q", h.seen().messages[0].data, want)
	}
	if !strings.HasSuffix(h.seen().said[1], " SIZE="+itoa(len(want))) {
		t.Errorf("SIZE does not count the lines in front: %q", h.seen().said[1])
	}
	var many []string
	for i := range 500 {
		many = append(many, "r"+itoa(i)+"@d.example")
	}
	h, _ = send(t, "PIPELINING", job("mx", many...), func(w *world) { w.d.o.MarkKey = key })
	everyMarked(t, key, many, h.seen().messages[0].data)
	lmtp := job("t", "a@d.example")
	h, _ = send(t, "", lmtp, func(w *world) {
		w.d.o.MarkKey = key
		w.hosts["10.0.0.1:24"] = w.hosts["192.0.2.1:25"]
		w.transport(&config.Transport{Name: "t", Kind: decide.KindLMTP, Tiers: [][]string{{"10.0.0.1"}}})
	})
	if h.seen().messages[0].data != plainMessage {
		t.Errorf("a mark at final delivery: %q", h.seen().messages[0].data)
	}
}

// everyMarked wants the marks of all recipients, in lines that are not long.
func everyMarked(t *testing.T, key []byte, to []string, data string) {
	t.Helper()
	header, end := mail.ScanHeader([]byte(data))
	marks := decide.Marks(header.All(decide.MarkField))
	for _, a := range to {
		if !slices.Contains(marks, decide.Mark(key, address(a), "mx")) {
			t.Errorf("no mark of %s", a)
		}
	}
	if len(marks) != len(to) || header.Count(decide.MarkField) > 20 {
		t.Errorf("%d marks in %d fields", len(marks), header.Count(decide.MarkField))
	}
	for line := range strings.SplitSeq(data[:end], "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestParametersArePassedOn(t *testing.T) {
	a := job("mx", "a@d.example", "b@d.example")
	a.Job.EnvID, a.Job.Ret, a.Job.Body = "e1", mail.RetFull, mail.Body8BitMIME
	a.Job.Recipients[0].Notify, a.Job.Recipients[0].ORCPT = mail.NotifySuccess|mail.NotifyFailure, "rfc822;x@y"
	h, res := send(t, "DSN|8BITMIME", a)
	got := strings.Join(h.seen().said[1:4], "\n")
	want := "MAIL FROM:<s@example.org> BODY=8BITMIME RET=FULL ENVID=e1\nRCPT TO:<a@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@y\nRCPT TO:<b@d.example>"
	if got != want || !res.DSNCapable {
		t.Errorf("got %s, %v", got, res.DSNCapable)
	}
	h, res = send(t, "", a)
	if got := strings.Join(h.seen().said[1:3], "\n"); got != "MAIL FROM:<s@example.org>\nRCPT TO:<a@d.example>" || res.DSNCapable {
		t.Errorf("to a host without DSN: %s, %v", got, res.DSNCapable)
	}
}

// SMTPUTF8 is asked for where it is offered; where it is not, only what needs it
// is refused, and only when no host offers it (SEMANTICS 2).
func TestSMTPUTF8(t *testing.T) {
	const refused = "a failed 550 5.6.7 host does not take internationalised mail"
	for _, c := range []struct {
		name, to, header string
		flag             bool
		hosts            []*host
		want             string
	}{
		{"offered", "é@d.example", "x", true, []*host{{ehlo: "SMTPUTF8"}}, "é delivered 250 2.0.0 taken @mx1"},
		{"address needs it", "é@d.example", "x", true, []*host{{}}, strings.Replace(refused, "a", "é", 1)},
		{"an alias leads to an address that needs it", "é@d.example", "x", false, []*host{{}}, strings.Replace(refused, "a", "é", 1)},
		{"header needs it", "a@d.example", "é", true, []*host{{}}, refused},
		{"said, but nothing needs it", "a@d.example", "x", true, []*host{{}}, "a delivered 250 2.0.0 taken @mx1"},
		{"not said: goes as it came", "a@d.example", "é", false, []*host{{}}, "a delivered 250 2.0.0 taken @mx1"},
		{"the next host offers it", "é@d.example", "x", true, []*host{{}, {ehlo: "SMTPUTF8"}}, "é delivered 250 2.0.0 taken @mx2"},
		{"no host offers it", "a@d.example", "é", true, []*host{{}, {}}, refused},
		{"a host that is down may offer it", "a@d.example", "é", true, []*host{{refuse: true}, {}}, strings.Replace(refused, "failed", "waits", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for i, h := range c.hosts {
				w.mxHost(i+1, h)
			}
			a := job("mx", c.to)
			a.Body = newBody("Subject: " + c.header + "\r\n\r\nbody é\r\n")
			a.Job.SMTPUTF8 = c.flag
			if got := told(a, w.d.Attempt(context.Background(), a)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			for _, h := range c.hosts {
				for _, said := range h.seen().said {
					if strings.HasPrefix(said, "MAIL") && strings.Contains(said, "SMTPUTF8") != strings.Contains(h.ehlo, "SMTPUTF8") {
						t.Errorf("said %q to a host that offers %q", said, h.ehlo)
					}
				}
			}
		})
	}
}

// damaged is a body whose end cannot be read.
type damaged struct{ spool.Body }

var errDamaged = errors.New("damaged")

func (d damaged) ReadAt(p []byte, off int64) (int, error) {
	if off > 0 {
		return 0, errDamaged
	}
	n, _ := d.Body.ReadAt(p[:min(8, len(p))], 0)
	return n, nil
}

func TestUnreadableMessage(t *testing.T) {
	a := job("mx", "a@d.example")
	a.Body = damaged{a.Body}
	second := &host{}
	h, res := send(t, "", a, func(w *world) { w.mxHost(2, second) })
	if got := told(a, res); got != "a waits 451 4.3.0 message cannot be read from the spool" || len(h.seen().messages) != 0 || second.seen().conns != 0 {
		t.Errorf("got %s; %v %d", got, h.seen().messages, second.seen().conns)
	}
}

// What a confirmation says: relayed, delivered, or nothing since the next host
// confirms.
func TestEndOfTheRoad(t *testing.T) {
	for _, c := range []struct {
		kind, ehlo string
		final, dsn bool
	}{
		{decide.KindSMTP, "", false, false}, {decide.KindSMTP, "DSN", false, true},
		{decide.KindLMTP, "", true, false}, {decide.KindLMTP, "DSN", false, true},
		{decide.KindDiscard, "", true, false}, {decide.KindMaildir, "", true, false}, {decide.KindReject, "", false, false},
	} {
		w := newWorld(t)
		w.hosts["10.0.0.1:25"] = &host{ehlo: c.ehlo}
		w.transport(&config.Transport{Name: "t", Kind: c.kind, Tiers: [][]string{{"10.0.0.1:25"}}, Path: t.TempDir() + "/{local}"})
		if res := w.d.Attempt(context.Background(), job("t", "a@d.example")); res.Final != c.final || res.DSNCapable != c.dsn {
			t.Errorf("%+v: %+v", c, res)
		}
	}
}

func TestTransportVanished(t *testing.T) {
	w := newWorld(t)
	res := w.d.Attempt(context.Background(), job("gone", "a@d.example"))
	if !res.Hold || res.Recipients[0].State != spool.Waiting {
		t.Errorf("got %+v", res)
	}
}

// What was settled before, or by an administrator, is left alone.
func TestOnlyWaitingRecipients(t *testing.T) {
	a := job("mx", "a@d.example", "b@d.example")
	a.Job.Recipients[0].State = spool.Removed
	h, res := send(t, "", a)
	if len(h.seen().messages[0].to) != 1 || h.seen().messages[0].to[0] != "b" || res.Recipients[0].State != spool.Removed {
		t.Errorf("%v %+v", h.seen().messages, res)
	}
}

type panicking struct{ spool.Body }

func (panicking) ReadAt([]byte, int64) (int, error) { panic("boom") }

func TestPanicLosesNothing(t *testing.T) {
	a := job("mx", "a@d.example")
	a.Body = panicking{a.Body}
	w := newWorld(t)
	w.mxHost(1, &host{})
	res := w.d.Attempt(context.Background(), a)
	if res.Recipients[0].State != spool.Waiting || w.d.Counters().Panics.Load() != 1 || !strings.Contains(w.log.String(), "boom") {
		t.Errorf("%+v, log %s", res, w.log.String())
	}
}

func TestLogLine(t *testing.T) {
	w := newWorld(t)
	w.mxHost(1, &host{rcpt: map[string]string{"b": "550 5.1.1 no \x1b[31muser\" level=fake"}})
	a := job("mx", "a@d.example", "b@d.example")
	w.d.Attempt(context.Background(), a)
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", lines)
	}
	for i, parts := range [][]string{
		{"msg=delivered", "recipient=a@d.example", `rule="route.r (f.hcl:1)"`, "transport=mx", "remote=mx1.example.net[192.0.2.1]:25", `reply="250 2.0.0 taken"`, "ms="},
		{"msg=failed", "recipient=b@d.example", `reply="550 5.1.1 no ?[31muser\" level=fake"`},
	} {
		for _, p := range parts {
			if !strings.Contains(lines[i], p) {
				t.Errorf("%s has no %s", lines[i], p)
			}
		}
	}
}

func TestRejectAndDiscard(t *testing.T) {
	w := newWorld(t)
	w.transport(&config.Transport{Name: "refuse", Kind: decide.KindReject, Reply: mail.Reply{Code: 550, Enhanced: "5.7.1", Text: "not here"}})
	w.transport(&config.Transport{Name: decide.BuiltinError, Kind: decide.KindReject})
	w.transport(&config.Transport{Name: "void", Kind: decide.KindDiscard})
	for _, c := range []struct{ transport, nexthop, want string }{
		{"refuse", "", "a failed 550 5.7.1 not here"},
		{"error", "", "a failed 550 5.7.1 mail for this address is refused"},
		{"error", "user has moved", "a failed 550 5.0.0 user has moved"},
		{"error", "5.1.6 user has moved", "a failed 550 5.1.6 user has moved"},
		{"error", "552 5.2.3 too long", "a failed 552 5.2.3 too long"},
		{"error", "552 too long", "a failed 552 5.0.0 too long"},
		{"error", "4.2.1 come back", "a waits 450 4.2.1 come back"},
		{"error", "5.1 odd", "a failed 550 5.0.0 5.1 odd"},
		{"void", "", "a delivered 250 2.0.0 discarded"},
	} {
		a := job(c.transport, "a@d.example")
		if c.nexthop != "" {
			a.Job.Nexthops = []string{c.nexthop}
		}
		if got := told(a, w.d.Attempt(context.Background(), a)); got != c.want {
			t.Errorf("%s %q: got %s, want %s", c.transport, c.nexthop, got, c.want)
		}
	}
}

var _ io.ReaderAt = damaged{}
