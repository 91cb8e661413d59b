package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/queue"
	"github.com/postroad/postroad/internal/smtp"
	"github.com/postroad/postroad/internal/table"
)

// Options of a Deliverer. Only Resolvers, and Configs or Pin, must be set.
type Options struct {
	// Configs gives the current configuration; it is asked once an attempt.
	Configs func() *config.Config
	// Pin gives the current configuration with the versions of its tables, which
	// tell where mailboxes under migration live; nil: Configs, without tables.
	Pin func() (*config.Config, table.View)
	// Homes is told what became of mail for them; nil: nobody is.
	Homes Homes
	// Resolvers gives the resolver of that name; "" is the default one.
	Resolvers func(name string) dns.Resolver
	// Reinjector takes mail in again; nil: what needs it waits.
	Reinjector Reinjector
	// MarkKey of the loop marks; nil: none are written.
	MarkKey []byte
	// Log takes what goes wrong and, at debug, a line for each recipient; nil: none.
	Log *slog.Logger
	// Dial opens a connection from source, which may be zero; nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string, source netip.Addr) (net.Conn, error)
	// Shuffle draws the order of equals; nil: math/rand.
	Shuffle func(n int, swap func(i, j int))
	// Interfaces gives the addresses of this machine; nil: net.InterfaceAddrs.
	Interfaces func() []netip.Addr
	// Roots for transports with tls = "verify"; nil: the system's.
	Roots *x509.CertPool
}

// Counters of what was done since the start.
type Counters struct {
	Attempts      atomic.Int64
	Delivered     atomic.Int64 // recipients
	Deferred      atomic.Int64
	Failed        atomic.Int64
	Moved         atomic.Int64 // gone on to the other side of a migration
	Connects      atomic.Int64
	ConnectErrors atomic.Int64
	Reused        atomic.Int64
	Handshakes    atomic.Int64 // TLS
	TLSFallbacks  atomic.Int64 // offered TLS failed, went on in the clear
	Panics        atomic.Int64
}

// Deliverer is a queue.Deliverer. It is safe for several goroutines.
type Deliverer struct {
	o       Options
	planner *Planner
	pool    *pool
	hooks   *hooks
	buffers *smtp.Buffers
	fs      fileSystem
	files   atomic.Int64 // maildir files made, for their names
	// Sessions of verified and of unverified TLS never mix: to resume one is to
	// trust what was checked when it began.
	sessions [2]tls.ClientSessionCache
	counters Counters
}

var _ queue.Deliverer = (*Deliverer)(nil)

// New gives a Deliverer; Close ends it.
func New(o Options) *Deliverer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = dialNet
	}
	if o.Pin == nil {
		o.Pin = func() (*config.Config, table.View) { return o.Configs(), nil }
	}
	if o.Shuffle == nil {
		o.Shuffle = rand.Shuffle
	}
	d := &Deliverer{
		o:        o,
		planner:  &Planner{Resolvers: o.Resolvers, Shuffle: o.Shuffle, Interfaces: o.Interfaces},
		pool:     newPool(),
		buffers:  smtp.NewBuffers(),
		fs:       osFiles{},
		sessions: [2]tls.ClientSessionCache{tls.NewLRUClientSessionCache(0), tls.NewLRUClientSessionCache(0)},
	}
	d.hooks = newHooks(d)
	return d
}

// Counters since the start.
func (d *Deliverer) Counters() *Counters { return &d.counters }

// Close closes the connections that are kept. Attempts under way end by their
// context and keep nothing more.
func (d *Deliverer) Close() error {
	d.pool.close()
	d.hooks.close()
	return nil
}

// dialNet is the Dial of the real network.
func dialNet(ctx context.Context, network, address string, source netip.Addr) (net.Conn, error) {
	nd := net.Dialer{KeepAlive: -1} // each wait has its deadline
	if source.IsValid() {
		nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	return nd.DialContext(ctx, network, address)
}

// elapsed in whole milliseconds, for the log.
func elapsed(since time.Time) int64 { return time.Since(since).Milliseconds() }
