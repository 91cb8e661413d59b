package explain

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// graph is paths as a test draws them: "a>b,c b>a".
type graph map[decide.Place][]decide.Place

func draw(text string) graph {
	g := graph{}
	for word := range strings.FieldsSeq(text) {
		from, to, _ := strings.Cut(word, ">")
		for name := range strings.SplitSeq(to, ",") {
			g[at(from)] = append(g[at(from)], at(name))
		}
	}
	return g
}

func at(name string) decide.Place {
	return decide.Place{Address: mail.Address{Local: name, Domain: "x"}}
}

// bare is a place as it is named.
func bare(p decide.Place) decide.Place { return at(p.Address.Local) }

func (g graph) onward(p decide.Place) (decide.Ref, []decide.Place) {
	return decide.Ref{Name: "rule"}, g[p]
}

// untangled gives all knots of a graph, each with what is told of it.
func (g graph) untangled() []*untangling {
	var starts knot
	for p := range g {
		starts = append(starts, p)
	}
	slices.SortFunc(starts, comparePlaces)
	w := newWalk(g.onward, math.MaxInt)
	left := mostSteps
	var out []*untangling
	for _, p := range starts {
		for _, k := range w.from(p) {
			out = append(out, untangle(g.onward, k, &left))
		}
	}
	return out
}

func TestKnots(t *testing.T) {
	for _, c := range []struct{ name, graph, want string }{
		{"none", "a>b,c b>c c>d", ""},
		{"one", "a>b b>c c>a", "a -> b -> c -> a"},
		{"to itself", "a>a", "a -> a"},
		{"to itself on the way in", "s>a a>a,b b>c", "a -> a"},
		{"two", "a>b b>a c>d d>c a>c", "c -> d -> c|a -> b -> a"},
		{"two that share a step", "a>b b>c,d c>a d>a",
			"a -> b -> c -> a\na -> b -> d -> a\n4 addresses lead to each other: a, b, c, d"},
		{"figure eight", "a>b,x b>a x>a",
			"a -> b -> a\na -> x -> a\n3 addresses lead to each other: a, b, x"},
		{"nested", "a>b b>c c>d,b d>a",
			"b -> c -> b\na -> b -> c -> d -> a\n4 addresses lead to each other: a, b, c, d"},
		{"one within itself", "a>a,b b>a", "a -> a\na -> b -> a\n2 addresses lead to each other: a, b"},
		{"the shortest is not at the least", "a>b b>c c>d d>a,e e>d",
			"d -> e -> d\na -> b -> c -> d -> a\n5 addresses lead to each other: a, b, c, d, e"},
		{"a tail and a head are no part", "s>a a>b b>a,e e>f", "a -> b -> a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, u := range draw(c.graph).untangled() {
				got = append(got, strings.ReplaceAll(u.text(), "@x", ""))
			}
			if text := strings.Join(got, "|"); text != c.want {
				t.Errorf("told\n%s\nwant\n%s", text, c.want)
			}
		})
	}
}

// What is told of many is bounded, and says that it is.
func TestKnotsBounds(t *testing.T) {
	var all strings.Builder
	for i := range 40 {
		fmt.Fprintf(&all, "hub>s%02d s%02d>hub ", i, i)
	}
	text := draw(all.String()).untangled()[0].text()
	if n := strings.Count(text, "->"); n != 2*mostCircles {
		t.Errorf("%d steps told:\n%s", n, text)
	}
	if !strings.Contains(text, "41 addresses lead to each other: hub@x, s00@x") || !strings.Contains(text, "and 31 more; by further circles too") {
		t.Error(text)
	}

	var ring strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&ring, "r%04d>r%04d ", i, (i+1)%1000)
	}
	us := draw(ring.String()).untangled()
	if text := us[0].text(); len(us) != 1 || !strings.HasPrefix(text, "r0000@x -> r0001@x") || !strings.HasSuffix(text, "r0029@x -> 970 more -> r0000@x") {
		t.Error(text)
	}

	g, none := draw("a>b b>c c>d,b d>a"), 0
	k := newWalk(g.onward, math.MaxInt).from(at("a"))
	if text := untangle(g.onward, k[0], &none).text(); text != "a@x -> b@x -> c@x -> d@x -> a@x\n4 addresses lead to each other: a@x, b@x, c@x, d@x; by further circles too" {
		t.Errorf("without effort: %s", text)
	}
}

