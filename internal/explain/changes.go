package explain

import (
	"context"
	"slices"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// Bounds of the look for cycles that a running server takes at each change: about
// a second of one processor where all of them are reached.
const (
	mostCompared  = 200_000 // entries of tables before and after
	mostEntries   = 100_000 // of tables of aliases, where the configuration changed
	mostFollowed  = 50_000  // aliases that lead to aliases
	mostBeginning = 20_000  // of them that changed
	mostTurns     = 50_000  // steps to find further circles by
)

// World is a configuration with its tables, as a transaction pins them.
type World struct {
	Config *config.Config
	View   table.View
}

// Cycle is addresses that lead to each other: mail for one of them comes back.
type Cycle struct {
	Rule   string // of the first step
	Source string
	Text   string // circles and addresses, a line each
	way    []decide.Place
}

// Cycles is what a change may have closed.
type Cycles struct {
	Found []Cycle
	Whole bool // all that changed was looked at
}

// CyclesSince follows the addresses of which something changed: all keys of tables
// with another value, and where the configuration itself changed all that may lead
// on. Before may be the zero World. What it takes is bounded, whatever changed; it
// ends early with ctx.
func CyclesSince(ctx context.Context, before, now World) Cycles {
	c := newChange(ctx, before, now)
	if c.everything() {
		for _, p := range c.roots() {
			c.found.from(p)
		}
	}
	c.follow()
	out := Cycles{Whole: !c.paths.tooMany && !c.found.tooMany && !c.cut && c.found.untold == 0}
	for _, u := range c.found.found {
		at := u.at()
		out.Found = append(out.Found, Cycle{Rule: at.Name, Source: at.Source, Text: u.text(), way: u.found[0]})
	}
	return out
}

// Holds tells whether the shortest circle of a cycle that was found is still there.
func (c Cycle) Holds(now World) bool {
	g := now.paths()
	for i, p := range c.way {
		if _, to := g.onward(p); !slices.Contains(to, c.way[(i+1)%len(c.way)]) {
			return false
		}
	}
	return true
}

func (w World) paths() *paths {
	return newPaths(&subject{rules: w.Config.Rules, snapshot: w.Config.Snapshot, view: w.View})
}

// change is a look at what is different.
type change struct {
	*paths
	before, now World
	found       *tangles
	compared    int
	begun       int
	cut         bool // there was more
}

func newChange(ctx context.Context, before, now World) *change {
	g := now.paths()
	g.most, g.entries, g.ctx = mostBeginning, mostEntries, ctx
	c := &change{paths: g, before: before, now: now, found: newTangles(g, mostFollowed)}
	c.found.left = mostTurns
	return c
}

// everything tells whether it is not enough to look at keys of tables: other rules,
// other names of domains, or other ways of rewriting may lead from anywhere to
// anywhere.
func (c *change) everything() bool {
	if c.before.Config == nil || c.before.Config.Generation != c.now.Config.Generation {
		return true
	}
	for _, r := range c.rules.Rewrites {
		if r.Recipient && c.isNew(r.Table) {
			return true
		}
	}
	return slices.ContainsFunc(c.rules.Templates, func(t decide.Template) bool { return c.isNew(t.From) })
}

// isNew tells whether a table has other content than before.
func (c *change) isNew(id decide.TableID) bool {
	return id >= 0 && c.content(id) != nil && c.content(id) != c.old(id)
}

// old gives the content that a table had; nil for none.
func (c *change) old(id decide.TableID) table.Resident {
	name := c.rules.Tables[id].Name
	i := slices.IndexFunc(c.before.View, func(v table.Version) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return c.before.View[i].Content
}

// follow follows the keys that changed.
func (c *change) follow() {
	for _, t := range append(c.tables(), c.membership()...) {
		if c.isNew(t.id) {
			c.compare(t, func(a mail.Address) { c.begin(placed(a, false)) })
		}
	}
	for i := range c.rules.Lists {
		if l := &c.rules.Lists[i]; c.isNew(l.Table) {
			c.begin(placed(l.Address, false))
		}
	}
}

// membership is tables that tell who exists, where others get mail for those who
// do not, and which side of a migration has them.
func (c *change) membership() aliasings {
	var out aliasings
	for i := range c.rules.Domains {
		d := &c.rules.Domains[i]
		if len(d.CatchAll) > 0 || d.AliasTable != decide.NoTable {
			out.add(d.MailboxTable, d.Name)
		}
		if d.Migration != nil && len(d.Migration.Forwards) > 0 {
			out.add(d.Migration.Moved, d.Name)
		}
	}
	for _, t := range c.rules.Templates {
		if t.CatchAll != "" || t.AliasTable != decide.NoTable {
			out.add(t.MailboxTable, "")
		}
		if t.Migration != nil && len(t.Migration.Forwards) > 0 {
			out.add(t.Migration.Moved, "")
		}
	}
	return out
}

// begin follows a place.
func (c *change) begin(p decide.Place) {
	if c.begun++; c.begun > mostBeginning || c.ctx.Err() != nil {
		c.cut = true
		return
	}
	c.found.from(p)
}

// compare finds the keys of a table that are new, gone, or have another value.
func (c *change) compare(t aliasing, add func(mail.Address)) {
	before, now := c.old(t.id), c.content(t.id)
	c.each(now, func(key string, a table.Answer) {
		if before == nil {
			t.addresses(key, add)
			return
		}
		if old := before.Lookup(key); old.Status != a.Status || !slices.Equal(old.Values, a.Values) {
			t.addresses(key, add)
		}
	})
	c.each(before, func(key string, _ table.Answer) {
		if now.Lookup(key).Status != table.Found {
			t.addresses(key, add)
		}
	})
}

// each goes over the entries of a table, as long as there is patience.
func (c *change) each(content table.Resident, f func(key string, a table.Answer)) {
	all, is := content.(lister)
	if !is {
		return
	}
	all.Each(func(key string, a table.Answer) bool {
		if c.compared++; c.compared > mostCompared || c.cut || c.ctx.Err() != nil {
			c.cut = true
			return false
		}
		f(key, a)
		return true
	})
}
