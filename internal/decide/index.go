package decide

import (
	"slices"
	"strings"
)

// rule is one compiled block of conditions.
type rule struct {
	Ref
	condition
	at int // its place in the source
}

// axis is the attribute by which the index finds a rule.
type axis uint8

const (
	axisNone axis = iota // asked each time
	axisRecipient
	axisSender
	axisOriginal
)

// String is the attribute's name in a step.
func (a axis) String() string { return [...]string{"", "recipient", "sender", "original"}[a] }

// ruleset is rules in file order, with an index over those that name addresses
// or domains: a thousand such rules cost a few looks into maps. The index only
// leaves out rules that cannot hold; whether one holds its condition says.
type ruleset struct {
	rules []rule
	axis  []axis
	rest  []int32 // rules of axisNone, in order
	by    [axisOriginal + 1]postings
}

// postings are the rules that name each key, in order.
type postings struct {
	addresses, domains, parents, locals map[string][]int32
}

// addAt takes in the rule that stands at that place of the source.
func (set *ruleset) addAt(at int, r rule, m *Matchers) {
	n := int32(len(set.rules))
	r.at = at
	a, patterns := axisOf(m)
	set.rules = append(set.rules, r)
	set.axis = append(set.axis, a)
	if a == axisNone {
		set.rest = append(set.rest, n)
		return
	}
	set.by[a].add(patterns, n)
}

// axisOf chooses the first attribute whose patterns are all plain names.
func axisOf(m *Matchers) (axis, []Pattern) {
	switch {
	case isPlain(m.Recipient):
		return axisRecipient, m.Recipient
	case isPlain(m.Sender):
		return axisSender, m.Sender
	case isPlain(m.Original):
		return axisOriginal, m.Original
	}
	return axisNone, nil
}

func isPlain(patterns []Pattern) bool {
	for _, p := range patterns {
		switch p.Kind {
		case PatternAddress, PatternDomain, PatternSubdomain, PatternLocal:
		default:
			return false
		}
	}
	return len(patterns) > 0
}

func (p *postings) add(patterns []Pattern, n int32) {
	for _, pat := range patterns {
		switch pat.Kind {
		case PatternAddress:
			post(&p.addresses, pat.address(), n)
		case PatternDomain:
			post(&p.domains, string(pat.Domain), n)
		case PatternSubdomain:
			post(&p.parents, "."+string(pat.Domain), n)
		case PatternLocal:
			post(&p.locals, strings.ToLower(pat.Local), n)
		}
	}
}

func post(m *map[string][]int32, key string, n int32) {
	if *m == nil {
		*m = map[string][]int32{}
	}
	(*m)[key] = append((*m)[key], n)
}

// find appends the rules that name the subject.
func (p *postings) find(dst []int32, s *subject) []int32 {
	if s.isNull() {
		return dst
	}
	dst = append(dst, p.addresses[s.key]...)
	dst = append(dst, p.domains[s.domain()]...)
	dst = append(dst, p.locals[s.local()]...)
	if s.bare != "" {
		dst = append(dst, p.addresses[s.bare]...)
		dst = append(dst, p.locals[s.bareLocal()]...)
	}
	if len(p.parents) == 0 {
		return dst
	}
	for rest := parent(s.domain()); rest != ""; rest = parent(rest[1:]) {
		dst = append(dst, p.parents[rest]...)
	}
	return dst
}

// candidates appends the indexed rules that may hold, in file order, each once.
func (set *ruleset) candidates(dst []int32, v *view) []int32 {
	dst = set.by[axisRecipient].find(dst, &v.recipient)
	dst = set.by[axisSender].find(dst, v.sender)
	dst = set.by[axisOriginal].find(dst, v.original)
	slices.Sort(dst)
	return slices.Compact(dst)
}

// walk goes over indexed candidates and the rest, merged in file order.
type walk struct{ hits, rest []int32 }

// next gives the next rule, or -1.
func (w *walk) next() int {
	switch {
	case len(w.hits) == 0 && len(w.rest) == 0:
		return -1
	case len(w.rest) == 0 || len(w.hits) > 0 && w.hits[0] < w.rest[0]:
		n := w.hits[0]
		w.hits = w.hits[1:]
		return int(n)
	}
	n := w.rest[0]
	w.rest = w.rest[1:]
	return int(n)
}

// tried asks the rules of a set in file order and hands each that holds, or of
// which it cannot be told, to do, by its place in the source, until do gives
// false. It tells whether do never did.
func (q *query) tried(stage Stage, set *ruleset, v *view, do func(at int, t tri) bool) bool {
	q.hits = set.candidates(q.hits[:0], v)
	w := walk{hits: q.hits, rest: set.rest}
	past := 0
	for n := w.next(); n >= 0; n = w.next() {
		q.stepSkipped(stage, set, past, n)
		past = n + 1
		if t := q.holds(stage, &set.rules[n], v); t != no && !do(set.rules[n].at, t) {
			return false
		}
	}
	q.stepSkipped(stage, set, past, len(set.rules))
	return true
}

// holds asks one rule and says in the trace why it does not hold.
func (q *query) holds(stage Stage, r *rule, v *view) tri {
	t, why := r.ask(v)
	q.stepNot(stage, r, t, why)
	return t
}

// stepNot says why a rule does not hold, or is not known to.
func (q *query) stepNot(stage Stage, r *rule, t tri, why string) {
	switch t {
	case no:
		q.step(stage, r.Ref, "does not hold: ", why)
	case later:
		q.step(stage, r.Ref, "not known before the message: ", why)
	case unknown:
		q.stepUnknown(stage, r.Ref, why)
	}
}
