package postfix

import (
	"net/netip"
	"slices"
	"strings"
)

// matchItem is one element of a list of domains or networks.
type matchItem struct {
	text    string
	negated bool
	table   *Table // instead of text
	place   string
}

// matchList is a list as match_list(3) reads it: patterns, tables and files of
// patterns; the first that holds decides, and "!" turns it.
type matchList struct {
	items      []matchItem
	subdomains bool // a domain stands for its subdomains too
}

// MatchList reads the list of a parameter.
func (in *Installation) MatchList(parameter string) matchList {
	inherits := slices.Contains(in.Main.Items("parent_domain_matches_subdomains"), parameter)
	return in.matchList(in.Main.Items(parameter), matchOrigin{place: in.Main.Place(parameter), subdomains: inherits})
}

// matchOrigin says where a list comes from.
type matchOrigin struct {
	place      string
	subdomains bool
}

func (in *Installation) matchList(words []string, from matchOrigin) matchList {
	list := matchList{subdomains: from.subdomains}
	for _, word := range words {
		item := matchItem{place: from.place}
		for strings.HasPrefix(word, "!") {
			item.negated, word = !item.negated, word[1:]
		}
		s := parseSpec(word)
		switch {
		case strings.HasPrefix(word, "/"):
			in.matchFile(&list, word, item.negated)
			continue
		case isTableWord(word, s):
			item.table = in.Table(word)
		default:
			item.text = strings.ToLower(word)
		}
		list.items = append(list.items, item)
	}
	return list
}

// isTableWord tells a table from a domain and from an IPv6 address.
func isTableWord(word string, s spec) bool {
	_, network := parseNetwork(word)
	return s.kind != "" && !network && !strings.HasPrefix(word, "[")
}

// matchFile puts the patterns of a file in the place of its name.
func (in *Installation) matchFile(list *matchList, name string, negated bool) {
	text, err := readText(in.locate(name))
	if err != nil {
		return
	}
	for _, l := range logicalLines(text) {
		for _, word := range items(l.text) {
			item := matchItem{text: strings.ToLower(word), place: (&Table{Shown: in.shown(name)}).Place(l.number), negated: negated}
			list.items = append(list.items, item)
		}
	}
}

// hasDomain tells whether a domain is in the list.
func (l matchList) hasDomain(domain string) bool {
	for _, it := range l.items {
		if l.holds(it, domain) {
			return !it.negated
		}
	}
	return false
}

func (l matchList) holds(it matchItem, domain string) bool {
	if it.table != nil {
		return l.inTable(it.table, domain)
	}
	switch {
	case it.text == domain:
		return true
	case strings.HasPrefix(it.text, "."):
		return !l.subdomains && strings.HasSuffix(domain, it.text)
	}
	return l.subdomains && strings.HasSuffix(domain, "."+it.text)
}

func (l matchList) inTable(t *Table, domain string) bool {
	if _, ok := t.find(domain, true); ok {
		return true
	}
	for _, p := range parents(domain) {
		key := "." + p
		if l.subdomains {
			key = p
		}
		if _, ok := t.find(key, false); ok {
			return true
		}
	}
	return false
}

// domains gives the plain domains of the list, each once, with its place.
func (l matchList) domains() []matchItem {
	var out []matchItem
	seen := map[string]bool{}
	add := func(it matchItem) {
		if it.text != "" && !seen[it.text] {
			seen[it.text] = true
			out = append(out, it)
		}
	}
	for _, it := range l.items {
		switch {
		case it.negated:
		case it.table == nil:
			add(it)
		default:
			for _, e := range it.table.Entries {
				if !strings.Contains(e.Key, "@") {
					add(matchItem{text: strings.ToLower(e.Key), place: it.table.Place(e.Line)})
				}
			}
		}
	}
	return out
}

// networks gives the networks of the list. Those that are no networks are left
// out; a negated one, or a table, makes complete false.
func (l matchList) networks() (nets []netip.Prefix, complete bool) {
	complete = true
	for _, it := range l.items {
		p, ok := parseNetwork(it.text)
		if it.negated || it.table != nil || !ok {
			complete = false
			continue
		}
		nets = append(nets, p)
	}
	return nets, complete
}

// hasAddress tells whether an address is in the networks of the list.
func (l matchList) hasAddress(a netip.Addr) bool {
	for _, it := range l.items {
		holds := false
		if it.table != nil {
			holds = it.table.hasAddress(a)
		} else if p, ok := parseNetwork(it.text); ok {
			holds = p.Contains(a)
		}
		if holds {
			return !it.negated
		}
	}
	return false
}

// parseNetwork reads "10.0.0.0/8", "[2001:db8::]/32" or an address.
func parseNetwork(s string) (netip.Prefix, bool) {
	s = strings.NewReplacer("[", "", "]", "").Replace(s)
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}
