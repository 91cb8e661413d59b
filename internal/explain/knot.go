package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/decide"
)

// step is one from place to place.
type step struct{ from, to decide.Place }

// untangling finds the circles of one knot, the shortest first, until each step
// within it is on one that was found. Whoever mends them all has seen every step
// that leads round.
type untangling struct {
	onward
	knot   knot
	left   *int // steps that may still be taken; nil: as many as it takes
	floor  int  // of left: the rest is for something else
	found  [][]decide.Place
	seen   map[step]bool
	texts  []string
	untold bool // there are steps that no circle found has
}

// untangle finds one circle, and goes on while there are steps left.
func untangle(o onward, k knot, left *int) *untangling {
	u := &untangling{onward: o, knot: k, seen: make(map[step]bool)}
	first := u.way(k[0], k[0], len(k))
	u.left = left
	u.tell(u.shorter(first))
	for _, p := range k {
		if u.untold {
			break
		}
		u.through(p)
	}
	return u
}

// shorter gives the shortest circle, the first of those that are as short; the
// best of what was found when half of the steps are spent. Every circle that is not
// the whole knot comes through a place from which several ways lead on within it.
func (u *untangling) shorter(best []decide.Place) []decide.Place {
	u.floor = *u.left / 2
	defer func() { u.floor = 0 }()
	for _, p := range u.knot[1:] {
		if len(best) == 1 || u.spent() {
			break
		}
		if len(u.inside(p)) == 1 {
			continue
		}
		if c := u.way(p, p, len(best)-1); c != nil {
			best = c
		}
	}
	return best
}

func (u *untangling) spent() bool { return u.left != nil && *u.left <= u.floor }

// through finds a circle for each step from a place that has none yet.
func (u *untangling) through(p decide.Place) {
	for _, to := range u.inside(p) {
		if u.seen[step{p, to}] {
			continue
		}
		if len(u.found) == mostCircles {
			u.untold = true
			return
		}
		c := []decide.Place{p}
		if to != p {
			if c = u.way(to, p, len(u.knot)); c == nil {
				u.untold = true
				return
			}
			c = append(c, p)
		}
		u.tell(c)
	}
	u.untold = u.spent()
}

// tell notes a circle. Two may differ only in that mail comes in anew on one.
func (u *untangling) tell(c []decide.Place) {
	for i, p := range c {
		u.seen[step{p, c[(i+1)%len(c)]}] = true
	}
	c = fromLeast(c)
	if text := circleText(c); !slices.Contains(u.texts, text) {
		u.texts, u.found = append(u.texts, text), append(u.found, c)
	}
}

// inside gives the places of the knot to which one of its places leads, in order.
func (u *untangling) inside(p decide.Place) []decide.Place {
	_, all := u.onward(p)
	if u.left != nil {
		*u.left -= 1 + len(all)
	}
	var out []decide.Place
	for _, to := range all {
		if _, is := slices.BinarySearchFunc(u.knot, to, comparePlaces); is {
			out = append(out, to)
		}
	}
	slices.SortFunc(out, comparePlaces)
	return slices.Compact(out)
}

// way gives the places of a shortest way within the knot, the first included and
// the last not; nil when there is none of at most so many steps, or none was found
// in time.
func (u *untangling) way(from, to decide.Place, most int) []decide.Place {
	before := map[decide.Place]decide.Place{}
	for rim := []decide.Place{from}; most > 0 && len(rim) > 0; most-- {
		var next []decide.Place
		for _, p := range rim {
			if u.spent() {
				return nil
			}
			for _, q := range u.inside(p) {
				if q == to {
					return backTo(before, from, p)
				}
				if _, met := before[q]; !met && q != from {
					before[q] = p
					next = append(next, q)
				}
			}
		}
		rim = next
	}
	return nil
}

func backTo(before map[decide.Place]decide.Place, from, p decide.Place) []decide.Place {
	out := []decide.Place{p}
	for p != from {
		p = before[p]
		out = append(out, p)
	}
	slices.Reverse(out)
	return out
}

// fromLeast turns a circle to begin at the least of its places, so that it reads
// the same wherever it was entered.
func fromLeast(c []decide.Place) []decide.Place {
	least := 0
	for i := range c {
		if comparePlaces(c[i], c[least]) < 0 {
			least = i
		}
	}
	return slices.Concat(c[least:], c[:least])
}

// circleText names the addresses of a circle; an address at which mail only comes
// in anew is named once.
func circleText(c []decide.Place) string {
	names := addresses(c)
	if len(names) > 1 && names[len(names)-1] == names[0] {
		names = names[:len(names)-1]
	}
	first := names[0]
	if len(names) > mostNamed {
		names = append(names[:mostNamed:mostNamed], fmt.Sprintf("%d more", len(names)-mostNamed))
	}
	return strings.Join(append(names, first), " -> ")
}

// addresses names places; neighbours of one name are one.
func addresses(places []decide.Place) []string {
	var out []string
	for _, p := range places {
		if name := p.Address.String(); len(out) == 0 || out[len(out)-1] != name {
			out = append(out, name)
		}
	}
	return out
}

// text tells of a knot: its circles, and when it is more than one of them, who
// belongs to it.
func (u *untangling) text() string {
	lines := slices.Clone(u.texts)
	if len(u.found) > 1 || u.untold {
		names := addresses(u.knot)
		who := fmt.Sprintf("%d addresses lead to each other: ", len(names))
		if len(names) > mostMembers {
			names = append(names[:mostMembers:mostMembers], fmt.Sprintf("and %d more", len(names)-mostMembers))
		}
		who += strings.Join(names, ", ")
		if u.untold {
			who += "; by further circles too"
		}
		lines = append(lines, who)
	}
	if rules := u.rules(); len(rules) > 1 {
		lines = append(lines, "by "+listed(rules))
	}
	return strings.Join(lines, "\n")
}

// rules are those by which the circles found lead on, as far as they are named.
func (u *untangling) rules() []string {
	var out []string
	for _, c := range u.found {
		for _, p := range c[:min(len(c), mostNamed)] {
			if by, _ := u.onward(p); by.Name != "" && !slices.Contains(out, by.Name) {
				out = append(out, by.Name)
			}
		}
	}
	return out
}

// at is where the shortest circle begins that was found.
func (u *untangling) at() decide.Ref {
	for _, p := range u.found[0] {
		if by, _ := u.onward(p); by.Name != "" {
			return by
		}
	}
	return decide.Ref{}
}
