package explain_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
)

// changing is a folder whose tables change under one configuration.
type changing struct {
	t      *testing.T
	folder string
}

func newChanging(t *testing.T, hcl string) changing {
	c := changing{t, t.TempDir()}
	c.write("postroad.hcl", hcl)
	return c
}

func (c changing) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.folder, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c changing) world() explain.World {
	c.t.Helper()
	s := server.OpenOffline(c.t.Context(), c.folder).Subject()
	if s.Diagnostics.HasErrors() {
		c.t.Fatal(s.Diagnostics)
	}
	return explain.World{Config: s.Config, View: s.View}
}

// changed is a world in which one table has been read again, and nothing else.
func (c changing) changed(before explain.World, name string) explain.World {
	now := c.world()
	for i, v := range now.View {
		if v.Name != name {
			now.View[i] = before.View[i]
		}
	}
	return now
}

// told gives the first lines of what a change closed.
func (c changing) told(before, now explain.World) string {
	var out []string
	for _, one := range explain.CyclesSince(c.t.Context(), before, now).Found {
		first, _, _ := strings.Cut(one.Text, "\n")
		out = append(out, first)
	}
	return strings.Join(out, "; ")
}

const changingHouse = aliasingHouse + `
domain "caught.test" {
  mailboxes = table.users
  catch_all = "x@ours.test"
  deliver   = transport.store
}
table "file" "users" {
  path   = "users"
  format = "list"
}
domain "whole.test" {
  mailboxes = []
  aliases   = table.whole
}
table "file" "whole" {
  path   = "whole"
  format = "virtual"
}
domain "lists.test" {
  mailboxes = ["ann"]
  aliases   = { "staff" = "all" }
  deliver   = transport.store
}
list "all" {
  address = "all@lists.test"
  members = table.members
  owner   = "ann@lists.test"
}
table "file" "members" {
  path   = "members"
  format = "list"
}
rewrite "renamed" {
  envelope = ["recipient"]
  map      = table.renamed
}
table "file" "renamed" {
  path   = "renamed"
  format = "map"
}
domains "hosted" {
  from      = table.hosted
  mailboxes = table.users
  aliases   = table.aliases
  deliver   = { "here" = transport.store }
}
table "file" "hosted" {
  path   = "hosted"
  format = "map"
}
`

// Each way in which a changed table can close a circle.
func TestCyclesSince(t *testing.T) {
	files := map[string]string{
		"aliases": "x@ours.test y@caught.test\nz@new.test x2@ours.test\nx2@ours.test z@new.test, x@far.test\n",
		"users":   "y@caught.test\n", "whole": "@whole.test k@whole.test\nk@whole.test far@elsewhere.test\n",
		"members": "ann@lists.test\nstaff@was.test\n", "renamed": "other.test lists.test\n", "hosted": "elsewhere.test here\n",
	}
	for _, tc := range []struct{ name, file, text, want string }{
		{"nothing", "members", "ann@lists.test\nstaff@was.test\n", ""},
		{"an alias", "aliases", "x@ours.test y@ours.test\ny@ours.test x@ours.test\n", "x@ours.test -> y@ours.test -> x@ours.test"},
		{"a mailbox that is gone falls to the catch-all", "users", "other@caught.test\n", "y@caught.test -> x@ours.test -> y@caught.test"},
		{"an alias that is gone falls to its domain's", "whole", "@whole.test k@whole.test\nk2@whole.test a@far.test\n", ""},
		{"the domain's alias", "whole", "@whole.test k@whole.test\nk@whole.test other@whole.test\n", "k@whole.test -> other@whole.test -> k@whole.test"},
		{"a member", "members", "ann@lists.test\nstaff@lists.test\n", "all@lists.test -> staff@lists.test -> all@lists.test"},
		{"another name of a recipient", "renamed", "was.test lists.test\n", "all@lists.test -> staff@was.test -> staff@lists.test -> all@lists.test"},
		{"a domain", "hosted", "new.test here\n", "z@new.test -> x2@ours.test -> z@new.test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newChanging(t, changingHouse)
			for name, text := range files {
				c.write(name, text)
			}
			before := c.world()
			c.write(tc.file, tc.text)
			now := c.changed(before, tc.file)
			if got := c.told(before, now); got != tc.want {
				t.Errorf("told %q, want %q", got, tc.want)
			}
			for _, one := range explain.CyclesSince(t.Context(), before, now).Found {
				if !one.Holds(now) || one.Holds(before) || one.Rule == "" || one.Source == "" {
					t.Errorf("%+v: holds now %v, before %v", one, one.Holds(now), one.Holds(before))
				}
			}
		})
	}
}

// TestCyclesSinceProperty: of random aliases that change at random, each circle is
// told that a change closed, and none that is none.
func TestCyclesSinceProperty(t *testing.T) {
	c, closed := newChanging(t, aliasingHouse), 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		a := randomAliases(rng)
		a.write(t, rng, c.folder)
		before, old := c.world(), a.clone()
		change := randomAliases(rng)
		for _, name := range slices.Sorted(maps.Keys(change)) {
			if a[name] = change[name]; rng.IntN(3) == 0 {
				delete(a, name)
			}
		}
		if len(a) == 0 {
			continue
		}
		a.write(t, rng, c.folder)
		found := explain.CyclesSince(t.Context(), before, c.world())
		told := map[string]bool{}
		for _, one := range found.Found {
			told[named(one.Text)] = true
			a.hold(t, one.Text)
		}
		for name := range a {
			all := a.round(name)
			is := a.leadsAnew(old, all)
			if is && !told[strings.Join(all, " ")] {
				t.Fatalf("seed %d: %v became %v: %v is not told, but %v", seed, old, a, all, told)
			}
			if is {
				closed++
			}
		}
		if !found.Whole {
			t.Error("a few aliases are too many")
		}
	}
	if closed < 100 {
		t.Errorf("%d changes are too few to prove anything", closed)
	}
}

// leadsAnew tells whether one of these names leads to another by a step that was not
// there. Among names that all lead to each other, every such step closes a circle;
// where there is none, the circles are only what others left.
func (a aliasing) leadsAnew(old aliasing, names []string) bool {
	return slices.ContainsFunc(names, func(from string) bool {
		return slices.ContainsFunc(a[from], func(to string) bool {
			return to != from && slices.Contains(names, to) && !slices.Contains(old[from], to)
		})
	})
}

// What is looked at is bounded, and says when that was not all; a look ends with
// its context.
func TestCyclesSinceBounds(t *testing.T) {
	c := newChanging(t, aliasingHouse)
	fill := func(n int, to string) {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d@ours.test %s%d@ours.test\n", i, to, i+1)
		}
		c.write("aliases", b.String())
	}
	fill(60_000, "z")
	before := c.world()
	c.write("aliases", "x@ours.test y@ours.test\ny@ours.test x@ours.test\n")
	if found := explain.CyclesSince(t.Context(), before, c.world()); found.Whole {
		t.Error("60 000 aliases that are gone were looked at")
	}
	fill(60_000, "a")
	if found := explain.CyclesSince(t.Context(), before, c.world()); found.Whole || len(found.Found) > 0 {
		t.Errorf("whole %v, %v", found.Whole, found.Found)
	}
	c.write("aliases", "x@ours.test y@ours.test\ny@ours.test x@ours.test\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found := explain.CyclesSince(ctx, before, c.world()); found.Whole || len(found.Found) > 0 {
		t.Errorf("after its end: %+v", found)
	}
}
