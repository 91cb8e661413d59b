package decide

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

func TestTri(t *testing.T) {
	// Rows and columns: no, yes, later, unknown.
	and3 := [4][4]tri{{no, no, no, no}, {no, yes, later, unknown}, {no, later, later, later}, {no, unknown, later, unknown}}
	or3 := [4][4]tri{{no, yes, later, unknown}, {yes, yes, yes, yes}, {later, yes, later, later}, {unknown, yes, later, unknown}}
	for a := no; a <= unknown; a++ {
		for b := no; b <= unknown; b++ {
			if got := and(a, b); got != and3[a][b] {
				t.Errorf("and(%d, %d) = %d", a, b, got)
			}
			if got := or(a, b); got != or3[a][b] {
				t.Errorf("or(%d, %d) = %d", a, b, got)
			}
		}
	}
	if not(no) != yes || not(yes) != no || not(later) != later || not(unknown) != unknown {
		t.Error("not")
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "anything", true}, {"a", "a", true}, {"a", "ab", false},
		{"a*", "abc", true}, {"a*", "ba", false}, {"*a", "ba", true}, {"*a", "ab", false}, {"a*c", "abbbc", true}, {"a*c", "abcd", false},
		{"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false}, {"a**b", "ab", true}, {"*aab", "aaaab", true}, {"?", "a", false}, {"?", "?", true},
	} {
		if got := glob(c.pattern, c.value); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.value, got)
		}
	}
	began := time.Now()
	glob(strings.Repeat("*a", 500)+"b", strings.Repeat("a", 20_000))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a hostile value took %s", took)
	}
}

func TestAuthors(t *testing.T) {
	for _, c := range []struct{ from, want string }{
		{"ann@example.com", "ann@example.com"},
		{"Ann <ann@example.com>", "ann@example.com"},
		{`"x@y.example, (z)" <ann@example.com> (c <d@e.example>)`, "ann@example.com"},
		{`"a<b" <ann@example.com>`, "ann@example.com"},
		{`"a\\" <ann@example.com>`, "ann@example.com"},
		{`"a\"," <ann@example.com>`, "ann@example.com"},
		{"A <a@x.example>, B <b@y.example>", "a@x.example b@y.example"},
		{"A <a@x.example,b@y.example>", "-"},
		{"a@x.example, B <b@y.example>", "a@x.example b@y.example"},
		{"Friends: a@x.example, b@y.example;, c@z.example", "a@x.example b@y.example c@z.example"},
		{`"a b"@x.example`, `"a b"@x.example`},
		{`"a\"<b"@x.example`, `"a\"<b"@x.example`},
		{"ann@example.com <ann@example.com>", "ann@example.com ann@example.com"},
		{"boss@y.example <ann@example.com>", "ann@example.com boss@y.example"}, // some readers take the name
		{"The boss@y.example <ann@example.com>", "ann@example.com boss@y.example"},
		{"Ann @ home <ann@example.com>", "ann@example.com"}, {"boss@@y.example <ann@example.com>", "-"},
		{"boss@y.example: ann@example.com;", "boss@y.example ann@example.com"},
		{`"boss@y.example": ann@example.com;`, "ann@example.com"},
		{"", "-"}, {"Friends:;", "-"}, {"ann", "-"}, {"<ann@example.com", "-"}, {"ann@example.com>", "-"},
		{"<a@x.example> b@y.example", "-"}, {"a@x.example <", "-"}, {"(a@x.example", "-"}, {"a@x.example)", "-"}, {`"a@x.example`, "-"},
		{"a@x.example b@y.example", "-"}, {"<a@x.example><b@y.example>", "-"}, {"<@r.example:a@x.example>", "-"}, {"a@x.example\\", "-"}, {"(\\", "-"},
	} {
		list, ok := authors(c.from)
		var got []string
		for _, a := range list {
			got = append(got, a.String())
		}
		if text := strings.Join(got, " "); ok && text != c.want || !ok && c.want != "-" {
			t.Errorf("authors(%q) = %q, %v", c.from, text, ok)
		}
	}
}

// FuzzAuthors: what is read as an address stands in the field, and nothing panics.
func FuzzAuthors(f *testing.F) {
	f.Add(`"x" (c) <a@b.example>, g: d@e.example;`)
	f.Fuzz(func(t *testing.T, from string) {
		list, ok := authors(from)
		if ok != (len(list) > 0) {
			t.Fatalf("%q: %v, %v", from, list, ok)
		}
	})
}

func TestPercentIsEven(t *testing.T) {
	const n = 20_000
	for _, percent := range []float64{1, 10, 50} {
		hold := 0
		check := matchPercent("route.canary", percent)
		for i := range n {
			if check(&view{recipient: subject{key: fmt.Sprintf("user%d@example.org", i)}}) == yes {
				hold++
			}
		}
		want := percent / 100 * n
		if math.Abs(float64(hold)-want) > 4*math.Sqrt(want) {
			t.Errorf("%v%% of %d are %d", percent, n, hold)
		}
	}
}

