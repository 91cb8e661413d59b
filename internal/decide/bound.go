package decide

import "slices"

// boundMatchers is the matchers of a relay rule. Where the rule does not know its
// client, only its recipients bound it, and a table bounds by whole addresses and
// registered domains alone: "postmaster@" or ".com" in a file would reach every
// domain, as they would inline, where OpenRelay refuses them.
func boundMatchers(m Matchers) Matchers {
	if isKnown(m) {
		return m
	}
	m.Recipient, m.Original = boundTables(m.Recipient), boundTables(m.Original)
	return m
}

func boundTables(patterns []Pattern) []Pattern {
	patterns = slices.Clone(patterns)
	for i := range patterns {
		patterns[i].bound = patterns[i].Kind == PatternTable
	}
	return patterns
}

// boundKeys are the keys that name one address or one registered domain.
func (s *subject) boundKeys(dst []string) []string {
	if s.isNull() {
		return dst
	}
	dst = append(dst, s.key)
	if s.bare != "" {
		dst = append(dst, s.bare)
	}
	if !isSuffix(s.domain()) {
		dst = append(dst, s.domain())
	}
	for rest := parent(s.domain()); rest != ""; rest = parent(rest[1:]) {
		if !isSuffix(rest[1:]) {
			dst = append(dst, rest)
		}
	}
	return dst
}
