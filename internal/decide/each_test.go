package decide

import (
	"slices"
	"testing"
)

// What concerns several recipients of a message: a delivery that two of them have,
// a copy for all, one reply. world.once holds Each against Message.
func TestEach(t *testing.T) {
	w := parseWorld(`tenant acme
tenant globex
domain top.example mailboxes=ann,bob subaddress=+ deliver=boxes
  twice ann+a, ann+b, ann
domain acme.example tenant=acme mailboxes=table.gone deliver=store
domain globex.example tenant=globex mailboxes=any deliver=store
transport maildir boxes
transport lmtp store
table gone list away
copy journal to=journal@top.example recipient=bob@
copy slow tenant=globex to=slow@top.example recipient=table.gone`)
	for _, c := range []struct {
		name, to string
		verdict  Verdict
		waits    []string
		legs     int
	}{
		{"one mailbox by three names", "twice@top.example,bob@top.example", Accept, nil, 5},
		{"the same without company", "twice@top.example", Accept, nil, 3},
		{"an alias named twice", "twice@top.example,twice@top.example", Accept, nil, 3},
		{"one mailbox named twice", "ann@top.example,ann@top.example", Accept, nil, 1},
		{"a copy for one of them", "ann@top.example,bob@top.example", Accept, nil, 3},
		{"nobody is known", "x@top.example,y@top.example", Reject, nil, 0},
		{"one is not known", "x@top.example,ann@top.example", Accept, nil, 1},
		{"a tenant waits", "ann@top.example,ann@acme.example", Defer, []string{"acme"}, 0},
		{"all wait", "ann@acme.example", Defer, nil, 0},
		{"a tenant's copy waits", "ann@top.example,ann@globex.example", Defer, []string{"globex"}, 0},
		{"its own mail waits for it", "ann@globex.example", Defer, nil, 0},
	} {
		e := parseEnvelope("send from=s@f.example client=10.0.0.1 to=" + c.to)
		w.decide(e)
		legs := 0
		e.in.Memo = &Memo{View: w.view}
		d := w.snapshot.Each(e.in, e.to, func(d *RecipientDecision) { legs += len(d.Deliveries) })
		if d.Verdict != c.verdict || !slices.Equal(d.Waits, c.waits) || legs != c.legs || (d.Verdict == Accept) != d.Reply.IsZero() {
			t.Errorf("%s: %s %v %s, %d deliveries; want %+v", c.name, d.Verdict, d.Waits, d.Reply, legs, c)
		}
	}
}
