package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/console"
	"github.com/postroad/postroad/internal/deliver"
	"github.com/postroad/postroad/internal/migrate"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/receive"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table/file"
	"github.com/postroad/postroad/internal/verify"
)

// Server is one running postroad. Its methods may be called by several
// goroutines once Start has returned.
type Server struct {
	opts    Options
	log     *slog.Logger
	level   *slog.LevelVar // nil: the log is the caller's
	data    string
	started time.Time

	current   atomic.Pointer[generation]
	resolvers *resolvers
	markKey   []byte
	store     spool.Store
	deliverer *deliver.Deliverer
	book      *migrate.Book
	verifier  *verify.Verifier
	runner    *queue.Runner
	pauses    *pauses
	circles   *circles
	receiver  *receive.Server
	doors     *doors
	console   *console.Console

	reloading sync.Mutex // one reload at a time
	reloads   reloadCounts
	retired   retired      // guarded by reloading
	state     atomic.Int32 // of the life below
	stops     []stop       // in the order of the start
}

// States of a server's life.
const (
	stateNew int32 = iota
	stateServing
	stateDraining
	stateStopped
)

// stop undoes one step of the start.
type stop struct {
	what string
	do   func(context.Context) error
}

var (
	errDraining = errors.New("draining")
	errNotYet   = errors.New("not started")
	errData     = errors.New("the data folder cannot change while the server runs")
)

// New makes a server that has touched nothing yet.
func New(o Options) *Server { return &Server{opts: o.withDefaults()} }

// Start reads the configuration and serves. Its error is config.Diagnostics when
// the configuration does not load. After an error nothing is left open.
func (s *Server) Start(ctx context.Context) error {
	c, err := load(s.opts.ConfigPath)
	if err != nil {
		return err
	}
	s.data = c.Data
	if s.opts.Data != "" {
		s.data = s.opts.Data
	}
	s.openLog(c)
	for _, step := range s.steps() {
		if err := step(ctx, c); err != nil {
			return errors.Join(err, s.undo(ctx))
		}
	}
	s.started = time.Now()
	s.state.Store(stateServing)
	s.log.Info("serving", "generation", c.Generation, "hostname", string(c.Hostname), "data", s.data, "version", s.opts.Version)
	return nil
}

// steps is the order of the start; the stop goes back through it. The ways in
// are opened last, so that what comes in finds everything there.
func (s *Server) steps() []func(context.Context, *config.Config) error {
	return []func(context.Context, *config.Config) error{
		s.openSpool, s.openTables, s.openBook, s.openDelivery, s.openVerifier, s.openQueue, s.openSessions, s.openConsole, s.openControl,
		s.openCircles,
	}
}

func (s *Server) openLog(c *config.Config) {
	if s.log = s.opts.Log; s.log == nil {
		s.log, s.level = newLog(s.opts.Output, c.Log)
	}
}

func (s *Server) openSpool(_ context.Context, c *config.Config) error {
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	o := s.opts.Spool
	o.Dir, o.Log = filepath.Join(s.data, "spool"), s.log
	if o.MinFree == 0 {
		o.MinFree = c.MinFree
	}
	store, err := spool.Open(o)
	if err != nil {
		if !errors.Is(err, spool.ErrLocked) {
			err = fmt.Errorf("%w; `postroad spool check` tells what is damaged, `spool repair` brings back what can be read", err)
		}
		return fmt.Errorf("spool in %s: %w", o.Dir, err)
	}
	s.store = store
	s.onStop("spool", func(context.Context) error { return store.Close() })
	s.markKey, err = markKey(privateFiles{vfs.Default}, s.data)
	return err
}

func (s *Server) openTables(ctx context.Context, c *config.Config) error {
	s.circles = newCircles(s.log, s.Pin)
	g := openGeneration(ctx, c, nil, s.tableOptions())
	g.run()
	s.current.Store(g)
	s.onStop("tables", func(context.Context) error {
		s.reloading.Lock() // one that had begun ends first
		defer s.reloading.Unlock()
		s.current.Load().end()
		return errors.Join(s.current.Load().close(), s.retired.close())
	})
	return nil
}

func (s *Server) tableOptions() file.Options {
	return file.Options{Log: s.log, Changed: s.circles.look}
}

// openCircles begins to look for circles of aliases, once mail can come in.
func (s *Server) openCircles(context.Context, *config.Config) error {
	s.circles.start()
	s.onStop("circles", func(context.Context) error { s.circles.stop(); return nil })
	return nil
}

