package deliver

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/mail"
)

// ErrNoTransport means that the configuration has no transport of that name.
var ErrNoTransport = errors.New("deliver: no such transport")

// Query asks where mail for a domain goes over a transport.
type Query struct {
	Config    *config.Config
	Transport string
	Nexthops  []string    // override of the transport's own hosts; nil: none
	Domain    mail.Domain // of the recipients
}

// NoPreference is the Preference of a host that no MX record named.
const NoPreference = -1

// Host is one place to try.
type Host struct {
	Name       string       // as people know it: "mx1.example.net", "192.0.2.1", "/run/lmtp"
	Preference int          // of its MX record, or NoPreference
	Addrs      []netip.Addr // in the order of trial; nil for a socket
	Port       uint16
	Socket     string // path of a unix socket; "" for TCP
	Err        error  // *mail.Error: the host has no address now
}

// String is "mx1.example.net:25", "[192.0.2.1]:25" or "unix:/run/lmtp".
func (h Host) String() string {
	if h.Socket != "" {
		return "unix:" + h.Socket
	}
	name := h.Name
	if _, err := netip.ParseAddr(name); err == nil {
		name = "[" + name + "]"
	}
	return name + ":" + strconv.Itoa(int(h.Port))
}

// Plan is the hosts of an attempt, in one order in which they may be tried.
type Plan struct {
	Hosts []Host
	Order string // failover, random or mx
	TLS   string // policy: none, offer, require, verify, implicit
}

// Planner finds hosts. Resolvers must be set; the zero of the rest are the
// machine's own. Safe for several goroutines.
type Planner struct {
	Resolvers  func(name string) dns.Resolver
	Shuffle    func(n int, swap func(i, j int)) // nil: the order as it stands
	Interfaces func() []netip.Addr              // nil: net.InterfaceAddrs

	mu    sync.Mutex // guards own and until
	own   []netip.Addr
	until time.Time
}

// Plan finds the hosts for q. An error is ErrNoTransport or a *mail.Error whose
// Reply says whether the recipients failed (5xx) or wait (4xx). A transport that
// speaks to no host gives an empty plan.
func (p *Planner) Plan(ctx context.Context, q Query) (Plan, error) {
	t := q.Config.Transports[q.Transport]
	if t == nil {
		return Plan{}, ErrNoTransport
	}
	if t.Kind != decide.KindMX && t.Kind != decide.KindSMTP && t.Kind != decide.KindLMTP {
		return Plan{}, nil
	}
	plan := Plan{Order: "failover", TLS: policyName(t.TLS)}
	r := &resolution{p: p, cfg: q.Config, t: t, dns: p.Resolvers(t.Resolver)}
	var err error
	switch {
	case len(q.Nexthops) > 0:
		plan.Hosts, err = r.nexthops(ctx, q.Nexthops)
	case t.Kind == decide.KindMX:
		plan.Order = "mx"
		plan.Hosts, err = r.exchangers(ctx, q.Domain)
	default:
		if isRandom(t.Tiers) {
			plan.Order = "random"
		}
		plan.Hosts, err = r.tiers(ctx)
	}
	return plan, err
}

func isRandom(tiers [][]string) bool {
	for _, tier := range tiers {
		if len(tier) > 1 {
			return true
		}
	}
	return false
}

// resolution is one Plan under way.
type resolution struct {
	p   *Planner
	cfg *config.Config
	t   *config.Transport
	dns dns.Resolver
}

func (r *resolution) shuffle(n int, swap func(i, j int)) {
	if r.p.Shuffle != nil && n > 1 {
		r.p.Shuffle(n, swap)
	}
}

// refusal makes the error of a look-up that leads nowhere.
func refusal(code int, enhanced, text string, cause error) *mail.Error {
	return &mail.Error{Op: "deliver.resolve", Reply: mail.Reply{Code: code, Enhanced: enhanced, Text: text}, Cause: cause}
}

// kindOf classifies the error of a look-up; what is no *dns.Error is temporary.
func kindOf(err error) dns.Kind {
	var e *dns.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return dns.Temporary
}

func policyName(m config.TLSMode) string {
	return [...]string{"none", "offer", "require", "verify", "implicit"}[m]
}
