package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table/file"
)

// Offline is a configuration with its tables, without a server: what check and
// route work with. Nothing is opened but files, read once.
type Offline struct {
	Config      *config.Config
	Diagnostics config.Diagnostics
	Tables      *file.Set // nil when the configuration has errors
}

// OpenOffline reads the configuration at path and, when it loads, its tables.
func OpenOffline(ctx context.Context, path string) *Offline {
	o := &Offline{}
	o.Config, o.Diagnostics = config.Load(path, config.Options{})
	if !o.Diagnostics.HasErrors() {
		o.Tables = openGeneration(ctx, o.Config, nil, file.Options{Log: slog.New(slog.DiscardHandler)}).tables
	}
	return o
}

// Subject gives what check works on.
func (o *Offline) Subject() explain.Subject {
	s := explain.Subject{Config: o.Config, Diagnostics: o.Diagnostics}
	if o.Tables != nil {
		g := &generation{config: o.Config, tables: o.Tables}
		s.View, s.Tables = offlineHouse(o.Config.Data).furnish(g.pin()).View, o.Tables.Status()
	}
	return s
}

// Source gives what route answers from, as the server at this configuration
// would. The error is *InvalidConfig, or that of a mark key that is not one.
func (o *Offline) Source() (explain.Source, error) {
	if o.Tables == nil {
		return explain.Source{}, &InvalidConfig{Diagnostics: o.Diagnostics, Sources: o.Config.Sources}
	}
	g := &generation{config: o.Config, tables: o.Tables}
	r := newResolvers(newResolver)
	r.update(o.Config)
	src := explain.Source{Generation: offlineHouse(o.Config.Data).furnish(g.pin()), Planner: &deliver.Planner{Resolvers: r.get, Shuffle: shuffle}}
	key, err := readMarkKey(vfs.Default, o.Config.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return src, err
	}
	src.MarkKey = key
	list, err := readPauses(vfs.Default, o.Config.Data)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return src, err
	}
	src.Paused = func(l spool.Lane) *queue.Pause { return covering(list, l) }
	return src, nil
}

func shuffle(n int, swap func(i, j int)) { rand.Shuffle(n, swap) }
