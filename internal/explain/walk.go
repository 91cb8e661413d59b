package explain

import (
	"slices"

	"github.com/postroad/postroad/internal/decide"
)

// onward gives the places to which one leads, and the rule by which.
type onward func(decide.Place) (decide.Ref, []decide.Place)

// knot is places each of which leads to all of them, itself among them: a strongly
// connected component of the paths. They are in order.
type knot []decide.Place

// done is what order has of places whose knot is known.
const done = -1

// walk goes along the paths depth first and finds each knot once (Tarjan 1972). It
// does not recurse on the Go stack, since a chain may be as long as a table.
type walk struct {
	onward
	most    int                    // places are remembered; paths to more are not gone
	order   map[decide.Place]int32 // in which places were met, from 1
	way     []stop
	open    []decide.Place // met, and of a knot that may still grow
	tooMany bool
}

// stop is one place on the way.
type stop struct {
	place decide.Place
	to    []decide.Place
	next  int   // of to
	met   int32 // its number in the order
	low   int32 // the least number to which it is known to lead back
	self  bool  // it leads to itself
}

func newWalk(o onward, most int) *walk {
	return &walk{onward: o, most: most, order: make(map[decide.Place]int32)}
}

// from gives the knots to which a place leads and that were not met before.
func (w *walk) from(start decide.Place) []knot {
	var out []knot
	w.meet(start)
	for len(w.way) > 0 {
		top := &w.way[len(w.way)-1]
		if top.next < len(top.to) {
			to := top.to[top.next]
			top.next++
			top.self = top.self || to == top.place
			w.look(top, to)
			continue
		}
		if k := w.leave(); k != nil {
			out = append(out, k)
		}
	}
	return out
}

// look goes to a place that is new, or notes how far back one leads that is not.
func (w *walk) look(top *stop, to decide.Place) {
	met, known := w.order[to]
	switch {
	case !known:
		w.meet(to)
	case met != done:
		top.low = min(top.low, met)
	}
}

func (w *walk) meet(p decide.Place) {
	if _, known := w.order[p]; known {
		return
	}
	if len(w.order) >= w.most {
		w.tooMany = true
		return
	}
	_, to := w.onward(p)
	if len(to) == 0 {
		return
	}
	met := int32(len(w.order) + 1)
	w.order[p] = met
	w.open = append(w.open, p)
	w.way = append(w.way, stop{place: p, to: to, met: met, low: met})
}

// leave goes back from a place, and gives the knot that is whole with it.
func (w *walk) leave() knot {
	last := len(w.way) - 1
	s := w.way[last]
	w.way[last] = stop{} // what it held
	w.way = w.way[:last]
	if last > 0 {
		before := &w.way[last-1]
		before.low = min(before.low, s.low)
	}
	if s.low != s.met {
		return nil
	}
	i := len(w.open) - 1
	for w.order[w.open[i]] = done; w.open[i] != s.place; w.order[w.open[i]] = done {
		i--
	}
	var k knot
	if s.self || len(w.open)-i > 1 {
		k = slices.Clone(w.open[i:])
		slices.SortFunc(k, comparePlaces)
	}
	w.open = w.open[:i]
	return k
}
