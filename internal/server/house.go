package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/migrate"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/verify"
)

// house is what answers for the tables that the server itself keeps.
type house struct {
	moves func() table.Version // what `postroad migration` recorded
	ask   func(c *config.Config, view table.View) table.Source
}

// furnish puts them into a pinned view, where they stand last.
func (h house) furnish(g receive.Generation) receive.Generation {
	own := len(g.Config.Tables)
	for own > 0 && isOwn(g.Config.Tables[own-1]) {
		own--
	}
	if own == len(g.Config.Tables) || own >= len(g.View) {
		return g
	}
	g.View = slices.Clone(g.View)
	for i := own; i < len(g.View); i++ {
		switch kind := g.Config.Tables[i].Kind; kind {
		case decide.FormatMoves:
			g.View[i] = h.moves()
			g.View[i].Name = kind
		case decide.FormatAsk:
			g.View[i] = table.Version{Name: kind, Remote: h.ask(g.Config, g.View)}
		}
	}
	return g
}

func isOwn(t *config.Table) bool {
	return t.Kind == decide.FormatMoves || t.Kind == decide.FormatAsk
}

// errNotAsked is why a command without a server does not know who exists.
var errNotAsked = errors.New("only the running server asks transports; see --live")

// notAsked is the table of asked addresses without a server.
type notAsked struct{}

// Lookup answers "try later".
func (notAsked) Lookup(context.Context, string) table.Answer {
	return table.Answer{Status: table.TryLater, Cause: errNotAsked}
}

// offlineHouse answers from what stands in a data folder.
func offlineHouse(data string) house {
	return house{
		moves: func() table.Version {
			content, err := migrate.Read(data)
			if err != nil {
				return table.Version{Cause: err}
			}
			return table.Version{Content: content}
		},
		ask: func(*config.Config, table.View) table.Source { return notAsked{} },
	}
}

// house of the running server.
func (s *Server) house() house {
	return house{
		moves: func() table.Version { return table.Version{Content: s.book.Table()} },
		ask: func(c *config.Config, view table.View) table.Source {
			return verify.Source{Verifier: s.verifier, Config: c, View: view}
		},
	}
}

// Pin gives the current generation, configuration and tables together.
func (s *Server) Pin() receive.Generation { return s.house().furnish(s.current.Load().pin()) }

func (s *Server) pinTables() (*config.Config, table.View) {
	g := s.Pin()
	return g.Config, g.View
}

// openBook opens the book of migrations.
func (s *Server) openBook(context.Context, *config.Config) error {
	book, err := migrate.Open(migrate.Options{Dir: s.data, Log: s.log})
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	s.book = book
	s.onStop("migrations", func(context.Context) error { return book.Close() })
	return nil
}

// openVerifier opens the answers about recipients.
func (s *Server) openVerifier(context.Context, *config.Config) error {
	s.verifier = verify.New(verify.Options{Prober: s.deliverer, Dir: s.data, Log: s.log})
	s.onStop("verify", func(context.Context) error { return s.verifier.Close() })
	return nil
}

// homes tells the book what deliver is told.
type homes struct{ s *Server }

// Told counts.
func (h homes) Told(e deliver.HomeEvent) {
	h.s.book.Tell(migrate.Event{
		Domain: e.Domain, Address: e.Address, Side: e.Side, State: e.State, Unknown: e.Unknown, Only: e.Only, Percent: e.Percent,
	})
}
