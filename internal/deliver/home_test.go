package deliver

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/inline"
)

// slow is a remote table; one without content is away.
type slow struct{ *inline.Table }

func (s slow) Lookup(_ context.Context, key string) table.Answer {
	if s.Table == nil {
		return table.Answer{}
	}
	return s.Table.Lookup(key)
}

// homeWorld has d.example, whose mailboxes move from "old" to "new", one host
// each, and those of other that are at the new side.
type homeWorld struct {
	*world
	old, new *host
	told     []HomeEvent
	view     table.View
}

func (w *homeWorld) Told(e HomeEvent) { w.told = append(w.told, e) }

func newHomeWorld(t *testing.T, old, now *host, moved ...string) *homeWorld {
	w := &homeWorld{world: newWorld(t), old: old, new: now}
	w.hosts["10.0.0.1:25"], w.hosts["10.0.0.2:25"] = old, now
	w.transport(&config.Transport{Name: "old", Kind: decide.KindSMTP, Tiers: [][]string{{"10.0.0.1"}}})
	w.transport(&config.Transport{Name: "new", Kind: decide.KindSMTP, Tiers: [][]string{{"10.0.0.2"}}})
	rules := &decide.Rules{
		Tables:     []decide.TableInfo{{Name: "moved", Format: "map"}},
		Transports: []decide.Transport{{Ref: decide.Ref{Name: "old"}, Kind: decide.KindSMTP}, {Ref: decide.Ref{Name: "new"}, Kind: decide.KindSMTP}},
		Domains: []decide.Domain{
			{Name: "d.example", Members: decide.MembersAny, MailboxTable: decide.NoTable, AliasTable: decide.NoTable, Migration: &decide.Migration{
				New: "new", Old: "old", Homes: decide.NoTable, Moved: 0, TryOther: true,
			}},
			{Name: "done.example", Members: decide.MembersAny, MailboxTable: decide.NoTable, AliasTable: decide.NoTable, Deliver: "new"},
		},
	}
	var err error
	if w.cfg.Snapshot, err = decide.Compile(rules); err != nil {
		t.Fatal(err)
	}
	w.lives(moved...)
	w.d.o.Pin = func() (*config.Config, table.View) { return w.cfg, w.view }
	w.d.o.Homes = w
	return w
}

// lives makes these the addresses at the new side.
func (w *homeWorld) lives(moved ...string) {
	var set []inline.Entry
	for _, m := range moved {
		set = append(set, inline.Entry{Key: m})
	}
	w.view = table.View{{Name: "moved", Remote: slow{inline.New(set)}}}
}

// homed is a job whose transport is that of the homes of its recipients.
func homed(transport string, to ...string) queue.Attempt {
	a := job(transport, to...)
	a.Job.Homed = true
	return a
}

// moves is told with where recipients go on.
func moves(a queue.Attempt, res queue.Result) string {
	var out []string
	for i, r := range res.Recipients {
		line := a.Job.Recipients[i].Final.Local + " "
		switch r.State {
		case spool.Moved:
			line += "to " + r.Lane.Transport
			if r.Lane.Nexthop != "" {
				line += "/" + r.Lane.Nexthop
			}
			if r.NotBy != "" {
				line += " not by " + r.NotBy
			}
		case spool.Delivered:
			line += "delivered"
		case spool.Failed:
			line += "failed " + r.Reply.Enhanced
		default:
			line += "waits " + r.Reply.Enhanced
		}
		out = append(out, line)
	}
	return strings.Join(out, ", ")
}

func TestHomeIsLookedUpAtEachAttempt(t *testing.T) {
	w := newHomeWorld(t, &host{}, &host{}, "b@d.example")
	a := homed("old", "a@d.example", "b@d.example", "c@d.example")
	if got := moves(a, w.d.Attempt(t.Context(), a)); got != "a delivered, b to new, c delivered" {
		t.Error(got)
	}
	w.lives("a@d.example", "b@d.example", "c@d.example")
	if got := moves(a, w.d.Attempt(t.Context(), a)); got != "a to new, b to new, c to new" || len(w.old.seen().messages) != 1 {
		t.Error(got)
	}
	w.lives()
	back := homed("new", "a@d.example")
	if got := moves(back, w.d.Attempt(t.Context(), back)); got != "a to old" || w.new.seen().conns != 0 {
		t.Error(got)
	}
}

