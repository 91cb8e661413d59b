package decide

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// OpenRelay gives the relay rules that together let an unknown client reach an
// arbitrary domain (SEMANTICS 23), or nil. Unknown is who shows no login and no
// certificate and comes from public networks which, summed over all such rules,
// exceed a /8 of IPv4 or a /32 of IPv6. What the client merely says (sender,
// helo, header), and listener, tls, percent and except bound nobody; only
// domains and addresses bound the recipients.
//
// A client table counts with TableInfo.Networks, the networks it held when the
// configuration was read; who reads the table again asks again with the new ones.
func OpenRelay(r *Rules) []Ref {
	var refs []Ref
	var nets []netip.Prefix
	for _, rule := range r.Relay {
		if isKnown(rule.Match) || isBounded(r, rule.Match) {
			continue
		}
		public := publicOnly(clientNetworks(r, rule.Match))
		if len(public) > 0 {
			refs = append(refs, rule.Ref)
			nets = append(nets, public...)
		}
	}
	if !exceeds(nets) {
		return nil
	}
	return refs
}

// isKnown tells whether a rule asks for what the client can prove.
func isKnown(m Matchers) bool { return len(m.Login) > 0 || len(m.Certificate) > 0 }

// isBounded tells whether a rule's recipients are bounded by domains or
// addresses. In a relay rule, recipient and original are the same address.
func isBounded(r *Rules, m Matchers) bool {
	return bounds(r, m.Recipient) || bounds(r, m.Original)
}

// bounds tells whether every alternative is a bound; one that is not is enough
// for an attacker.
func bounds(r *Rules, patterns []Pattern) bool {
	for _, p := range patterns {
		if !isBound(r, p) {
			return false
		}
	}
	return len(patterns) > 0
}

func isBound(r *Rules, p Pattern) bool {
	switch p.Kind {
	case PatternAddress, PatternDomain, PatternNull:
		return true
	case PatternSubdomain:
		return !isSuffix(string(p.Domain))
	case PatternTable:
		// The keys of a pattern table are domains and addresses; an expression
		// may match anything.
		return p.Table >= 0 && int(p.Table) < len(r.Tables) && !isWholeFormat(r.Tables[p.Table].Format)
	default: // "user@" and "*" reach every domain
		return false
	}
}

// isSuffix tells whether anybody may register names under the domain, so that
// ".com", ".co.uk" or ".github.io" bounds nobody.
func isSuffix(domain string) bool {
	if !strings.Contains(domain, ".") {
		return true
	}
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

func isWholeFormat(format string) bool { return format == "regexp" || format == "cidr" }

// clientNetworks gives the networks from which a rule takes mail.
func clientNetworks(r *Rules, m Matchers) []netip.Prefix {
	var nets []netip.Prefix
	nets = append(nets, m.Client...)
	if m.ClientTable >= 0 && int(m.ClientTable) < len(r.Tables) {
		return append(nets, r.Tables[m.ClientTable].Networks...)
	}
	if len(m.Client) == 0 {
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	}
	return nets
}

// reserved are the networks from which no stranger comes: private, loopback,
// link-local and unique local ones.
func reserved() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
		"::1/128", "fe80::/10", "fc00::/7",
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// publicOnly folds the networks and leaves out those that lie in reserved ones.
func publicOnly(nets []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range nets {
		p = foldPrefix(p)
		if !slices.ContainsFunc(reserved(), func(q netip.Prefix) bool { return covers(q, p) }) {
			out = append(out, p)
		}
	}
	return out
}

// foldPrefix turns a network of IPv4-mapped addresses into the IPv4 network.
func foldPrefix(p netip.Prefix) netip.Prefix {
	p = p.Masked()
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// covers tells whether every address of q is in p.
func covers(p, q netip.Prefix) bool { return p.Bits() <= q.Bits() && p.Contains(q.Addr()) }

// exceeds sums the addresses of the networks, each address once and without the
// reserved ones, and holds them against the two bounds.
func exceeds(nets []netip.Prefix) bool {
	v4, v6 := new(big.Int), new(big.Int)
	for i, p := range nets {
		if isRepeated(nets, i) {
			continue
		}
		sum := v6
		if p.Addr().Is4() {
			sum = v4
		}
		sum.Add(sum, addresses(p))
		for _, q := range reserved() {
			if covers(p, q) {
				sum.Sub(sum, addresses(q))
			}
		}
	}
	return v4.Cmp(power(32-8)) > 0 || v6.Cmp(power(128-32)) > 0
}

// isRepeated tells whether another network has all addresses of nets[i]; of
// equal ones the first counts.
func isRepeated(nets []netip.Prefix, i int) bool {
	for k, q := range nets {
		if k != i && covers(q, nets[i]) && (q != nets[i] || k < i) {
			return true
		}
	}
	return false
}

func addresses(p netip.Prefix) *big.Int { return power(p.Addr().BitLen() - p.Bits()) }

func power(bits int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bits)) }
