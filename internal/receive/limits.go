package receive

import (
	"net/netip"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
)

// Values for what a listener does not say.
const (
	defaultTimeout     = 5 * time.Minute // RFC 5321 s4.5.3.2.7
	defaultDataTimeout = 3 * time.Minute // RFC 5321 s4.5.3.2.5
	defaultMessageSize = 50 << 20
	defaultRecipients  = 1000 // RFC 5321 s4.5.3.1.8 asks for 100 at least
	defaultConnections = 1000
	defaultPerClient   = 100
	defaultErrors      = 20
	maxAuthFailures    = 3
	maxIdleCommands    = 100 // that do nothing, between two messages
	handshakeTimeout   = time.Minute
)

// withDefaults fills in what the listener leaves open.
func withDefaults(l config.Listener) config.Listener {
	if l.Timeout <= 0 {
		l.Timeout = defaultTimeout
	}
	if l.DataTimeout <= 0 {
		l.DataTimeout = defaultDataTimeout
	}
	setDefault(&l.MaxMessageSize, defaultMessageSize)
	setDefault(&l.MaxRecipients, defaultRecipients)
	setDefault(&l.MaxConnections, defaultConnections)
	setDefault(&l.MaxPerClient, defaultPerClient)
	setDefault(&l.MaxErrors, defaultErrors)
	return l
}

func setDefault[T int | int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// gate counts the open connections of a server by listener and by client.
type gate struct {
	mu      sync.Mutex // guards the counts
	all     map[string]int
	clients map[clientKey]int
}

type clientKey struct {
	listener string
	client   netip.Prefix
}

func newGate() *gate {
	return &gate{all: map[string]int{}, clients: map[clientKey]int{}}
}

// exempt lifts the limit on one client for those whose network a relay rule
// names: a hub of our own opens as many connections as it has mail, and is held
// by the listener's limit only (Postfix excepts mynetworks likewise).
func exempt(door config.Listener, gen Generation, client netip.Addr) config.Listener {
	if gen.Config.Snapshot != nil && gen.Config.Snapshot.IsPartner(client) {
		door.MaxPerClient = door.MaxConnections
	}
	return door
}

// enter counts a connection in, or tells that a limit is reached.
func (g *gate) enter(door config.Listener, client netip.Addr) bool {
	k := clientKey{door.Name, network(client)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all[door.Name] >= door.MaxConnections || g.clients[k] >= door.MaxPerClient {
		return false
	}
	g.all[door.Name]++
	g.clients[k]++
	return true
}

// leave counts it out again.
func (g *gate) leave(door config.Listener, client netip.Addr) {
	k := clientKey{door.Name, network(client)}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all[door.Name]--
	if g.clients[k]--; g.clients[k] <= 0 {
		delete(g.clients, k)
	}
}

// network is what counts as one client: an IPv4 address, or the /64 that one
// IPv6 host can choose from.
func network(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // an invalid address gives the zero prefix
	return p
}

// mayConnect tells whether the listener lets the client in at all.
func mayConnect(door config.Listener, client netip.Addr) bool {
	if len(door.Client) == 0 {
		return true
	}
	for _, p := range door.Client {
		if p.Contains(client) {
			return true
		}
	}
	return false
}