func TestHomeThatCannotBeTold(t *testing.T) {
	w := newHomeWorld(t, &host{}, &host{})
	w.view = table.View{{Name: "moved", Remote: slow{}}}
	a := homed("old", "a@d.example")
	res := w.d.Attempt(t.Context(), a)
	if got := moves(a, res); got != "a waits 4.3.0" || w.old.seen().conns != 0 {
		t.Error(got)
	}
	// A domain without a migration any more is at home where it delivers, and one
	// that is not hosted any more keeps the way that it had.
	ended := homed("old", "x@done.example")
	if got := moves(ended, w.d.Attempt(t.Context(), ended)); got != "x to new" {
		t.Error(got)
	}
	gone := homed("old", "x@gone.example")
	if got := moves(gone, w.d.Attempt(t.Context(), gone)); got != "x delivered" {
		t.Error(got)
	}
	// A job of a route or a copy goes where it was sent.
	fixed := job("new", "a@d.example")
	if got := moves(fixed, w.d.Attempt(t.Context(), fixed)); got != "a delivered" {
		t.Error(got)
	}
}

// Whom one side does not know the other is asked about, once.
func TestUnknownAtOneSide(t *testing.T) {
	for _, c := range []struct{ reply, want string }{
		{"550 5.1.1 no such user", "a to new not by old, b delivered"},
		{"550 5.1.10 none", "a to new not by old, b delivered"},
		{"550 no", "a to new not by old, b delivered"},
		{"551 5.1.1 moved", "a to new not by old, b delivered"},
		{"553 no", "a failed , b delivered"},
		{"550 5.7.1 not you", "a failed 5.7.1, b delivered"},
		{"550 5.2.1 disabled", "a failed 5.2.1, b delivered"},
		{"450 4.1.1 later", "a waits 4.1.1, b delivered"},
	} {
		w := newHomeWorld(t, &host{rcpt: map[string]string{"a": c.reply}}, &host{})
		a := homed("old", "a@d.example", "b@d.example")
		if got := moves(a, w.d.Attempt(t.Context(), a)); got != c.want {
			t.Errorf("%s: %s, want %s", c.reply, got, c.want)
		}
	}
}

func TestBothSidesDoNotKnow(t *testing.T) {
	no := func() *host { return &host{rcpt: map[string]string{"a": "550 5.1.1 no"}} }
	w := newHomeWorld(t, no(), no())
	second := homed("new", "a@d.example")
	second.Job.Recipients[0].NotBy = "old"
	if got := moves(second, w.d.Attempt(t.Context(), second)); got != "a failed 5.1.1" {
		t.Error(got)
	}
	// Wherever the mailbox moves meanwhile, the side that refused is not asked again.
	w.lives("a@d.example")
	if got := moves(second, w.d.Attempt(t.Context(), second)); got != "a failed 5.1.1" {
		t.Error(got)
	}
	first := homed("old", "a@d.example")
	first.Job.Recipients[0].NotBy = "new"
	if got := moves(first, w.d.Attempt(t.Context(), first)); got != "a failed 5.1.1" {
		t.Error(got)
	}
}

func TestHomesAreTold(t *testing.T) {
	w := newHomeWorld(t, &host{rcpt: map[string]string{"a": "550 5.1.1 no", "c": "450 4.2.0 later", "d": "550 5.7.1 no"}}, &host{})
	a := homed("old", "a@d.example", "b@d.example", "c@d.example", "d@d.example")
	w.d.Attempt(t.Context(), a)
	second := homed("new", "a@d.example")
	second.Job.Recipients[0].NotBy = "old"
	w.d.Attempt(t.Context(), second)
	d := mail.Domain("d.example")
	want := []HomeEvent{
		{Domain: d, Address: address("a@d.example"), Side: decide.SideOld, State: spool.Moved, Unknown: true},
		{Domain: d, Address: address("b@d.example"), Side: decide.SideOld, State: spool.Delivered},
		{Domain: d, Address: address("d@d.example"), Side: decide.SideOld, State: spool.Failed},
		{Domain: d, Address: address("a@d.example"), Side: decide.SideNew, State: spool.Delivered, Only: true},
	}
	if !slices.Equal(w.told, want) {
		t.Errorf("told %+v", w.told)
	}
}

// Both sides write marks, so that what one of them sends back is known, whatever
// they speak.
func TestHomedMailIsMarked(t *testing.T) {
	w := newHomeWorld(t, &host{}, &host{})
	w.d.o.MarkKey = []byte("key")
	w.cfg.Transports["old"].Kind = decide.KindLMTP
	w.hosts["10.0.0.1:24"] = w.old
	w.d.Attempt(t.Context(), homed("old", "a@d.example"))
	twin := job("old", "b@d.example")
	twin.Job.Copy = "domain.d.example"
	w.d.Attempt(t.Context(), twin)
	journal := job("old", "x@done.example")
	journal.Job.Copy = "copy.journal"
	w.d.Attempt(t.Context(), journal)
	got := w.old.seen().messages
	for n, to := range []string{"a@d.example", "b@d.example"} {
		if !strings.Contains(got[n].data, decide.Mark([]byte("key"), address(to), "old")) {
			t.Errorf("no mark of %s in %q", to, got[n].data)
		}
	}
	if strings.Contains(got[2].data, decide.MarkField) {
		t.Errorf("a journal is marked: %q", got[2].data)
	}
}
