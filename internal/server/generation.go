package server

import (
	"context"
	"log/slog"
	"sync"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/table/file"
)

// generation is one configuration with its tables. A transaction pins both at
// once.
type generation struct {
	config *config.Config
	tables *file.Set
	stop   context.CancelFunc
	watch  sync.WaitGroup
}

// openGeneration reads the tables of a configuration. What did not change since
// the generation before is not read again.
func openGeneration(ctx context.Context, c *config.Config, before *generation, log *slog.Logger) *generation {
	opts := file.Options{Log: log}
	if before != nil {
		opts.Previous = before.tables
	}
	return &generation{config: c, tables: file.Open(ctx, c.Definitions(), opts), stop: func() {}}
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
