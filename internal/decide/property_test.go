package decide

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// A client outside the relay networks reaches a foreign domain by an alias of a
// hosted one alone.
func TestStrangersReachNobodyOutside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := parseWorld(drawWorld(t)(""))
		e := drawEnvelope(t, "192.0.2.1")
		for _, r := range w.decide(e).Recipients {
			if !w.isHosted(r.Recipient.Address.Domain) && r.Verdict == Accept {
				t.Fatalf("relayed to %s", r.Recipient.Address)
			}
			for _, leg := range r.Deliveries {
				if !w.isHosted(leg.Recipient.Domain) && leg.Copy == "" && leg.Expanded.IsZero() {
					t.Fatalf("%s reached %s", r.Recipient.Address, leg.Recipient)
				}
			}
		}
	})
}

// A table that is away never makes an answer that its content would not: whatever
// is told without it holds with what it held.
func TestAwayIsNeverNotFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawWorld(t)
		e := drawEnvelope(t, rapid.SampledFrom([]string{"10.1.1.1", "192.0.2.1"}).Draw(t, "client"))
		away := parseWorld(text("away")).decide(e)
		there := parseWorld(text("")).decide(e)
		for i, r := range away.Recipients {
			if r.Verdict == Defer {
				continue
			}
			if want := there.Recipients[i]; r.Verdict != want.Verdict || r.Reply.Enhanced != want.Reply.Enhanced {
				t.Fatalf("without tables %s %s, with them %s %s", r.Verdict, r.Reply, want.Verdict, want.Reply)
			} else if r.Verdict == Accept && !slices.Equal(plainLegs(r), plainLegs(want)) {
				t.Fatalf("without tables %v, with them %v", plainLegs(r), plainLegs(want))
			}
		}
	})
}

// plainLegs are final recipients and ways; copies stand apart.
func plainLegs(r RecipientDecision) []string {
	var out []string
	for _, leg := range r.Deliveries {
		if leg.Copy == "" {
			out = append(out, leg.Recipient.String()+" "+leg.Transport+" "+strings.Join(leg.Nexthops, ","))
		}
	}
	return out
}

// Answers that come one round after the other make the decision of tables at hand.
func TestNeedsGiveTheSameDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawWorld(t)
		e := drawEnvelope(t, "10.1.1.1")
		near, far := parseWorld(text("")).decide(e), parseWorld(text("remote")).decide(e)
		if render(near, e) != render(far, e) {
			t.Fatalf("at hand:\n%s\nremote:\n%s", render(near, e), render(far, e))
		}
	})
}

// Very many are decided one by one as they are together; world.once holds the two
// against each other, here and in all other tests.
func TestEachIsMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := parseWorld(drawWorld(t)(rapid.SampledFrom([]string{"", "away"}).Draw(t, "tables")))
		e := drawEnvelope(t, rapid.SampledFrom([]string{"10.1.1.1", "192.0.2.1"}).Draw(t, "client"))
		for range rapid.IntRange(1, 3).Draw(t, "more") {
			e.to = append(e.to, drawEnvelope(t, "10.1.1.1").to...)
		}
		w.decide(e)
	})
}

// A trace changes nothing.
func TestTraceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := parseWorld(drawWorld(t)(""))
		e := drawEnvelope(t, "10.1.1.1")
		silent := w.decide(e)
		e.in.Trace = true
		loud := w.decide(e)
		for i := range loud.Recipients {
			if len(loud.Recipients[i].Steps) == 0 {
				t.Fatal("no steps")
			}
			loud.Recipients[i].Steps = nil
		}
		if !reflect.DeepEqual(silent, loud) {
			t.Fatalf("%+v\n%+v", silent, loud)
		}
	})
}

// The index leaves out only rules that do not hold.
func TestIndexIsAWalkOverAllRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := parseWorld(drawWorld(t)(""))
		e := drawEnvelope(t, "10.1.1.1")
		indexed := w.decide(e)
		for _, set := range []*ruleset{&w.snapshot.deny, &w.snapshot.relay, &w.snapshot.routes, &w.snapshot.copies} {
			set.by, set.rest = [axisOriginal + 1]postings{}, nil
			for i := range set.rules {
				set.rest = append(set.rest, int32(i))
			}
		}
		if walked := w.decide(e); !reflect.DeepEqual(indexed, walked) {
			t.Fatalf("index:\n%s\nall rules:\n%s", render(indexed, e), render(walked, e))
		}
	})
}

