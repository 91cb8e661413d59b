package server

import (
	"context"
	"sync"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/table/file"
)

// generation is one configuration with its tables. A transaction pins both at
// once.
type generation struct {
	config  *config.Config
	tables  *file.Set
	sources []*source // of the remote tables, in order
	stop    context.CancelFunc
	watch   sync.WaitGroup
}

// openGeneration reads the tables of a configuration, and asks none that is
// remote. What did not change since the generation before is not read again, and
// what was asked before is still known. Changed is called for each table read.
func openGeneration(ctx context.Context, c *config.Config, before *generation, opts file.Options) *generation {
	g := &generation{config: c, stop: func() {}}
	var known []*source
	if before != nil {
		opts.Previous, known = before.tables, before.sources
	}
	defs := c.Definitions()
	for i, t := range c.Tables {
		if t.Remote == nil {
			continue
		}
		s := sourceOf(t, known, opts.Log)
		g.sources, defs[i].Remote = append(g.sources, s), s
	}
	g.tables = file.Open(ctx, defs, opts)
	return g
}

// run looks after the files until end.
func (g *generation) run() {
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.watch.Go(func() { g.tables.Run(ctx) })
}

// end stops looking after the files. Transactions that pinned the generation
// go on with what they have.
func (g *generation) end() {
	g.stop()
	g.watch.Wait()
}

func (g *generation) pin() receive.Generation {
	return receive.Generation{Config: g.config, View: g.tables.View()}
}
