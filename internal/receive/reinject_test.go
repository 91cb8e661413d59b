package receive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/spool"
)

func again(to ...string) queue.Attempt {
	j := spool.Job{
		Message: spool.ID{1}, Lane: spool.Lane{Transport: decide.BuiltinReinject}, EnvID: "e1",
		Sender: mail.Path{Address: addr("s@foreign.example")}, Expanded: addr("from@other.example"),
	}
	for i, a := range to {
		j.Recipients = append(j.Recipients, spool.Recipient{N: i, Final: addr(a), Notify: mail.NotifyFailure, ORCPT: "rfc822;o@other.example"})
	}
	return queue.Attempt{Job: j, Body: newBody("Subject: twice\r\n\r\nbody\r\n")}
}

// What is taken in again is decided as mail from outside is, says whose expansion
// led here, and keeps what was asked for it.
func TestReinject(t *testing.T) {
	w := newWorld(t)
	x := receive.NewReinjector(w.server.Acceptor(), &w.gen)
	drafts, err := x.Reinject(t.Context(), again("team@example.com", "x@far.example"))
	if err != nil || len(drafts) != 1 {
		t.Fatalf("%v, %v", drafts, err)
	}
	d := drafts[0].(*recordedDraft)
	if len(w.store.messages()) != 0 || decide.Origin(d.env.Origin) != decide.OriginReinjected {
		t.Errorf("origin %d, %d messages written", d.env.Origin, len(w.store.messages()))
	}
	lines := jobLines(stored{jobs: d.jobs})
	for _, want := range []string{"ann@example.com<team@example.com notify=2", "x@far.example<x@far.example notify=2", "via=mx"} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in the jobs\n%s", want, lines)
		}
	}
	if d.jobs[0].EnvID != "e1" || d.jobs[0].Recipients[0].ORCPT != "rfc822;o@other.example" {
		t.Errorf("what was asked is lost: %+v", d.jobs[0])
	}
	body := d.body.String()
	if !strings.HasPrefix(body, "Received: by mx.example.com id ") || !strings.Contains(body, "\r\nDelivered-To: from@other.example\r\nSubject: twice\r\n\r\nbody\r\n") {
		t.Errorf("the message is %q", body)
	}
}

// Nothing is left behind when a message is not taken in again, and the reply says
// whether for good.
func TestReinjectRefused(t *testing.T) {
	w := newWorld(t)
	x := receive.NewReinjector(w.server.Acceptor(), &w.gen)
	loop := again("team@example.com")
	loop.Job.Expanded = addr("team@example.com")
	for name, c := range map[string]struct {
		attempt queue.Attempt
		code    int
	}{
		"unknown":    {again("nobody@example.com"), 550},
		"loop":       {loop, 554},
		"table away": {again("panics@slow.example", "ann@example.com"), 451},
	} {
		drafts, err := x.Reinject(t.Context(), c.attempt)
		if err == nil || len(drafts) > 0 || mail.ReplyOf(err).Code != c.code {
			t.Errorf("%s: %v, %v", name, drafts, err)
		}
	}
	if w.store.open != 0 {
		t.Errorf("%d drafts are left open", w.store.open)
	}
}

