package dns

import (
	"context"
	"net"
	"time"

	"github.com/miekg/dns"
)

// Bounds of the cache and of a question.
const (
	defaultTimeout = 5 * time.Second
	defaultEntries = 50_000
	maxTTL         = 24 * time.Hour
	maxNegativeTTL = time.Hour       // RFC 2308 s5 suggests one to three hours
	failureTTL     = 5 * time.Second // RFC 2308 s7 allows five minutes; mail retries sooner
	maxChain       = 10              // CNAMEs of one question
	udpSize        = 1232            // fits every path without fragments
	minTries       = 3
	maxTries       = 6
)

// Exchanger carries one query to one server and gives the reply to it. Network
// is "udp" or "tcp". It obeys ctx, returns only replies that carry the id and the
// question of q, and leaves q as it is. Tests put faults here.
type Exchanger interface {
	Exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error)
}

// Options of a Stub. The zero Options ask the system's servers.
type Options struct {
	Servers []string      // ip or ip:port; nil: those of /etc/resolv.conf, read once
	TrustAD bool          // the servers validate and the path to them is trusted
	Timeout time.Duration // for a whole question, all servers and retries; 0: 5s
	Entries int           // most questions kept; 0: 50 000

	Exchange Exchanger        // nil: the network
	Clock    func() time.Time // ages the cache; nil: time.Now
}

// complete fills what was left open.
func (o Options) complete() Options {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Entries <= 0 {
		o.Entries = defaultEntries
	}
	if o.Exchange == nil {
		o.Exchange = wire{}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Servers == nil {
		o.Servers = systemServers("/etc/resolv.conf")
	}
	servers := make([]string, len(o.Servers))
	for i, s := range o.Servers {
		servers[i] = withPort(s)
	}
	o.Servers = servers
	return o
}

// withPort adds the port of DNS where server names none.
func withPort(server string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(server, "53")
}

// systemServers reads a resolv.conf(5). Without one, or without a server in it,
// the answer is the local host, as resolv.conf(5) says.
func systemServers(path string) []string {
	conf, err := dns.ClientConfigFromFile(path)
	if err != nil || len(conf.Servers) == 0 {
		return []string{"127.0.0.1:53"}
	}
	servers := make([]string, 0, len(conf.Servers))
	for _, s := range conf.Servers {
		servers = append(servers, net.JoinHostPort(s, conf.Port))
	}
	return servers
}
