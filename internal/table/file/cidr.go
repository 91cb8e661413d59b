package file

import (
	"bytes"
	"io"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"

	"github.com/postroad/postroad/internal/table"
)

// networks is the content of a cidr table. Keys are addresses; anything else is
// not found.
type networks struct {
	rules []network
	// trie finds the networks around an address when all rules are plain; nil
	// when there is a negation or an if, which only the order can answer.
	trie *bart.Table[int]
	n    int
}

type network struct {
	kind   ruleKind
	negate bool
	prefix netip.Prefix
	end    int // of an if: index of the first rule behind its endif
	answer table.Answer
}

// cidr reads cidr_table(5). A line without a result makes a set.
func (p *parser) cidr(r io.Reader) (table.Resident, error) {
	in := newLines(r, p.problems)
	t := &networks{}
	nest := nesting{problems: p.problems}
	plain := true
	for {
		line, number, ok := in.next()
		if !ok {
			break
		}
		rule := cutRule(bytes.TrimLeft(line, " \t"))
		plain = plain && rule.kind == ruleResult && !rule.negate
		if rule.kind == ruleEndif {
			if i, ok := nest.end(number); ok {
				t.rules[i].end = len(t.rules)
			}
			continue
		}
		text, rest, _ := bytes.Cut(bytes.ReplaceAll(rule.rest, []byte("\t"), []byte(" ")), []byte(" "))
		prefix, what := parseNetwork(string(text))
		if what != "" {
			p.problems.add(number, "%s", what)
		}
		if rule.kind == ruleIf {
			nest.begin(len(t.rules), number)
		} else {
			t.n++
		}
		t.rules = append(t.rules, network{kind: rule.kind, negate: rule.negate, prefix: prefix,
			answer: found(string(bytes.TrimSpace(rest)), place(p.shown, number))})
	}
	nest.finish()
	if plain && len(p.problems.List) == 0 {
		t.index()
	}
	return t, in.failed()
}

func found(value, source string) table.Answer {
	a := table.Answer{Status: table.Found, Source: source}
	if value != "" {
		a.Values = []string{value}
	}
	return a
}

// parseNetwork reads "192.0.2.0/24", "2001:db8::/32" or a single address.
func parseNetwork(s string) (netip.Prefix, string) {
	s = strings.NewReplacer("[", "", "]", "").Replace(s)
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, quoted(s) + " is no address and no network"
		}
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), ""
	}
	n, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, quoted(s) + " is no network"
	}
	if n.Masked() != n {
		return netip.Prefix{}, quoted(s) + " has bits set behind its length, " + n.Masked().String() + " is the network"
	}
	return n, ""
}

// index builds the trie; of equal networks the first counts.
func (t *networks) index() {
	t.trie = new(bart.Table[int])
	for i, r := range t.rules {
		if _, there := t.trie.Get(r.prefix); !there {
			t.trie.Insert(r.prefix, i)
		}
	}
}

// Lookup answers an address by the first rule in file order that holds.
func (t *networks) Lookup(key string) table.Answer {
	a, err := netip.ParseAddr(key)
	if err != nil {
		return table.Answer{Status: table.NotFound}
	}
	a = a.Unmap().WithZone("")
	if t.trie != nil {
		return t.first(a)
	}
	for i := 0; i < len(t.rules); i++ {
		r := &t.rules[i]
		// cidr_table(5): a line says nothing of the other family, negated or not.
		holds := r.prefix.Addr().Is4() == a.Is4() && r.prefix.Contains(a) != r.negate
		switch {
		case r.kind == ruleIf && !holds:
			i = r.end - 1
		case r.kind == ruleResult && holds:
			return r.answer
		}
	}
	return table.Answer{Status: table.NotFound}
}

func (t *networks) first(a netip.Addr) table.Answer {
	best := -1
	for _, i := range t.trie.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		if best < 0 || i < best {
			best = i
		}
	}
	if best < 0 {
		return table.Answer{Status: table.NotFound}
	}
	return t.rules[best].answer
}

// Whole tells that keys are whole addresses.
func (t *networks) Whole() bool { return true }

// Len is the number of rules with a result.
func (t *networks) Len() int { return t.n }

// Networks are those that some line of the table can answer for, at the most:
// a negated line answers for all addresses of its family.
func (t *networks) Networks() []netip.Prefix {
	out := make([]netip.Prefix, 0, len(t.rules))
	for _, r := range t.rules {
		switch {
		case r.kind == ruleIf:
		case r.negate:
			out = append(out, netip.PrefixFrom(r.prefix.Addr(), 0).Masked())
		default:
			out = append(out, r.prefix)
		}
	}
	return out
}