// The members of a list get the mail under the list's own sender, part by part, and
// whom we refuse is told to its owner.
func TestList(t *testing.T) {
	w := newWorld(t)
	rules := testRules()
	l := decide.List{Ref: decide.Ref{Name: "list.all"}, Address: addr("all@example.com"), Owner: addr("ann@example.com"), Table: decide.NoTable}
	l.Members = []mail.Address{addr("bob@example.com"), addr("nobody@example.com")}
	for i := range 50_000 {
		l.Members = append(l.Members, mail.Address{Local: fmt.Sprintf("m%d", i), Domain: "far.example"})
	}
	rules.Lists = []decide.List{l}
	snapshot, err := decide.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	w.gen.gen.Config.Snapshot = snapshot
	x := receive.NewReinjector(w.server.Acceptor(), &w.gen)
	a := again("all@example.com")
	a.Job.Lane.Transport = decide.BuiltinList
	drafts, err := x.Reinject(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range drafts {
		for _, j := range d.(*recordedDraft).jobs {
			if j.Sender.String() != "owner-all@example.com" || j.EnvID != "" {
				t.Fatalf("sender %s, envid %q", j.Sender, j.EnvID)
			}
			for _, r := range j.Recipients {
				got[r.Final.String()] += j.Lane.Transport
			}
		}
		if body := d.(*recordedDraft).body.String(); !strings.Contains(body, "\r\nDelivered-To: all@example.com\r\nSubject: twice\r\n") {
			t.Fatalf("the message is %q", body)
		}
	}
	if len(got) != 50_002 || got["bob@example.com"] != "store" || got["m49999@far.example"] != "mx" || got["nobody@example.com"] != decide.BuiltinError {
		t.Errorf("%d recipients, bob by %q, nobody by %q", len(got), got["bob@example.com"], got["nobody@example.com"])
	}
	if len(drafts) != 2 {
		t.Errorf("%d messages, and so bodies, for 50 002 members", len(drafts))
	}
	a.Job.Sender = mail.Path{}
	drafts, err = x.Reinject(t.Context(), a)
	if err != nil || !drafts[0].(*recordedDraft).jobs[0].Sender.IsNull() {
		t.Errorf("a report to a list has another sender: %v", err)
	}
	w.gen.gen.Config.Snapshot, _ = decide.Compile(testRules())
	if _, err = x.Reinject(t.Context(), a); mail.ReplyOf(err).Code != 451 {
		t.Errorf("a list that is gone: %v", err)
	}
}

// An alias that leads to more than may be delivered at once is a list: of its owner
// where the domain names one, and else its sender hears what becomes of it.
func TestAliasOfManyIsAList(t *testing.T) {
	for _, c := range []struct {
		owner, sender, notify string
	}{
		{"", "s@foreign.example", "notify=2"},
		{"owner-crowd@example.com", "owner-crowd@example.com", "notify=0"},
	} {
		w := newWorld(t)
		rules := testRules()
		rules.Limits.AliasFanout = 3
		targets := []mail.Address{addr("ann@example.com"), addr("crowd@example.com")}
		for i := range 600 {
			targets = append(targets, mail.Address{Local: fmt.Sprintf("m%d", i), Domain: "far.example"})
		}
		home := &rules.Domains[slices.IndexFunc(rules.Domains, func(d decide.Domain) bool { return d.Name == "example.com" })]
		home.Aliases = append(home.Aliases, decide.Alias{Address: addr("crowd@example.com"), Targets: targets})
		if c.owner != "" {
			home.Aliases = append(home.Aliases, decide.Alias{Address: addr(c.owner), Targets: targets[:1]})
		}
		snapshot, err := decide.Compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		w.gen.gen.Config.Snapshot = snapshot
		a := again("crowd@example.com")
		a.Job.Lane.Transport = decide.BuiltinList
		a.Job.Recipients[0].Notify = mail.NotifyFailure | mail.NotifySuccess
		drafts, err := receive.NewReinjector(w.server.Acceptor(), &w.gen).Reinject(t.Context(), a)
		if err != nil || len(drafts) != 1 {
			t.Fatalf("%d drafts, %v", len(drafts), err)
		}
		lines := jobLines(stored{jobs: drafts[0].(*recordedDraft).jobs})
		if n := strings.Count(lines, "@far.example<"); n != 600 || strings.Count(lines, "ann@example.com<") != 1 || strings.Contains(lines, "crowd@example.com<") {
			t.Errorf("%d members outside, in all\n%.300s", n, lines)
		}
		if !strings.Contains(lines, "m1@far.example<m1@far.example "+c.notify) {
			t.Errorf("want %s in\n%.300s", c.notify, lines)
		}
		for _, j := range drafts[0].(*recordedDraft).jobs {
			if j.Sender.String() != c.sender || len(j.Recipients) > 250 {
				t.Errorf("from %s to %d", j.Sender, len(j.Recipients))
			}
		}
	}
}
