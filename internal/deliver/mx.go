package deliver

import (
	"context"
	"net/netip"
	"slices"

	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/mail"
)

// Bounds of one attempt (SEMANTICS 23), and of the records that are looked at.
const (
	hostsMax   = 5
	addrsMax   = 10
	recordsMax = 20
)

// exchangers finds the hosts for mail to a domain.
func (r *resolution) exchangers(ctx context.Context, domain mail.Domain) ([]Host, error) {
	s := search{resolution: r, name: domain, port: defaultPort(r.t), private: r.t.Private}
	return s.run(ctx)
}

// search is the look-up of RFC 5321 s5.1 for one name.
type search struct {
	*resolution
	name     mail.Domain
	port     uint16
	private  bool // names may lead to loopback and private addresses
	implicit bool // no MX: the name itself is the host
}

// candidate is one MX record on its way to a Host.
type candidate struct {
	dns.MX
	addrs   []netip.Addr
	err     error
	refused bool // has addresses, none of which may be used
}

func (s *search) run(ctx context.Context) ([]Host, error) {
	list, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	sorted, loop := s.beforeOwnName(s.sort(list))
	if len(sorted) > recordsMax {
		sorted = sorted[:recordsMax]
	}
	each(len(sorted), func(i int) { s.addresses(ctx, &sorted[i]) })
	usable, loopAddr := s.beforeOwnAddress(sorted)
	hosts := s.hosts(usable)
	if hasAddress(hosts) {
		return hosts, nil
	}
	return nil, s.nowhere(usable, loop || loopAddr)
}

// records gives the MX records as candidates, none of them null.
func (s *search) records(ctx context.Context) ([]candidate, error) {
	if a, ok := s.name.Literal(); ok {
		s.implicit = true
		return []candidate{{addrs: []netip.Addr{a.Unmap()}}}, nil
	}
	answer, _, err := s.dns.MX(ctx, s.name)
	if err != nil && kindOf(err) != dns.NoData {
		return nil, s.lookUpFailed(err)
	}
	if len(answer) == 0 {
		s.implicit = true // RFC 5321 s5.1: the implicit MX, preference 0
		return []candidate{{MX: dns.MX{Host: s.name}}}, nil
	}
	var list []candidate
	literals := 0
	for _, mx := range answer {
		switch {
		case mx.Literal != "" || isAddress(mx.Host):
			literals++ // RFC 5321 s5.1 wants names; an address there is a mistake
		case mx.Host != "":
			list = append(list, candidate{MX: mx})
		}
	}
	switch {
	case len(list) > 0: // a null MX among others is malformed, and ignored
		return list, nil
	case literals > 0:
		return nil, refusal(550, "5.4.4", "mail exchanger is not a host name", nil)
	}
	return nil, refusal(556, "5.1.10", "domain does not accept mail (null MX)", nil) // RFC 7505 s4
}

func isAddress(d mail.Domain) bool {
	_, err := netip.ParseAddr(string(d))
	return err == nil
}

func (*resolution) lookUpFailed(err error) error {
	if kindOf(err) == dns.NXDomain {
		return refusal(550, "5.1.2", "domain does not exist", err)
	}
	return refusal(451, "4.4.3", "name service failed", err)
}

// sort orders by preference; equals are shuffled for every attempt
// (RFC 5321 s5.1: MUST randomize).
func (s *search) sort(list []candidate) []candidate {
	s.shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b candidate) int { return int(a.Pref) - int(b.Pref) })
	return list
}

// beforeOwnName keeps what is better than our own name (RFC 5321 s5.1: a relay
// that finds itself discards its own preference and all worse ones).
func (s *search) beforeOwnName(list []candidate) ([]candidate, bool) {
	for _, c := range list {
		if c.Host != "" && (c.Host == s.cfg.Hostname || c.Host == s.t.Hostname) {
			return better(list, c.Pref), true
		}
	}
	return list, false
}

// beforeOwnAddress does the same with our own addresses.
func (s *search) beforeOwnAddress(list []candidate) ([]candidate, bool) {
	own := s.ownAddresses()
	for _, c := range list {
		for _, a := range c.addrs {
			if own.has(a, s.port) {
				return better(list, c.Pref), true
			}
		}
	}
	return list, false
}

