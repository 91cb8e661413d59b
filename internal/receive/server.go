package receive

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/directory"
	"github.com/postroad/postroad/internal/spool"
	"github.com/postroad/postroad/internal/table"
)

// Generation is what a transaction is judged by, pinned from MAIL to the end of
// data.
type Generation struct {
	Config *config.Config
	View   table.View
}

// Generations gives the current generation. Pin neither blocks nor fails.
type Generations interface {
	Pin() Generation
}

// Options of a Server.
type Options struct {
	Store       spool.Store
	Generations Generations
	Log         *slog.Logger
	Counters    *Counters     // nil: the server's own
	MarkKey     []byte        // key of the loop marks; nil: none are written or looked at
	Lookups     time.Duration // for the answers of remote tables to one command; 0: 20s
}

// Server serves SMTP on any number of listeners.
type Server struct {
	generations  Generations
	log          *slog.Logger
	counters     *Counters
	acceptor     *Acceptor
	gate         *gate
	directories  *directory.Directories
	certificates *certificates
	buffers      buffers

	mu       sync.Mutex // guards what follows
	shut     bool       // no door is opened any more
	closing  bool       // nobody is let in any more
	doors    map[net.Listener]struct{}
	serving  sync.WaitGroup // of doors, entered under mu while shut is false
	conns    map[*conn]context.CancelFunc
	sessions sync.WaitGroup // entered under mu while closing is false
}

// New makes a server; it listens to nothing yet.
func New(o Options) *Server {
	if o.Counters == nil {
		o.Counters = &Counters{}
	}
	return &Server{
		generations:  o.Generations,
		log:          o.Log,
		counters:     o.Counters,
		acceptor:     NewAcceptor(o),
		gate:         newGate(),
		directories:  directory.New(o.Log),
		certificates: newCertificates(o.Log),
		doors:        map[net.Listener]struct{}{},
		conns:        map[*conn]context.CancelFunc{},
	}
}

// Counters gives what the server counts.
func (s *Server) Counters() *Counters { return s.counters }

// Acceptor gives the one way in, for mail that comes by another door.
func (s *Server) Acceptor() *Acceptor { return s.acceptor }

// Serve accepts connections for the listener of that name until ln is closed
// or the server shuts down, which gives nil. Each connection is served by
// what the current generation says of the listener.
func (s *Server) Serve(ln net.Listener, name string) error {
	if !s.enterDoor(ln) {
		ln.Close()
		return nil
	}
	defer s.leaveDoor(ln)
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			s.start(c, name)
		case errors.Is(err, net.ErrClosed):
			return nil
		case temporary(err):
			// Out of descriptors, or the client is gone already: others go on,
			// and a loop that spins would make it worse.
			s.log.Warn("accept failed", "listener", name, "error", err)
			time.Sleep(50 * time.Millisecond)
		default:
			return err
		}
	}
}

// temporary: net has no other word for EMFILE and ECONNABORTED.
func temporary(err error) bool {
	var ne interface{ Temporary() bool }
	return errors.As(err, &ne) && ne.Temporary()
}

// ServeConn serves one connection as if the listener of that name had accepted
// it, and returns when the session has ended.
func (s *Server) ServeConn(nc net.Conn, name string) {
	if c, ctx, ok := s.enter(nc); ok {
		s.serve(ctx, c, name)
	}
}

func (s *Server) start(nc net.Conn, name string) {
	if c, ctx, ok := s.enter(nc); ok {
		go s.serve(ctx, c, name)
	}
}

// enter registers a connection, unless the server is shutting down.
func (s *Server) enter(nc net.Conn) (*conn, context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		nc.Close()
		return nil, nil, false
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &conn{Conn: nc, writeTimeout: defaultTimeout}
	s.conns[c] = cancel
	s.sessions.Add(1)
	return c, ctx, true
}

func (s *Server) leave(c *conn) {
	c.Close()
	s.mu.Lock()
	cancel := s.conns[c]
	delete(s.conns, c)
	s.mu.Unlock()
	cancel()
	s.sessions.Done()
}

// serve holds one connection against the listener's limits and runs its
// session.
func (s *Server) serve(ctx context.Context, c *conn, name string) {
	defer s.leave(c)
	s.counters.Connections.Add(1)
	gen := s.generations.Pin()
	door, ok := findListener(gen.Config, name)
	if !ok {
		return // the listener went away with a reload
	}
	client := addrOf(c.RemoteAddr())
	sess := newSession(s, c, door, client)
	defer sess.release()
	if !mayConnect(door, client) {
		sess.turnAway(554, "5.7.1", "Access denied")
		return
	}
	if !s.gate.enter(exempt(door, gen, client), client) {
		sess.turnAway(421, "4.7.0", "too many connections, try again later")
		return
	}
	defer s.gate.leave(door, client)
	s.counters.Sessions.Add(1)
	defer s.counters.Sessions.Add(-1)
	sess.run(ctx, gen)
}

func findListener(c *config.Config, name string) (config.Listener, bool) {
	for _, l := range c.Listeners {
		if l.Name == name {
			return withDefaults(*l), true
		}
	}
	return config.Listener{}, false
}

// addrOf is the peer's address, an IPv4-mapped one as IPv4; invalid when the
// connection has none.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// Shutdown stops listening, ends idle sessions with 421 and waits for the others
// to end their transaction. When ctx ends first their connections are cut, and
// its error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.beginShutdown()
	defer s.directories.Close()
	done := make(chan struct{})
	go func() { s.sessions.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c, cancel := range s.conns {
		cancel()
		c.Close()
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

// beginShutdown closes the doors before the sessions are told, so that whoever
// was let in is told as well.
func (s *Server) beginShutdown() {
	s.mu.Lock()
	s.shut = true
	for ln := range s.doors {
		ln.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c := range s.conns {
		c.interrupt()
	}
}

func (s *Server) enterDoor(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return false
	}
	s.doors[ln] = struct{}{}
	s.serving.Add(1)
	return true
}

func (s *Server) leaveDoor(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.doors, ln)
	s.serving.Done()
}