// RCPT refuses what no message can save, and what it accepted is never unknown.
func TestRecipientAndMessageAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := parseWorld(drawWorld(t)(""))
		e := drawEnvelope(t, rapid.SampledFrom([]string{"10.1.1.1", "192.0.2.1"}).Draw(t, "client"))
		after := w.decide(e)
		e.early, e.in.Facts.HasMessage = true, false
		before := w.decide(e)
		for i, b := range before.Recipients {
			a := after.Recipients[i]
			if b.Verdict == Reject && a.Verdict == Accept {
				t.Fatalf("%s: refused with %s at RCPT, accepted later", b.Recipient.Address, b.Reply)
			}
			if b.Verdict == Accept && a.Verdict == Reject && a.Reply.Enhanced == "5.1.1" {
				t.Fatalf("%s: accepted at RCPT, unknown later", b.Recipient.Address)
			}
		}
	})
}

// A greater percent takes more recipients and keeps those that it had.
func TestPercentOnlyAdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(0, 100).Draw(t, "low")
		high := rapid.Float64Range(low, 100).Draw(t, "high")
		v := &view{recipient: subject{key: rapid.String().Draw(t, "key")}}
		rule := rapid.String().Draw(t, "rule")
		if matchPercent(rule, low)(v) == yes && matchPercent(rule, high)(v) != yes {
			t.Fatalf("%q lost between %v and %v", v.recipient.key, low, high)
		}
		if matchPercent(rule, 100)(v) != yes || matchPercent(rule, 0)(v) != no {
			t.Fatal("0 is not nobody or 100 not everybody")
		}
	})
}

// Every recipient of every alias ends, whatever the aliases name.
func TestEveryAcceptedRecipientGoesSomewhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := parseWorld(drawWorld(t)(""))
		e := drawEnvelope(t, "10.1.1.1")
		e.to = e.to[:1]
		d := w.decide(e)
		r := d.Recipients[0]
		switch {
		case r.Verdict == Accept && len(r.Deliveries) == 0:
			t.Fatal("accepted and dropped")
		case r.Verdict == Accept && r.Reply.Code != 250, r.Verdict == Reject && !r.Reply.Permanent(), r.Verdict == Defer && !r.Reply.Transient():
			t.Fatalf("%s with %s", r.Verdict, r.Reply)
		case r.Verdict != Accept && len(r.Deliveries)+len(r.Refused) > 0:
			t.Fatal("deliveries of what is not accepted")
		}
		total := 0
		for _, g := range Groups(d) {
			total += len(g.Deliveries)
		}
		if total != len(r.Deliveries) && r.Verdict == Accept {
			t.Fatalf("%d deliveries in groups, %d in the decision", total, len(r.Deliveries))
		}
	})
}

// FuzzDecide throws arbitrary addresses and targets at a fixed set of rules.
func FuzzDecide(f *testing.F) {
	f.Add("ann+x@a.example", "bob@f.example", "list@a.example, @b.example", "hub:[x]:25")
	f.Add("postmaster", "<>", `"a b"@c.example`, "error:5.1.1 gone")
	f.Add(`"u%v@x"@c.example`, "a@b", "@a.example", ":")
	f.Fuzz(func(t *testing.T, to, from, target, way string) {
		w := fuzzWorld(target, way)
		a, err := mail.ParseAddress(to)
		if err != nil {
			a = mail.Address{Local: "postmaster"}
		}
		sender, err := mail.ParsePath(from)
		if err != nil {
			sender = mail.Path{}
		}
		for _, client := range []string{"10.0.0.1", "192.0.2.1"} {
			e := parseEnvelope("send client=" + client)
			e.in.Sender, e.to = sender, []mail.Recipient{{Address: a}}
			d := w.decide(e)
			r := d.Recipients[0]
			if r.Verdict == Accept && len(r.Deliveries) == 0 {
				t.Fatalf("%s accepted and dropped", a)
			}
			if client != "10.0.0.1" && r.Verdict == Accept && a.Domain != "" && !w.isHosted(a.Domain) {
				t.Fatalf("relayed to %s", a)
			}
		}
	})
}

func fuzzWorld(target, way string) *world {
	w := parseWorld("domain a.example mailboxes=ann aliases=table.aliases subaddress=+- deliver=store\n" +
		"domain b.example mailboxes=any deliver=store\ndomain c.example catch_all=ann@a.example\n" +
		"transport lmtp store\ntransport smtp hub\nrelay in client=10.0.0.0/8\n" +
		"table aliases virtual\ntable map transport\nroute map lookup=table.map\n")
	aliases := &content{name: "aliases", entries: map[string][]string{"list@a.example": {target}, "@a.example": {target}}}
	ways := &content{name: "map", entries: map[string][]string{"*": {way}}}
	w.view = table.View{{Name: "aliases", Content: aliases}, {Name: "map", Content: ways}}
	return w
}

// isHosted tells whether a domain has a block.
func (w *world) isHosted(d mail.Domain) bool { return w.snapshot.domains[d] != nil }