// better is the records of a sorted list that come before a preference.
func better(list []candidate, pref uint16) []candidate {
	for i, c := range list {
		if c.Pref >= pref {
			return list[:i]
		}
	}
	return list
}

// addresses looks a candidate up.
func (s *search) addresses(ctx context.Context, c *candidate) {
	if c.addrs == nil {
		c.addrs, _, c.err = s.dns.Addrs(ctx, c.Host)
	}
}

// hosts makes the list of an attempt: a host's addresses together, no more
// hosts and addresses than the bounds allow, at least one address each. A host
// that cannot be looked up now stays in the list, so that nothing is final on
// account of the others alone.
func (s *search) hosts(list []candidate) []Host {
	var hosts []Host
	tries := 0
	for i := range list {
		c := &list[i]
		h := Host{Name: s.hostName(*c), Preference: int(c.Pref), Port: s.port, Addrs: order(s.reachable(c))}
		switch {
		case len(h.Addrs) > 0 && tries < hostsMax:
			tries++
		case c.err != nil && kindOf(c.err) == dns.Temporary:
			h.Err = refusal(451, "4.4.3", "name service failed", c.err)
		default:
			continue
		}
		hosts = append(hosts, h)
	}
	left := addrsMax
	for i := range hosts {
		if n := len(hosts[i].Addrs); n > 0 {
			tries--
			hosts[i].Addrs = hosts[i].Addrs[:min(n, left-tries)]
			left -= len(hosts[i].Addrs)
		}
	}
	return hosts
}

// hostName: an address literal has no record, and is its own name.
func (s *search) hostName(c candidate) string {
	if c.Host == "" && len(c.addrs) > 0 {
		return c.addrs[0].String()
	}
	return string(c.Host)
}

// reachable leaves out the addresses that a name of strangers may not lead to:
// our own machine and our own networks.
func (s *search) reachable(c *candidate) []netip.Addr {
	if s.private {
		return c.addrs
	}
	var out []netip.Addr
	for _, a := range c.addrs {
		if !isPrivate(a) {
			out = append(out, a)
		}
	}
	c.refused = len(out) == 0 && len(c.addrs) > 0
	return out
}

func isPrivate(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() ||
		netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(a) || // RFC 6598
		netip.PrefixFrom(netip.AddrFrom4([4]byte{}), 8).Contains(a) // RFC 1122 s3.2.1.3: this network
}

func hasAddress(hosts []Host) bool {
	for _, h := range hosts {
		if len(h.Addrs) > 0 {
			return true
		}
	}
	return false
}

// nowhere says why no host is left. list is what stood before ourselves, when
// loop is true.
func (s *search) nowhere(list []candidate, loop bool) error {
	if loop && len(list) > 0 {
		return refusal(451, "4.4.4", "unable to find the primary mail exchanger", nil)
	}
	if loop {
		return refusal(554, "5.4.6", "mail for this domain loops back to myself", nil)
	}
	refused := false
	for _, c := range list {
		if c.err != nil && kindOf(c.err) == dns.Temporary {
			return refusal(451, "4.4.3", "name service failed", c.err)
		}
		refused = refused || c.refused
	}
	switch {
	case refused:
		return refusal(550, "5.4.4", "domain leads to no public address", nil)
	case s.implicit && kindOf(list[0].err) == dns.NXDomain && list[0].err != nil:
		return refusal(550, "5.1.2", "domain does not exist", list[0].err)
	}
	return refusal(550, "5.4.4", "no mail exchanger of the domain has an address", nil)
}

// order interleaves the families, IPv6 first (RFC 8305 s4), in the order of the
// answer within each.
func order(addrs []netip.Addr) []netip.Addr {
	var six, four []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	out := make([]netip.Addr, 0, len(addrs))
	for i := range max(len(six), len(four)) {
		if i < len(six) {
			out = append(out, six[i])
		}
		if i < len(four) {
			out = append(out, four[i])
		}
	}
	return out
}
