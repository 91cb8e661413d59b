package explain

import (
	"fmt"

	"github.com/postroad/postroad/internal/decide"
)

// ordered is a rule in a list where the first that holds decides.
type ordered struct {
	ref      decide.Ref
	match    decide.Matchers
	tenant   string // asked for its mail only; "": for all
	hosted   bool   // concerns mail for hosted domains too
	decisive bool   // when it holds, no later one is asked
}

// shadowedRules finds rules that no message reaches, because an earlier one
// takes all of theirs.
func shadowedRules(s *subject) []Finding {
	var out []Finding
	for _, list := range [][]ordered{orderedDenies(s.rules), orderedRelays(s.rules), orderedRoutes(s.rules)} {
		for i, r := range list {
			if by := coveredBy(list[:i], r); by != nil {
				out = append(out, about(r.ref, "rule can never decide",
					fmt.Sprintf("everything that %s concerns is taken before by %s (%s)", r.ref.Name, by.Name, by.Source)))
			}
		}
	}
	return out
}

// coveredBy gives the rule that completes the cover of r: one that covers it
// alone, or the last of several that share its recipients out.
func coveredBy(earlier []ordered, r ordered) *decide.Ref {
	if by := coveredWhole(earlier, r); by != nil {
		return by
	}
	if len(r.match.Recipient) < 2 {
		return nil
	}
	var last *decide.Ref
	for _, p := range r.match.Recipient {
		part := r
		part.match.Recipient = []decide.Pattern{p}
		if last = coveredWhole(earlier, part); last == nil {
			return nil
		}
	}
	return last
}

func coveredWhole(earlier []ordered, r ordered) *decide.Ref {
	for i, e := range earlier {
		if e.decisive && e.tenant == r.tenant && (e.hosted || !r.hosted) && covers(e.match, r.match) {
			return &earlier[i].ref
		}
	}
	return nil
}

func orderedDenies(rules *decide.Rules) []ordered {
	var out []ordered
	for _, d := range rules.Deny {
		out = append(out, ordered{ref: d.Ref, match: d.Match, tenant: d.Tenant, decisive: true})
	}
	return out
}

func orderedRelays(rules *decide.Rules) []ordered {
	var out []ordered
	for _, r := range rules.Relay {
		out = append(out, ordered{ref: r.Ref, match: r.Match, tenant: r.Tenant, decisive: true})
	}
	return out
}

// orderedRoutes: a lookup decides only where its table has the key, so it hides
// no later route.
func orderedRoutes(rules *decide.Rules) []ordered {
	var out []ordered
	for _, r := range rules.Routes {
		out = append(out, ordered{ref: r.Ref, match: r.Match, tenant: r.Tenant, hosted: concernsHosted(r), decisive: r.Via != ""})
	}
	return out
}

// deniedRules finds relay rules and doors whose every client a deny rule refuses
// before they are asked.
func deniedRules(s *subject) []Finding {
	var out []Finding
	for _, d := range s.rules.Deny {
		if covers(d.Match, everything()) {
			out = append(out, about(d.Ref, "deny refuses all mail", "no matcher bounds "+d.Name))
		}
	}
	for _, r := range s.rules.Relay {
		if by := coveredBy(orderedDenies(s.rules), ordered{ref: r.Ref, match: r.Match, tenant: r.Tenant}); by != nil {
			out = append(out, about(r.Ref, "rule can never decide",
				fmt.Sprintf("every client of %s is refused before by %s (%s)", r.Name, by.Name, by.Source)))
		}
	}
	return out
}

// everything is a block without matchers.
func everything() decide.Matchers { return decide.Matchers{ClientTable: decide.NoTable} }

// concernsHosted is CONFIG.md's rule: a route that names none of recipient,
// original, lookup and tag concerns mail for foreign domains only.
func concernsHosted(r decide.Route) bool {
	if r.Hosted != nil {
		return *r.Hosted
	}
	m := r.Match
	return len(m.Recipient) > 0 || len(m.Original) > 0 || len(m.Tag) > 0 || r.Lookup != decide.NoTable
}
