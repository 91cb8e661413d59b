package config

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/file"
)

// networked is a table that knows for which networks it can answer.
type networked interface{ Networks() []netip.Prefix }

// relayGuard holds the cidr tables that grant relay, all together, against what
// OpenRelay allows, whenever one of them is read again: a configuration that
// loaded must not become an open relay by a line in a file.
type relayGuard struct {
	mu    sync.Mutex // guards rules.Tables
	rules decide.Rules
}

// guardRelay puts the guard into the definitions of the tables that it looks
// after.
func (c *Config) guardRelay(defs []file.Definition) {
	if c.Rules == nil {
		return
	}
	g := &relayGuard{rules: *c.Rules}
	g.rules.Tables = slices.Clone(c.Rules.Tables)
	for _, r := range c.Rules.Relay {
		if id := r.Match.ClientTable; id != decide.NoTable && c.Tables[id].Format == "cidr" {
			defs[id].Check = func(content table.Resident) error { return g.check(id, content) }
		}
	}
}

// check refuses content with which unknown clients could send to any domain; it
// remembers what it let pass.
func (g *relayGuard) check(id decide.TableID, content table.Resident) error {
	n, is := content.(networked)
	if !is {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.rules.Tables[id].Networks
	g.rules.Tables[id].Networks = n.Networks()
	if refs := decide.OpenRelay(&g.rules); len(refs) > 0 {
		g.rules.Tables[id].Networks = before
		return fmt.Errorf("an open relay: with it unknown clients could send to any domain by %s (%s)", refs[0].Name, refs[0].Source)
	}
	return nil
}
