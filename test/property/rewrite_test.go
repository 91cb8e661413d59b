package property

import (
	"fmt"
	"strings"
)

// rewrites draws what changes addresses of envelope and header.
func (w *world) rewrites() {
	for i := range w.rng.IntN(4) {
		w.pf("rewrite \"w%d\" {\n", i)
		if w.chance(50) {
			w.matcherOf(matchersAtRCPT)
		}
		if w.chance(40) {
			w.pf("  when = \"leaving\"\n")
		}
		if w.chance(60) {
			w.pf("  envelope = %s\n", pick(w, []string{`["sender"]`, `["recipient"]`, `["sender", "recipient"]`, `[]`}))
		}
		w.pf("  headers = %s\n", quoted(some(w, []string{"From", "To", "Cc", "Reply-To", "cc", "Sender"}, 3)))
		if w.chance(w.space.renames) {
			w.pf("  map = table.renames\n")
		} else {
			w.pf("  map = {%s }\n", w.renames())
		}
		w.pf("}\n")
	}
}

func (w *world) renames() string {
	keys := append([]string{".far.test", "s@", "other.test", "far.test", ".corp.test", "info@"}, w.space.keys...)
	if w.chance(10) {
		keys = append(keys, "*")
	}
	var b strings.Builder
	for i, k := range some(w, keys, 4) {
		if i > 0 {
			b.WriteString(",")
		}
		to := pick(w, w.space.renamed)
		if strings.Contains(k, "@") && !strings.Contains(to, "@") {
			to = "@" + to
		}
		fmt.Fprintf(&b, " %q = %q", k, to)
	}
	return b.String()
}

// forwarding draws schemes of return paths, one of which may lie in a hosted
// domain.
func (w *world) forwarding() {
	if w.chance(40) {
		return
	}
	w.pf("srs \"default\" {\n  domain = \"srs.test\"\n  secret = file(\"srs.key\")\n  accept = %q\n}\n", pick(w, []string{"reports", "reports", "all"}))
	if w.second = w.chance(40); w.second {
		w.pf("srs \"second\" {\n  domain = \"h1.test\"\n  secret = file(\"srs.key\")\n  separator = %q\n}\n", pick(w, []string{"=", "+", "-"}))
	}
}

// list draws a list in a domain.
func (w *world) list(domain string, others []string) {
	people := append([]string{"ann@" + domain, "bob@" + domain, "x@far.test", "p@partner.test"}, others...)
	members := append([]string{"team@" + domain}, people...)
	w.pf("list \"team\" {\n  address = \"team@%s\"\n  owner = %q\n  members = %s\n", domain, pick(w, people), quoted(some(w, members, 6)))
	if w.chance(50) {
		w.pf("  request = %q\n", pick(w, people))
	}
	w.pf("}\n")
}
