package server

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/postroad/postroad/internal/config"
)

// reloadCounts for the metrics.
type reloadCounts struct{ done, failed atomic.Int64 }

// Reload reads the configuration anew. Either everything is taken over, or
// nothing is and the error says why. Sessions go on under the generation that
// their transaction began with.
func (s *Server) Reload(ctx context.Context) (string, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	c, err := s.reload(ctx)
	if err != nil {
		s.reloads.failed.Add(1)
		s.log.Error("reload failed, the configuration stays as it was", "generation", s.config().Generation, "error", err)
		return "", err
	}
	s.reloads.done.Add(1)
	s.log.Info("reloaded", "generation", c.Generation)
	return c.Generation, nil
}

// reload prepares everything that can fail, and only then changes anything.
func (s *Server) reload(ctx context.Context) (c *config.Config, err error) {
	if s.state.Load() != stateServing {
		return nil, errDraining
	}
	if c, err = load(s.opts.ConfigPath); err != nil {
		return nil, err
	}
	if s.opts.Data == "" && c.Data != s.data {
		return nil, fmt.Errorf("%w: it is %s", errData, s.data)
	}
	before := s.current.Load()
	g := openGeneration(ctx, c, before, s.tableOptions())
	defer func() {
		if err != nil {
			s.retired.take(g, before, time.Now())
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err // tables may not have been read to their end
	}
	ch, err := s.doors.prepare(c)
	if err != nil {
		return nil, err
	}
	if err := s.console.Bind(consoleBinds(c)); err != nil {
		ch.cancel()
		return nil, fmt.Errorf("console: %w", err)
	}
	s.resolvers.update(c)
	g.run()
	s.current.Store(g)
	ch.commit()
	before.end()
	s.retired.take(before, g, time.Now())
	if s.level != nil {
		s.level.Set(levelOf(c.Log))
	}
	s.runner.Reload()
	s.circles.look()
	return c, nil
}

// InvalidConfig is a configuration that does not load.
type InvalidConfig struct {
	Diagnostics config.Diagnostics
	Sources     map[string][]byte
}

// Error shows each error with its line.
func (e *InvalidConfig) Error() string {
	var b strings.Builder
	for i, d := range e.errors() {
		if i > 0 {
			b.WriteByte('\n')
		}
		d.Render(&b, e.Sources) // a Builder takes everything
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (e *InvalidConfig) errors() config.Diagnostics {
	var out config.Diagnostics
	for _, d := range e.Diagnostics {
		if d.Severity == config.Error {
			out = append(out, d)
		}
	}
	return out
}

// load reads a configuration for a server.
func load(path string) (*config.Config, error) {
	c, ds := config.Load(path, config.Options{Serving: true})
	if ds.HasErrors() {
		return nil, &InvalidConfig{Diagnostics: ds, Sources: c.Sources}
	}
	return c, nil
}