// A walk that may remember no more stops there, and what it tells is so.
func TestWalkBound(t *testing.T) {
	var chain strings.Builder
	for i := range 100 {
		fmt.Fprintf(&chain, "c%03d>c%03d ", i, i+1)
	}
	g := draw("c000>c001 c001>c000 " + chain.String())
	w := newWalk(g.onward, 10)
	k := w.from(at("c000"))
	if len(k) != 1 || len(k[0]) != 2 || !w.tooMany || len(w.order) > 10 {
		t.Errorf("knots %v, too many %v, %d places", k, w.tooMany, len(w.order))
	}
}

// TestKnotsProperty holds what is found in random graphs against a reference that
// knows who reaches whom.
func TestKnotsProperty(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		g := randomGraph(rng)
		if err := g.agrees(g.untangled()); err != nil {
			t.Fatalf("seed %d, %v: %v", seed, g, err)
		}
	}
}

func randomGraph(rng *rand.Rand) graph {
	g, n := graph{}, 1+rng.IntN(9)
	for range rng.IntN(2 * n) {
		from, to := at(string(rune('a'+rng.IntN(n)))), at(string(rune('a'+rng.IntN(n))))
		to.Outside = rng.IntN(8) == 0
		if !slices.Contains(g[from], to) {
			g[from] = append(g[from], to)
		}
		if inside := at(to.Address.Local); to.Outside && len(g[to]) == 0 {
			g[to] = append(g[to], inside)
		}
	}
	return g
}

// reach gives the least number of steps from each place to each (Floyd 1962).
func (g graph) reach() map[step]int {
	var all []decide.Place
	out := map[step]int{}
	for p, to := range g {
		all = append(append(all, p), to...)
		for _, q := range to {
			out[step{p, q}] = 1
		}
	}
	for _, by := range all {
		for _, p := range all {
			for _, q := range all {
				a, b := out[step{p, by}], out[step{by, q}]
				if old := out[step{p, q}]; a > 0 && b > 0 && (old == 0 || a+b < old) {
					out[step{p, q}] = a + b
				}
			}
		}
	}
	return out
}

// agrees tells how what was found differs from what there is.
func (g graph) agrees(us []*untangling) error {
	reach := g.reach()
	in := map[decide.Place]*untangling{}
	for _, u := range us {
		for _, p := range u.knot {
			if in[p] != nil || reach[step{p, p}] == 0 {
				return fmt.Errorf("%v is in two knots, or in none", p)
			}
			in[p] = u
		}
	}
	for p := range g {
		for q := range g {
			together := reach[step{p, q}] > 0 && reach[step{q, p}] > 0
			if together != (in[p] != nil && in[p] == in[q]) && p != q || p == q && together != (in[p] != nil) {
				return fmt.Errorf("%v and %v: in one circle %v", p, q, together)
			}
		}
	}
	for _, u := range us {
		if err := g.tells(u, reach); err != nil {
			return err
		}
	}
	return nil
}

// tells holds the circles of a knot against the graph: each is one, the first is
// the shortest, and together they have all steps that lead round.
func (g graph) tells(u *untangling, reach map[step]int) error {
	told := map[step]bool{}
	for _, c := range u.found {
		for i, p := range c {
			q := c[(i+1)%len(c)]
			if !slices.Contains(g[p], q) {
				return fmt.Errorf("circle %v takes a step that is none: %v to %v", c, p, q)
			}
			told[step{bare(p), bare(q)}] = true
		}
	}
	for _, p := range u.knot {
		if least := reach[step{p, p}]; least < len(u.found[0]) {
			return fmt.Errorf("%v is in a circle of %d steps, told is %v", p, least, u.found[0])
		}
		for _, q := range g[p] {
			if p != q && bare(p) == bare(q) {
				continue // mail comes in anew there, under the same name
			}
			if reach[step{q, p}] > 0 && !told[step{bare(p), bare(q)}] && !u.untold {
				return fmt.Errorf("the step from %v to %v leads round and is not told", p, q)
			}
		}
	}
	return nil
}
