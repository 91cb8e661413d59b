package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// patternSet is the alternatives of one address matcher, compiled: one look into
// a map for each part of an address, however many patterns there are.
type patternSet struct {
	any       bool
	null      bool
	addresses map[string]struct{} // "ann@example.com"
	domains   map[string]struct{} // "example.com"
	parents   map[string]struct{} // ".example.com"
	locals    map[string]struct{} // "ann"
	tables    []patternTable
}

// patternTable is a table whose keys are patterns.
type patternTable struct {
	id    TableID
	bound bool // asked for keys that bound a relay rule
}

func compilePatterns(patterns []Pattern) *patternSet {
	set := &patternSet{
		addresses: map[string]struct{}{}, domains: map[string]struct{}{},
		parents: map[string]struct{}{}, locals: map[string]struct{}{},
	}
	for _, p := range patterns {
		switch p.Kind {
		case PatternAddress:
			set.addresses[p.address()] = struct{}{}
		case PatternDomain:
			set.domains[string(p.Domain)] = struct{}{}
		case PatternSubdomain:
			set.parents["."+string(p.Domain)] = struct{}{}
		case PatternLocal:
			set.locals[strings.ToLower(p.Local)] = struct{}{}
		case PatternNull:
			set.null = true
		case PatternAny:
			set.any = true
		case PatternTable:
			set.tables = append(set.tables, patternTable{p.Table, p.bound})
		}
	}
	return set
}

// address is the key of a PatternAddress.
func (p Pattern) address() string { return mail.Address{Local: p.Local, Domain: p.Domain}.Key() }

// match asks the patterns that stand in the block first, then the tables, so
// that a table that is down does not matter where another alternative holds.
func (set *patternSet) match(q *query, s *subject) tri {
	if set.any || set.matchInline(s) {
		return yes
	}
	t := no
	for _, table := range set.tables {
		q.keys = table.keys(q.keys[:0], s)
		if t = or(t, q.member(table.id, q.keys)); t == yes {
			break
		}
	}
	return t
}

func (t patternTable) keys(dst []string, s *subject) []string {
	if t.bound {
		return s.boundKeys(dst)
	}
	return s.keys(dst)
}

func (set *patternSet) matchInline(s *subject) bool {
	if s.isNull() {
		return set.null
	}
	return set.matchAddress(s) || set.matchDomain(s.domain()) || set.matchLocal(s)
}

func (set *patternSet) matchAddress(s *subject) bool {
	return has(set.addresses, s.key) || s.bare != "" && has(set.addresses, s.bare)
}

func (set *patternSet) matchDomain(domain string) bool {
	return has(set.domains, domain) || set.matchParent(domain)
}

// matchParent tells whether a pattern names a domain above, not the domain itself.
func (set *patternSet) matchParent(domain string) bool {
	if len(set.parents) == 0 {
		return false
	}
	for rest := parent(domain); rest != ""; rest = parent(rest[1:]) {
		if has(set.parents, rest) {
			return true
		}
	}
	return false
}

func (set *patternSet) matchLocal(s *subject) bool {
	return has(set.locals, s.local()) || s.bare != "" && has(set.locals, s.bareLocal())
}

func has(set map[string]struct{}, key string) bool {
	_, ok := set[key]
	return ok
}

// matchName matches a bare host name, as HELO gives one.
func (set *patternSet) matchName(q *query, name string) tri {
	if set.any || set.matchDomain(name) {
		return yes
	}
	t := no
	for _, table := range set.tables {
		q.keys = appendParents(append(q.keys[:0], name), name)
		if t = or(t, q.member(table.id, q.keys)); t == yes {
			break
		}
	}
	return t
}