// openDelivery makes the sessions' server too, since what is taken in again goes
// its way in.
func (s *Server) openDelivery(_ context.Context, c *config.Config) error {
	s.receiver = receive.New(receive.Options{Store: s.store, Generations: s, Log: s.log, MarkKey: s.markKey})
	s.resolvers = newResolvers(s.opts.Resolver)
	s.resolvers.update(c)
	s.deliverer = deliver.New(deliver.Options{
		Pin: s.pinTables, Homes: homes{s}, Resolvers: s.resolvers.get, MarkKey: s.markKey, Log: s.log,
		Reinjector: receive.NewReinjector(s.receiver.Acceptor(), s),
		Dial:       s.opts.Dial, Interfaces: s.opts.Interfaces, Roots: s.opts.Roots,
	})
	s.onStop("deliver", func(context.Context) error { return s.deliverer.Close() })
	return nil
}

func (s *Server) openQueue(context.Context, *config.Config) (err error) {
	if s.pauses, err = openPauses(privateFiles{vfs.Default}, s.data); err != nil {
		return err
	}
	s.runner = queue.NewRunner(queue.Options{
		Store: s.store, Deliverer: s.deliverer, Profiles: profiles{s.config}, Log: s.log,
		Notifier: receive.NewNotifier(s.receiver.Acceptor(), s),
		Paused:   func(l spool.Lane) bool { return s.pauses.covering(l) != nil },
	})
	if err := s.runner.Start(); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	s.onStop("queue", s.runner.Stop)
	return nil
}

func (s *Server) openSessions(_ context.Context, c *config.Config) error {
	s.doors = newDoors(s.opts.Listen, s.serve)
	ch, err := s.doors.prepare(c)
	if err != nil {
		return err
	}
	ch.commit()
	s.onStop("sessions", s.Drain)
	return nil
}

// serve serves one door until it is closed.
func (s *Server) serve(ln net.Listener, listener string) {
	s.log.Info("listening", "listener", listener, "address", ln.Addr().String())
	if err := s.receiver.Serve(ln, listener); err != nil {
		s.log.Error("listener stopped", "listener", listener, "address", ln.Addr().String(), "error", err)
	}
}

func (s *Server) openConsole(_ context.Context, c *config.Config) error {
	s.console = console.New(console.Handler(s.metrics(), s), s.opts.Listen, s.log)
	s.onStop("console", s.console.Close)
	return s.console.Bind(consoleBinds(c))
}

func consoleBinds(c *config.Config) []string {
	if c.Console == nil {
		return nil
	}
	return c.Console.Bind
}

func (s *Server) onStop(what string, do func(context.Context) error) {
	s.stops = append(s.stops, stop{what, do})
}

// Drain takes no more mail: it stops listening and waits for the sessions to end
// their transactions. When ctx ends first they are cut. The queue goes on.
func (s *Server) Drain(ctx context.Context) error {
	s.state.CompareAndSwap(stateServing, stateDraining)
	err := s.receiver.Shutdown(ctx)
	s.doors.close()
	return err
}

// Stop drains and ends everything. When ctx ends first, what is under way is cut;
// it stays in the queue. The error is the first that a step gave.
func (s *Server) Stop(ctx context.Context) error {
	if s.state.Swap(stateStopped) == stateStopped {
		return nil
	}
	err := s.undo(ctx)
	if err != nil {
		s.log.Warn("stopped", "error", err)
	} else {
		s.log.Info("stopped")
	}
	return err
}

// undo goes back through the steps that were done.
func (s *Server) undo(ctx context.Context) error {
	var all error
	for i := len(s.stops) - 1; i >= 0; i-- {
		if err := s.stops[i].do(ctx); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", s.stops[i].what, err))
		}
	}
	s.stops = nil
	return all
}

func (s *Server) config() *config.Config { return s.current.Load().config }

// Health is nil while mail can be accepted and kept.
func (s *Server) Health() error { return s.store.Health().Err }

// Ready is nil while the server takes mail.
func (s *Server) Ready() error {
	switch s.state.Load() {
	case stateServing:
		return s.Health()
	case stateNew:
		return errNotYet
	}
	return errDraining
}

// Log is where the server writes, once Start was called.
func (s *Server) Log() *slog.Logger { return s.log }

// Addrs gives the addresses on which a listener listens.
func (s *Server) Addrs(listener string) []net.Addr { return s.doors.addrs(listener) }

// ConsoleAddrs gives the addresses on which the console listens.
func (s *Server) ConsoleAddrs() []net.Addr { return s.console.Addrs() }

// Store gives the spool, for tests and the demo.
func (s *Server) Store() spool.Store { return s.store }

// DataFolder is where the control socket is.
func (s *Server) DataFolder() string { return s.data }
