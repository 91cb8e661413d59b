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
	w := newWalk(g.onward, mostPlaces)
	var out []Finding
	untold, left := 0, mostSteps
	for _, p := range roots {
		for _, k := range w.from(p) {
			if len(out) == mostKnots {
				untold++
				continue
			}
			u := untangle(g.onward, k, &left)
			out = append(out, about(u.at(), "alias cycle", u.text()))
		}
	}
	if untold > 0 {
		s.note("%d further alias cycles are not named", untold)
	}
	if g.tooMany || w.tooMany {
		s.note("more than %d aliases lead to aliases: alias cycles among the rest are not looked for", mostPlaces)
	}
	return out
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
