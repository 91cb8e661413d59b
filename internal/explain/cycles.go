package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/decide"
)

// Bounds of what is told and remembered: tables may have millions of entries.
const (
	mostCircles = 100       // named
	mostNamed   = 30        // members of one that are named
	mostPlaces  = 1_000_000 // remembered: addresses that lead to addresses that lead on
)

// aliasCycles finds addresses whose mail comes back to them: over aliases, catch-
// alls, alias domains, lists, rewriting, and what the systems of a migration are
// known to forward. An alias that names itself is none: it means "here as well"
// (virtual(5)).
func aliasCycles(s *subject) []Finding {
	g := newPaths(s)
	roots := g.roots()
	w := walk{paths: g, done: make(map[decide.Place]bool), at: make(map[decide.Place]int)}
	var out []Finding
	for _, p := range roots {
		if len(w.done) > mostPlaces {
			g.tooMany = true
			break
		}
		out = append(out, w.from(p)...)
	}
	if w.untold > 0 {
		s.note("%d further alias cycles are not named", w.untold)
	}
	if g.tooMany {
		s.note("more than %d aliases lead to aliases: alias cycles among the rest are not looked for", mostPlaces)
	}
	return out
}

// walk goes along the paths depth first; it does not recurse on the Go stack,
// since a chain may be as long as a table.
type walk struct {
	*paths
	done   map[decide.Place]bool
	at     map[decide.Place]int // position on the way
	way    []stop
	told   int
	untold int
}

// stop is one place on the way.
type stop struct {
	place decide.Place
	by    decide.Ref // that leads on
	to    []decide.Place
	next  int // of to
}

// from tells of the circles that close on the way from a place not yet seen.
func (w *walk) from(start decide.Place) []Finding {
	var out []Finding
	w.push(start)
	for len(w.way) > 0 {
		top := &w.way[len(w.way)-1]
		if top.next == len(top.to) {
			w.pop()
			continue
		}
		to := top.to[top.next]
		top.next++
		i, closed := w.at[to]
		switch {
		case !closed:
			w.push(to)
		case w.told < mostCircles:
			w.told++
			out = append(out, circle(w.way[i:]))
		default:
			w.untold++
		}
	}
	return out
}

func (w *walk) push(p decide.Place) {
	if w.done[p] {
		return
	}
	by, to := w.onward(p)
	if len(to) == 0 {
		return
	}
	w.at[p] = len(w.way)
	w.way = append(w.way, stop{place: p, by: by, to: to})
}

func (w *walk) pop() {
	top := len(w.way) - 1
	delete(w.at, w.way[top].place)
	w.done[w.way[top].place] = true
	w.way = w.way[:top]
}

// circle tells of one, from the least of its members on, so that it reads the
// same wherever it was entered.
func circle(way []stop) Finding {
	least := 0
	for i := range way {
		if comparePlaces(way[i].place, way[least].place) < 0 {
			least = i
		}
	}
	way = slices.Concat(way[least:], way[:least])
	var at decide.Ref
	var members, rules []string
	for _, s := range way {
		if name := s.place.Address.String(); len(members) == 0 || members[len(members)-1] != name {
			members = append(members, name)
		}
		if s.by.Name == "" {
			continue
		}
		if at.Name == "" {
			at = s.by
		}
		if !slices.Contains(rules, s.by.Name) {
			rules = append(rules, s.by.Name)
		}
	}
	if len(members) > mostNamed {
		members = append(members[:mostNamed:mostNamed], fmt.Sprintf("%d more", len(members)-mostNamed))
	}
	detail := strings.Join(members, " -> ")
	if first := members[0]; len(members) == 1 || members[len(members)-1] != first {
		detail += " -> " + first
	}
	if len(rules) > 1 {
		detail += "\nby " + listed(rules)
	}
	return about(at, "alias cycle", detail)
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
