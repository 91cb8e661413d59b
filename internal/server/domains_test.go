package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/lab"
	"github.com/postroad/postroad/internal/server/control"
)

// rented is domains from a table that move from the store to the relay, whom both
// are asked about.
func (w *world) rented(more string) string {
	return w.base() + `
table "file" "rented" {
  path   = "rented"
  format = "map"
}
domains "rented" {
  from      = table.rented
  mailboxes = "ask"
` + more + `}
`
}

// A domain of a table moves by addresses: they are asked about at their home,
// orders hold for it, and its other name follows.
func TestDomainsOfATableMove(t *testing.T) {
	w := newWorld(t)
	w.write("rented", "one.test acme/\nother.test @one.test\ntwo.test small/\n")
	w.configure(w.rented(`  migration {
    old     = transport.store
    new     = transport.away
    unknown = "try-other"
  }
`))
	nobody := lab.Rule{At: lab.Rcpt, Match: "bob@one.test", Reply: "550 5.1.1 unknown"}
	w.store.On(nobody)
	w.relay.On(nobody)
	w.relay.On(lab.Rule{At: lab.Rcpt, Match: "ann@one.test", Reply: "550 5.1.1 not yet", Times: 1})
	w.start()
	if r := w.send("bob@one.test").Refusal(); r.Code != 550 {
		t.Errorf("whom no side knows was answered %v", r)
	}
	if r := w.send("ann@other.test"); !r.Accepted() {
		t.Fatalf("refused: %v", r.Refusal())
	}
	if m := w.arrived(w.store, 1)[0]; m.To()[0] != "ann@one.test" {
		t.Errorf("the old side got %v", m.To())
	}
	order := control.MigrationOrder{Domain: "one.test", Addresses: []string{"ann"}, By: "test"}
	if _, err := w.client().Migrate(t.Context(), "move", order); err != nil {
		t.Fatal(err)
	}
	if r := w.send("ann@one.test"); !r.Accepted() {
		t.Fatalf("refused: %v", r.Refusal())
	}
	if m := w.arrived(w.relay, 1)[0]; m.To()[0] != "ann@one.test" {
		t.Errorf("the new side got %v", m.To())
	}
	st, err := w.client().MigrationStatus(t.Context(), "one.test")
	if err != nil || !slices.Contains(st.Account.Moved, "ann@one.test") || len(st.Homes) == 0 || st.Homes[0].Side != "new" {
		t.Errorf("status: %+v %v", st, err)
	}
	for _, none := range []string{"other.test", "ours.test", "far.test"} {
		if _, err := w.client().MigrationStatus(t.Context(), none); err == nil || !strings.Contains(err.Error(), "no domain with a migration") {
			t.Errorf("%s: %v", none, err)
		}
	}
	w.eventually("the numbers name the domain", func() bool {
		_, metrics := get(t, "http://"+w.server.ConsoleAddrs()[0].String()+"/metrics")
		return strings.Contains(metrics, `postroad_migration_delivered_total{domain="one.test",side="new"} 1`)
	})
}

// The transport that is asked is the one of the domain's word.
func TestDomainsOfATableAsk(t *testing.T) {
	w := newWorld(t)
	w.write("rented", "one.test store\ntwo.test acme/away\n")
	w.configure(w.rented("  deliver = { \"store\" = transport.store, \"away\" = transport.away }\n  ask {\n    timeout = \"5s\"\n  }\n"))
	w.store.On(lab.Rule{At: lab.Rcpt, Match: "@one.test", Reply: "550 5.1.1 unknown"})
	w.start()
	if r := w.send("ann@one.test").Refusal(); r.Code != 550 {
		t.Errorf("whom the store does not know was answered %v", r)
	}
	if r := w.send("ann@two.test"); !r.Accepted() {
		t.Fatalf("refused: %v", r.Refusal())
	}
	if m := w.arrived(w.relay, 1)[0]; m.To()[0] != "ann@two.test" {
		t.Errorf("the relay got %v", m.To())
	}
}
