package explain

import (
	"cmp"

	"github.com/postroad/postroad/internal/decide"
)

// Bounds of what is told and remembered: tables may have millions of entries.
const (
	mostKnots   = 100       // told
	mostCircles = 10        // told of one
	mostMembers = 10        // of one that are named besides
	mostNamed   = 30        // members of a circle that are named
	mostSteps   = 500_000   // taken to find the circles of all, beyond the first of each
	mostPlaces  = 1_000_000 // remembered: addresses that lead to addresses that lead on
)

// aliasCycles finds addresses whose mail comes back to them: over aliases, catch-
// alls, alias domains, lists, rewriting, and what the systems of a migration are
// known to forward. An alias that names itself is none: it means "here as well"
// (virtual(5)).
func aliasCycles(s *subject) []Finding {
	g := newPaths(s)
	roots := g.roots()
	t := newTangles(g, mostPlaces)
	for _, p := range roots {
		t.from(p)
	}
	if t.untold > 0 {
		s.note("%d further alias cycles are not named", t.untold)
	}
	if g.tooMany || t.walk.tooMany {
		s.note("more than %d aliases lead to aliases: alias cycles among the rest are not looked for", mostPlaces)
	}
	var out []Finding
	for _, u := range t.found {
		out = append(out, about(u.at(), "alias cycle", u.text()))
	}
	return out
}

// tangles collects what is told of knots.
type tangles struct {
	*walk
	left   int // steps to find circles by
	found  []*untangling
	untold int
}

func newTangles(g *paths, most int) *tangles {
	return &tangles{walk: newWalk(g.onward, most), left: mostSteps}
}

// from looks at the knots to which a place leads.
func (t *tangles) from(p decide.Place) {
	for _, k := range t.walk.from(p) {
		if len(t.found) == mostKnots {
			t.untold++
			continue
		}
		t.found = append(t.found, untangle(t.onward, k, &t.left))
	}
}

func comparePlaces(a, b decide.Place) int {
	return cmp.Or(cmp.Compare(a.Address.Domain, b.Address.Domain), cmp.Compare(a.Address.Local, b.Address.Local),
		cmp.Compare(rank(a), rank(b)))
}

func rank(p decide.Place) int {
	if p.Outside {
		return 1
	}
	return 0
}
