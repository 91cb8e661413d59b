package decide

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
)

func TestGroups(t *testing.T) {
	w := parseWorld(`domain example.com mailboxes=ann,bob,eve deliver=mailstore
  team ann, bob, crm@foreign.example
  crew eve, bob
transport lmtp mailstore
transport smtp hub
table map transport
  x.example smtp:[10.0.0.1]
  y.example smtp:[10.0.0.1]
  z.example smtp:[10.0.0.2]
relay all client=10.0.0.0/8
route hub recipient=h1.example,h2.example via=hub
route map lookup=table.map
copy archive sender=copied.example to=arch@g.example`)
	for _, c := range []struct{ name, to, groups string }{
		{"one transaction for a store", "ann@example.com,bob@example.com", "mailstore/ ann@example.com bob@example.com"},
		{"members of an alias share a copy", "team@example.com", "mailstore/ ann@example.com bob@example.com; mx/foreign.example crm@foreign.example"},
		{"another alias, another Delivered-To", "team@example.com,crew@example.com",
			"mailstore/ ann@example.com bob@example.com; mx/foreign.example crm@foreign.example; mailstore/ eve@example.com bob@example.com"},
		{"an alias and a mailbox", "ann@example.com,crew@example.com", "mailstore/ ann@example.com; mailstore/ eve@example.com bob@example.com"},
		{"mx by domain", "a@f.example,b@g.example,c@f.example", "mx/f.example a@f.example c@f.example; mx/g.example b@g.example"},
		{"a smarthost takes all domains", "a@h1.example,b@h2.example", "hub/ a@h1.example b@h2.example"},
		{"an override is the lane", "a@x.example,b@y.example,c@z.example", "smtp/[10.0.0.1] a@x.example b@y.example; smtp/[10.0.0.2] c@z.example"},
		{"what is refused is in no group", "nobody@example.com,ann@example.com", "mailstore/ ann@example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := groupsText(Groups(w.decide(parseEnvelope("send from=s@f.example client=10.0.0.1 to=" + c.to)))); got != c.groups {
				t.Errorf("%s\nwant %s", got, c.groups)
			}
		})
	}
	copied := Groups(w.decide(parseEnvelope("send from=s@copied.example client=10.0.0.1 to=x@g.example")))
	if got := groupsText(copied); got != "mx/g.example x@g.example; mx/g.example arch@g.example" || copied[1].Copy != "copy.archive" {
		t.Errorf("a copy travels with the message: %s", got)
	}
}

func groupsText(groups []Group) string {
	var out []string
	for _, g := range groups {
		text := fmt.Sprintf("%s/%s", g.Transport, g.Nexthop)
		for _, leg := range g.Deliveries {
			text += " " + leg.Recipient.String()
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// Each word that the deliveries of a group share parts them when it differs.
func TestGroupsPart(t *testing.T) {
	base := Delivery{Recipient: address("a@x.example"), Transport: "hub", Kind: KindSMTP, Expanded: address("l@x.example"), Original: address("l@x.example")}
	for name, change := range map[string]func(*Delivery){
		"tenant":    func(d *Delivery) { d.Tenant = "acme" },
		"transport": func(d *Delivery) { d.Transport = "other" },
		"nexthops":  func(d *Delivery) { d.Nexthops = []string{"[10.0.0.1]"} },
		"sender":    func(d *Delivery) { d.Sender = path("s@x.example") },
		"expanded":  func(d *Delivery) { d.Expanded = address("m@x.example") },
		"original":  func(d *Delivery) { d.Original = address("m@x.example") },
		"copy":      func(d *Delivery) { d.Copy = "copy.a" },
		"envid":     func(d *Delivery) { d.EnvID = "1" },
		"ret":       func(d *Delivery) { d.Ret = mail.RetFull },
		"reply":     func(d *Delivery) { d.Reply = mail.Reply{Code: 550} },
	} {
		other := base
		change(&other)
		d := Decision{Recipients: []RecipientDecision{{Verdict: Accept, Deliveries: []Delivery{base, other, base}}}}
		if g := Groups(d); len(g) != 2 || len(g[0].Deliveries) != 2 {
			t.Errorf("%s does not part: %d groups", name, len(g))
		}
	}
	// Without an expansion X-Original-To is not written and does not part.
	a, b := base, base
	a.Expanded, b.Expanded = mail.Address{}, mail.Address{}
	b.Original = address("b@x.example")
	if g := Groups(Decision{Recipients: []RecipientDecision{{Verdict: Accept, Deliveries: []Delivery{a, b}}}}); len(g) != 1 {
		t.Errorf("original parts without an expansion: %d groups", len(g))
	}
	// A field that keeps it is of one address.
	for keep, groups := range map[Keep]int{"": 1, KeepORCPT: 1, KeepXOriginalTo: 2, KeepDeliveredTo: 2} {
		a.Keep, b.Keep = keep, keep
		if g := Groups(Decision{Recipients: []RecipientDecision{{Verdict: Accept, Deliveries: []Delivery{a, b, a}}}}); len(g) != groups {
			t.Errorf("keep %q: %d groups, want %d", keep, len(g), groups)
		}
	}
}

func TestMark(t *testing.T) {
	mark := Mark([]byte("key"), address("Ann@Example.com"), "hub")
	if len(mark) != 16 || mark != strings.ToLower(mark) || strings.Contains(mark, "=") {
		t.Errorf("mark %q", mark)
	}
	if mark != Mark([]byte("key"), address("ann@example.com"), "hub") {
		t.Error("the case of a recipient changes its mark")
	}
	for name, other := range map[string]string{
		"key":       Mark([]byte("yek"), address("ann@example.com"), "hub"),
		"recipient": Mark([]byte("key"), address("ann@example.net"), "hub"),
		"transport": Mark([]byte("key"), address("ann@example.com"), "bub"),
		"border":    Mark([]byte("key"), address("ann@example.comh"), "ub"),
	} {
		if other == mark {
			t.Errorf("%s does not change the mark", name)
		}
	}
}
