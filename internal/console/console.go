package console

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of a request: what asks here sends nothing but a line and reads little.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 30 * time.Second
	maxHeader     = 8 << 10
)

// Listen opens an address; net.Listen with "tcp" is one.
type Listen func(network, address string) (net.Listener, error)

// Console serves one handler on a set of addresses that may change.
type Console struct {
	log    *slog.Logger
	listen Listen
	server *http.Server
	group  sync.WaitGroup

	mu   sync.Mutex // guards open
	open map[string]net.Listener
}

// New gives a console that listens nowhere yet. Close ends it.
func New(h http.Handler, listen Listen, log *slog.Logger) *Console {
	return &Console{
		log:    log,
		listen: listen,
		open:   make(map[string]net.Listener),
		server: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: headerTimeout,
			WriteTimeout:      writeTimeout,
			MaxHeaderBytes:    maxHeader,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}
}

// Bind makes the set of addresses the given one: it opens the new ones first,
// and closes the others only when all of them are open. After an error the set
// is as before.
func (c *Console) Bind(addresses []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := make(map[string]net.Listener)
	for _, a := range addresses {
		if c.open[a] != nil || fresh[a] != nil {
			continue
		}
		l, err := c.listen("tcp", a)
		if err != nil {
			for _, l := range fresh {
				l.Close()
			}
			return err
		}
		fresh[a] = l
	}
	c.drop(addresses)
	for a, l := range fresh {
		c.open[a] = l
		c.group.Go(func() { c.serve(l) })
	}
	return nil
}

// drop closes what stands in keep no more. Under c.mu.
func (c *Console) drop(keep []string) {
	wanted := make(map[string]bool, len(keep))
	for _, a := range keep {
		wanted[a] = true
	}
	for a, l := range c.open {
		if !wanted[a] {
			l.Close()
			delete(c.open, a)
		}
	}
}

func (c *Console) serve(l net.Listener) {
	err := c.server.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		c.log.Error("console stopped", "address", l.Addr().String(), "error", err)
	}
}

// Addrs are the addresses on which it listens, in no order.
func (c *Console) Addrs() []net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []net.Addr
	for _, l := range c.open {
		out = append(out, l.Addr())
	}
	return out
}

// Close stops listening and waits for requests under way until ctx ends.
func (c *Console) Close(ctx context.Context) error {
	err := c.server.Shutdown(ctx)
	c.group.Wait()
	return err
}
