package deliver

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/mail"
)

// target is one entry of a transport or one nexthop, read but not looked up.
type target struct {
	name   mail.Domain // host, or with mx the name whose MX are meant
	addr   netip.Addr  // a literal; name is then ""
	port   uint16
	socket string
	mx     bool
}

// defaultPort of a transport whose entry names none.
func defaultPort(t *config.Transport) uint16 {
	switch {
	case t.Port > 0 && t.Port < 1<<16:
		return uint16(t.Port)
	case t.Kind == decide.KindLMTP:
		return 24 // RFC 2033 s5: never 25
	case t.TLS == config.TLSImplicit:
		return 465
	}
	return 25
}

// parseTarget reads an entry of a transport: "host:port", "[v6]:port",
// "mx:name:port", "unix:/path"; ports may be left out.
func parseTarget(s string, port uint16) (target, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return target{socket: path}, nil
	}
	s = strings.TrimPrefix(s, "inet:")
	name, mx := strings.CutPrefix(s, "mx:")
	t, err := parseHostPort(name, port)
	t.mx = mx && !t.addr.IsValid()
	return t, err
}

// parseNexthop reads a nexthop of transport(5): a name in brackets is a host, a
// bare one is looked up as MX except for LMTP, which has none.
func parseNexthop(s string, t *config.Transport) (target, error) {
	out, err := parseTarget(s, defaultPort(t))
	if t.Kind != decide.KindLMTP && !strings.HasPrefix(s, "[") && !out.addr.IsValid() && out.socket == "" {
		out.mx = true
	}
	return out, err
}

func parseHostPort(s string, port uint16) (target, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return target{addr: a.Unmap(), port: port}, nil
	}
	host, number := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, number = s[:i], s[i+1:]
	}
	t := target{port: port}
	if number != "" {
		n, err := parsePort(number)
		if err != nil {
			return t, refusal(451, "4.3.5", "mail system configuration error", err)
		}
		t.port = n
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
		if len(host) > 5 && strings.EqualFold(host[:5], "ipv6:") {
			host = host[5:]
		}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		t.addr = a.Unmap()
		return t, nil
	}
	name, err := mail.ParseDomain(strings.TrimSuffix(host, "."))
	if err != nil {
		return t, refusal(451, "4.3.5", "mail system configuration error", err)
	}
	t.name = name
	return t, nil
}

// parsePort knows the names that transport(5) tables use, and numbers.
func parsePort(s string) (uint16, error) {
	switch s {
	case "smtp":
		return 25, nil
	case "lmtp":
		return 24, nil
	case "submission":
		return 587, nil
	case "submissions", "smtps":
		return 465, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

// nexthops are tried in their order (transport(5) since Postfix 3.5).
func (r *resolution) nexthops(ctx context.Context, list []string) ([]Host, error) {
	targets := make([]named, len(list))
	for i, s := range list {
		t, err := parseNexthop(s, r.t)
		targets[i] = named{t, s, err}
	}
	return r.expand(ctx, targets), nil
}

// tiers are tried in their order, the hosts of one in an order of the day.
func (r *resolution) tiers(ctx context.Context) ([]Host, error) {
	var targets []named
	for _, tier := range r.t.Tiers {
		first := len(targets)
		for _, s := range tier {
			t, err := parseTarget(s, defaultPort(r.t))
			targets = append(targets, named{t, s, err})
		}
		mine := targets[first:]
		r.shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
	}
	if len(targets) == 0 {
		return nil, refusal(451, "4.3.5", "mail system configuration error", nil)
	}
	return r.expand(ctx, targets), nil
}

// named is a target with the words that it was read from.
type named struct {
	target
	text string
	err  error
}

// expand looks all targets up side by side and keeps their order. One that
// cannot be looked up stays in the list with its error: the administrator named
// it, so that it is never the sender's mistake (its recipients wait).
func (r *resolution) expand(ctx context.Context, targets []named) []Host {
	found := make([][]Host, len(targets))
	each(len(targets), func(i int) {
		found[i] = r.lookUp(ctx, targets[i])
	})
	var hosts []Host
	for _, f := range found {
		hosts = append(hosts, f...)
	}
	return hosts
}

func (r *resolution) lookUp(ctx context.Context, t named) []Host {
	h := Host{Name: string(t.name), Preference: NoPreference, Port: t.port, Socket: t.socket}
	switch {
	case t.err != nil:
		h.Name, h.Err = t.text, t.err
	case t.socket != "":
		h.Name = t.socket
	case t.addr.IsValid():
		h.Name, h.Addrs = t.addr.String(), []netip.Addr{t.addr}
	case t.mx:
		s := search{resolution: r, name: t.name, port: t.port}
		// A transport(5) table may name any domain, and what DNS says of that is held
		// to the same rule as a recipient's domain; an smtp transport names its own.
		s.private = r.t.Private || r.t.Kind != decide.KindMX
		hosts, err := s.run(ctx)
		if err == nil {
			return hosts
		}
		h.Err = configured(err)
	default:
		addrs, _, err := r.dns.Addrs(ctx, t.name)
		h.Addrs = order(addrs)
		switch {
		case err != nil && kindOf(err) == dns.Temporary:
			h.Err = r.lookUpFailed(err)
		case len(addrs) == 0:
			h.Err = refusal(451, "4.4.4", "host has no address", err)
		}
	}
	return []Host{h}
}

// configured turns the error of a look-up for a name that the administrator
// gave into one that waits.
func configured(err error) error {
	if r := mail.ReplyOf(err); r.Permanent() {
		return refusal(451, "4.4.4", r.Text, err)
	}
	return err
}

// each calls f for 0..n-1 side by side, and returns when all have returned.
func each(n int, f func(int)) {
	if n == 1 {
		f(0)
		return
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
