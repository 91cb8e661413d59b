package property

import (
	"fmt"
	"strings"
)

func (w *world) access() {
	w.pf("relay \"inside\" {\n  client = [\"127.0.0.1\", \"127.0.0.2\"]\n}\n")
	if w.chance(50) {
		w.pf("relay \"bounded\" {\n  client = [\"127.0.0.3\"]\n  recipient = [\"partner.test\", \".far.test\"]\n}\n")
	}
	if w.chance(30) {
		w.pf("deny \"rude\" {\n  client = [\"127.0.0.4\"]\n  sender = [%q]\n}\n", pick(w, w.senders))
	}
	if w.chance(30) {
		w.pf("deny \"greeting\" {\n  helo = [\"odd.example\"]\n  listener = [listener.%s]\n  text = \"say your name\"\n}\n", pick(w, w.listeners))
	}
}

func (w *world) routes() {
	for i := range 2 + w.rng.IntN(8) {
		w.route(i)
	}
	if w.chance(60) {
		w.pf("route \"default\" {\n  via = transport.%s\n}\n", pick(w, []string{"internet", "hub", "pair"}))
	}
}

func (w *world) route(i int) {
	w.pf("route \"r%d\" {\n", i)
	if w.chance(20) {
		w.pf("  lookup = table.transport_map\n")
		if w.chance(50) {
			w.matcher()
		}
	} else {
		for range 1 + w.rng.IntN(2) {
			w.matcher()
		}
		w.pf("  via = transport.%s\n", w.via())
	}
	if w.chance(25) {
		w.pf("  except {\n")
		w.matcher()
		w.pf("  }\n")
	}
	if w.chance(20) {
		w.pf("  hosted = %v\n", w.chance(70))
	}
	w.pf("}\n")
}

// addressPatterns are drawn for recipient and original.
func (w *world) addressPatterns() string {
	return "[" + strings.Join(some(w, w.space.patterns, 3), ", ") + "]"
}

// How many of the attributes there are, and of those that are known at RCPT.
const (
	matchersAll    = 11
	matchersAtRCPT = 8
)

func (w *world) matcher() { w.matcherOf(matchersAll) }

// matcherOf writes one of the first n attributes; a name that stands already in the
// block is left out, since HCL has each once.
func (w *world) matcherOf(n int) {
	block := w.hcl.String()
	block = block[max(strings.LastIndex(block, "route \""), strings.LastIndex(block, "except {"), strings.LastIndex(block, "copy \""), strings.LastIndex(block, "rewrite \""), strings.LastIndex(block, "deny \"")):]
	name, value := w.drawMatcher(n)
	if !strings.Contains(block, "  "+name+" ") {
		w.pf("  %s = %s\n", name, value)
	}
}

func (w *world) drawMatcher(n int) (name, value string) {
	switch w.rng.IntN(n) {
	case 0, 1:
		return "recipient", w.addressPatterns()
	case 2:
		return "original", w.addressPatterns()
	case 3:
		return "sender", quoted(some(w, w.space.senders, 2))
	case 4:
		return "client", quoted(some(w, []string{"127.0.0.1", "127.0.0.2/31", "127.0.0.4"}, 2))
	case 5:
		return "listener", "[listener." + pick(w, w.listeners) + "]"
	case 6:
		return "helo", quoted(some(w, []string{"client.test", ".corp.test", "odd.example"}, 2))
	case 7:
		return "tls", fmt.Sprint(w.chance(50))
	case 8:
		return "header", fmt.Sprintf("{ \"X-Env\" = %q }", pick(w, []string{"test*", "prod", "*-two"}))
	case 9:
		return "size", fmt.Sprintf("%q", pick(w, []string{">1KB", "<1KB", ">=2KB"}))
	default:
		return "percent", fmt.Sprint(10 + w.rng.IntN(80))
	}
}

func (w *world) copies() {
	for i := range w.rng.IntN(3) {
		w.pf("copy \"c%d\" {\n", i)
		w.matcher()
		w.pf("  to = %q\n", pick(w, []string{"arch@partner.test", "arch@h0.test", "bob@h0.test"}))
		if w.chance(50) {
			w.pf("  via = transport.%s\n", pick(w, []string{"hub", "store2", "pair"}))
		}
		w.pf("}\n")
	}
}