// The share of a recipient is the same for ever: a queued message and a new
// release agree on it.
func TestPercentIsStable(t *testing.T) {
	got := share(fnv(fnv(fnvOffset, "route.canary"), "ann@example.org"))
	if text := fmt.Sprintf("%.4f", got); text != "75.5130" {
		t.Errorf("share is %s", text)
	}
}

func TestCompileNamesWhatIsMissing(t *testing.T) {
	m := Matchers{ClientTable: NoTable}
	ref := Ref{Name: "route.x", Source: "a.hcl:1"}
	table9 := []Pattern{{Kind: PatternTable, Table: 9}}
	for name, r := range map[string]*Rules{
		"route transport":   {Routes: []Route{{Ref: ref, Match: m, Via: "gone", Lookup: NoTable}}},
		"default transport": {Default: &Route{Ref: ref, Match: m, Via: "gone", Lookup: NoTable}},
		"route table":       {Routes: []Route{{Ref: ref, Match: m, Lookup: 3}}},
		"copy transport":    {Copies: []Copy{{Ref: ref, Match: m, Via: "gone"}}},
		"domain transport":  {Domains: []Domain{{Ref: ref, Name: "a.example", AliasTable: NoTable, Deliver: "gone"}}},
		"alias table":       {Domains: []Domain{{Ref: ref, Name: "a.example", AliasTable: 3}}},
		"mailbox table":     {Domains: []Domain{{Ref: ref, Name: "a.example", AliasTable: NoTable, Members: MembersTable, MailboxTable: 3}}},
		"real domain":       {Domains: []Domain{{Ref: ref, Name: "a.example", AliasTable: NoTable, AliasOf: "b.example"}}},
		"domain twice":      {Domains: []Domain{{Ref: ref, Name: "a.example", AliasTable: NoTable}, {Ref: ref, Name: "a.example", AliasTable: NoTable}}},
		"pattern table":     {Deny: []Deny{{Ref: ref, Match: Matchers{ClientTable: NoTable, Sender: table9}}}},
		"except table":      {Relay: []Relay{{Ref: ref, Match: Matchers{ClientTable: NoTable, Except: []Matchers{{ClientTable: NoTable, Helo: table9}}}}}},
		"client table":      {Copies: []Copy{{Ref: ref, Match: Matchers{ClientTable: 4}}}},
	} {
		if _, err := Compile(r); err == nil || !strings.Contains(err.Error(), "route.x (a.hcl:1)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMessageWithoutRecipients(t *testing.T) {
	d := parseWorld("").snapshot.Message(Input{}, nil)
	if d.Verdict != Reject || d.Reply.Code != 554 {
		t.Errorf("%v %s", d.Verdict, d.Reply)
	}
}

func TestNobodyKnowsPostmaster(t *testing.T) {
	w := parseWorld("")
	if d := w.decide(parseEnvelope("send to=postmaster")); d.Verdict != Reject || d.Reply.Enhanced != "5.1.1" {
		t.Errorf("%v %s", d.Verdict, d.Reply)
	}
}

// The form of ORCPT is RFC 3461's xtext, or RFC 6533's for what is not ASCII.
func TestORCPT(t *testing.T) {
	for local, want := range map[string]string{
		"plain":                 "rfc822;plain@x.example",
		"a+b=c":                 "rfc822;a+2Bb+3Dc@x.example",
		"a b":                   `rfc822;"a+20b"@x.example`,
		"ü b\\c+d=e":            `utf-8;"\x{FC}\x{20}b\x{5C}\x{5C}c\x{2B}d\x{3D}e"@x.example`,
		"\u0080":                `utf-8;\x{80}@x.example`,
		strings.Repeat("日", 21): "utf-8;" + strings.Repeat(`\x{65E5}`, 21) + "@x.example",
	} {
		if got := originalRecipient(mail.Recipient{Address: mail.Address{Local: local, Domain: "x.example"}}); got != want {
			t.Errorf("%q: %s, want %s", local, got, want)
		}
	}
	for n, kept := range map[int]bool{500: true, 501: false} {
		a := mail.Address{Local: "x", Domain: mail.Domain(strings.Repeat("a", n-len("rfc822;x@")))}
		if got := originalRecipient(mail.Recipient{Address: a}); (got != "") != kept {
			t.Errorf("%d octets: kept %v", n, got != "")
		}
	}
}

// <postmaster> is that of our own name where we host it.
func TestPostmasterOfOurName(t *testing.T) {
	w := parseWorld("hostname mx.example\ndomain first.example mailboxes=ann\ndomain mx.example mailboxes=ann\n")
	d := w.decide(parseEnvelope("send to=postmaster"))
	if legs := d.Recipients[0].Deliveries; len(legs) != 1 || legs[0].Recipient.Domain != "mx.example" {
		t.Errorf("%+v", legs)
	}
}

// Only postmaster has no domain.
func TestOnlyPostmasterHasNoDomain(t *testing.T) {
	w := parseWorld("postmaster ann@example.com\ndomain example.com mailboxes=ann\n")
	e := parseEnvelope("send to=postmaster")
	e.to = []mail.Recipient{{Address: mail.Address{Local: "ann"}}}
	if d := w.decide(e); d.Verdict != Reject {
		t.Errorf("%v %s", d.Verdict, d.Reply)
	}
}

// Without tables at hand everything that needs one is deferred.
func TestNoMemo(t *testing.T) {
	w := parseWorld("domain example.com mailboxes=table.users\ntable users list\n  ann@example.com\n")
	d := w.snapshot.Message(Input{}, []mail.Recipient{{Address: address("ann@example.com")}})
	if d.Verdict != Defer || d.Reply.Code != 451 || len(d.Needs) > 0 {
		t.Errorf("%v %s %v", d.Verdict, d.Reply, d.Needs)
	}
}

// A remote table that was asked and could not answer defers, and the trace tells
// its cause.
func TestRemoteCouldNotAnswer(t *testing.T) {
	w := parseWorld("domain example.com mailboxes=table.users\ntable users map remote\n")
	e := parseEnvelope("send to=ann@example.com show=trace")
	e.in.Memo = &Memo{View: w.view, Answers: map[Question]table.Answer{
		{Table: 0, Key: "ann@example.com"}: {Status: table.TryLater, Cause: errors.New("connection refused")},
	}}
	d := w.once(e)
	if r := d.Recipients[0]; r.Verdict != Defer || len(d.Needs) > 0 || !strings.Contains(r.Steps[0].Outcome, "table.users: connection refused") {
		t.Errorf("%+v, needs %v", r, d.Needs)
	}
}

// One round asks for all keys of a look-up, and for all recipients.
func TestNeedsComeSideBySide(t *testing.T) {
	w := parseWorld("domain example.com mailboxes=table.users subaddress=+\ntable users list remote\n")
	e := parseEnvelope("send to=ann+x@example.com,bob@example.com")
	e.in.Memo = &Memo{View: w.view}
	var keys []string
	for _, n := range w.once(e).Needs {
		keys = append(keys, n.Key)
	}
	want := []string{"ann+x@example.com", "ann@example.com", "ann+x", "ann", "bob@example.com", "bob"}
	if !slices.Equal(keys, want) {
		t.Errorf("asked for %q, want %q", keys, want)
	}
}

// A thousand routes that an index passed over are told in few lines.
func TestTraceIsBounded(t *testing.T) {
	s, memo := bigWorld(t)
	d := s.Message(Input{Memo: memo, Trace: true}, []mail.Recipient{{Address: address("ann@d1.example")}})
	steps := d.Recipients[0].Steps
	if len(steps) < 100 || len(steps) > 1_100 {
		t.Errorf("%d steps", len(steps))
	}
}

// The published decision is small enough for the road: a bound on allocations
// keeps look-ups, rules and steps from growing some.
func TestAllocations(t *testing.T) {
	s, memo := bigWorld(t)
	in, to := Input{Memo: memo}, []mail.Recipient{{Address: address("ann@d5000.example")}}
	if n := testing.AllocsPerRun(100, func() { s.Message(in, to) }); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

// The keys of a table of patterns, in CONFIG.md's order.
func TestSubjectKeys(t *testing.T) {
	s := parseWorld("domain a.b.example mailboxes=ann subaddress=+\n").snapshot
	for of, want := range map[string]string{
		"Ann+X@a.b.example": "ann+x@a.b.example ann@a.b.example a.b.example .b.example .example ann+x@ ann@",
		"ann@a.b.example":   "ann@a.b.example a.b.example .b.example .example ann@",
		"ann+x@f.example":   "ann+x@f.example f.example .example ann+x@",
		"x@[192.0.2.1]":     "x@[192.0.2.1] [192.0.2.1] x@",
		"<>":                "<>",
	} {
		sub := s.query(&Input{}, false).subjectOf(path(of).Address)
		if got := strings.Join(sub.keys(nil), " "); got != want {
			t.Errorf("%s: %s, want %s", of, got, want)
		}
	}
}

// Aliases that meet again and again are followed once: sixty levels of two names
// each would be 2^60 ways.
func TestAliasesThatMeet(t *testing.T) {
	var b strings.Builder
	b.WriteString("limits depth=100\ndomain a.example mailboxes=ann\n")
	for i := range 60 {
		fmt.Fprintf(&b, "  l%d l%d, r%d\n  r%d l%d, r%d\n", i, i+1, i+1, i, i+1, i+1)
	}
	b.WriteString("  l60 ann\n  r60 ann\n")
	w := parseWorld(b.String())
	d := w.decide(parseEnvelope("send to=l0@a.example"))
	if legs := d.Recipients[0].Deliveries; len(legs) != 1 || legs[0].Recipient.Local != "ann" {
		t.Errorf("%+v", legs)
	}
}
