package property

import (
	"fmt"
	"strings"
)

// movingDomain is under migration in some worlds; movers are known to one side
// only, to both or to none.
const movingDomain = "moving.test"

var movers = []string{"ann", "bob", "Cleo", "old-only", "new-only", "ann+tag", "nobody", "dan", "eve"}

func (w *world) domains() {
	n := 2 + w.rng.IntN(3)
	for i := range n {
		name := fmt.Sprintf("h%d.test", i)
		w.hosted = append(w.hosted, name)
		w.pf("domain %q {\n", name)
		w.members(i)
		if w.chance(40) {
			w.pf("  subaddress = %q\n", pick(w, []string{"+", "+", "-", "+-"}))
		}
		if w.chance(20) {
			w.pf("  catch_all = %q\n", pick(w, []string{"bob@h0.test", "ann@h0.test", "catch@far.test"}))
		}
		if w.second && w.chance(30) {
			w.pf("  srs = srs.second\n")
		}
		w.pf("  deliver = transport.%s\n}\n", pick(w, []string{"store", "store2", "hub", "pair", "void"}))
	}
	w.pf("domain \"twin.test\" {\n  alias_of = \"h0.test\"\n}\n")
	w.hosted = append(w.hosted, "twin.test")
	if w.chance(50) {
		w.template()
	}
	if w.chance(60) {
		w.migration()
	}
}

// members draws how a domain knows its mailboxes and aliases.
func (w *world) members(i int) {
	switch {
	case i == 0:
		w.pf("  mailboxes = [\"ann\", \"bob\"]\n")
	case w.chance(20):
		w.pf("  mailboxes = \"any\"\n")
	default:
		w.pf("  mailboxes = table.users\n")
	}
	switch {
	case i > 0 && w.chance(60):
		w.pf("  aliases = table.virtual\n")
	case w.chance(80):
		w.pf("  aliases = { \"sales\" = %s, \"all\" = %s, \"info\" = [\"sales\"] }\n",
			quoted(some(w, []string{"ann@h0.test", "bob@h0.test", "out@far.test", "ann@h1.test"}, 3)),
			quoted(some(w, []string{"ann@h0.test", "sales", "all", "nobody@h0.test", "p@partner.test"}, 4)))
	}
}

// template draws domains from a table.
func (w *world) template() {
	var b strings.Builder
	for _, name := range []string{"r0.test", "r1.test", "r2.test"} {
		fmt.Fprintf(&b, "%s %s\n", name, pick(w, []string{"w", "w", "v", "no-such-word"}))
		w.hosted = append(w.hosted, name)
	}
	w.file("rented", "map", b.String())
	w.file("rented_users", "map", "ann@r0.test 1\nbob@r0.test 1\nann@r1.test 1\n@r2.test 1\n")
	w.file("rented_aliases", "virtual", "sales@r0.test ann@r0.test, x@far.test\nall@r1.test bob@h0.test\n@r1.test ann@r1.test\n")
	w.pf("domains \"rented\" {\n  from = table.rented\n")
	w.pf("  mailboxes = %s\n", pick(w, []string{"\"any\"", "table.rented_users"}))
	if w.chance(60) {
		w.pf("  aliases = table.rented_aliases\n")
	}
	if w.chance(30) {
		w.pf("  catch_all = \"ann\"\n")
	}
	if w.chance(40) {
		w.pf("  subaddress = \"+\"\n")
	}
	if w.chance(50) {
		w.pf("  deliver = transport.%s\n}\n", pick(w, []string{"store", "hub"}))
		return
	}
	w.pf("  deliver = { \"w\" = transport.%s, \"%s\" = transport.pair }\n}\n", pick(w, []string{"store", "tiers"}), pick(w, []string{"*", "v"}))
}

// migration draws a domain that moves from one side to the other.
func (w *world) migration() {
	w.hosted = append(w.hosted, movingDomain, movingDomain, movingDomain)
	w.file("moved", "map", strings.Join(some(w, []string{"ann@moving.test x", "bob@moving.test old", "new-only@moving.test new", "dan@moving.test new", "nobody@moving.test new"}, 4), "\n")+"\n")
	w.pf("transport \"smtp\" \"side_old\" {\n  to = [%q]\n}\n", w.net.old)
	w.pf("transport \"lmtp\" \"side_new\" {\n  to = [%q]\n}\n", w.net.new)
	w.pf("domain %q {\n  mailboxes = \"any\"\n", movingDomain)
	if w.chance(50) {
		w.pf("  subaddress = \"+\"\n")
	}
	w.pf("  deliver = transport.%s\n", pick(w, []string{"side_old", "hub"}))
	w.pf("  migration {\n    old = transport.side_old\n    new = transport.side_new\n")
	if w.chance(70) {
		w.pf("    moved = table.moved\n")
	}
	switch w.rng.IntN(3) {
	case 0:
		w.pf("    percent = %d\n", w.rng.IntN(101))
	case 1:
		w.pf("    default = %q\n", pick(w, []string{"old", "new"}))
	}
	if w.chance(60) {
		w.pf("    unknown = \"try-other\"\n")
	}
	if w.chance(25) {
		w.pf("    both = true\n")
	}
	if w.chance(10) {
		w.pf("    dry_run = true\n")
	}
	w.pf("  }\n}\n")
}
