package deliver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/dns"
	"github.com/postroad/postroad/internal/mail"
)

// planWorld fills a world from lines: "d MX 10 mx1", "mx1 A 192.0.2.1",
// "d MX !servfail", "mx1 A !nodata", "me 203.0.113.10".
func planWorld(t *testing.T, lines ...string) *world {
	w := newWorld(t)
	kinds := map[string]dns.Kind{"!servfail": dns.Temporary, "!nxdomain": dns.NXDomain, "!nodata": dns.NoData}
	for _, l := range lines {
		f := strings.Fields(l)
		name := mail.Domain(f[0])
		switch {
		case f[0] == "me":
			w.cfg.Addresses = append(w.cfg.Addresses, netip.MustParseAddr(f[1]))
		case strings.HasPrefix(f[2], "!"):
			w.zone.errs[f[1]+" "+f[0]] = kinds[f[2]]
		case f[1] == "A":
			for _, a := range f[2:] {
				w.zone.addrs[name] = append(w.zone.addrs[name], netip.MustParseAddr(a))
			}
		case f[1] == "MX":
			var mx dns.MX
			_, _ = fmt.Sscan(f[2], &mx.Pref)
			switch {
			case f[3] == ".":
			case strings.HasPrefix(f[3], "="):
				mx.Literal = f[3][1:]
			default:
				mx.Host = mail.Domain(f[3])
			}
			w.zone.mx[name] = append(w.zone.mx[name], mx)
		}
	}
	return w
}

// planned is a plan on a line: "10 mx1:25 192.0.2.1,192.0.2.2 | …", or the
// reply of its error.
func planned(p Plan, err error) string {
	if err != nil {
		return mail.ReplyOf(err).String()
	}
	var out []string
	for _, h := range p.Hosts {
		s := h.String()
		if h.Preference != NoPreference {
			s = fmt.Sprint(h.Preference, " ", s)
		}
		if h.Err != nil {
			s += " " + mail.ReplyOf(h.Err).String()
		}
		for i, a := range h.Addrs {
			s += []string{" ", ","}[min(i, 1)] + a.String()
		}
		out = append(out, s)
	}
	return strings.Join(out, " | ")
}

// RFC 5321 s5.1, RFC 7505 and SEMANTICS 1 and 23.
func TestPlanMX(t *testing.T) {
	for _, c := range []struct {
		name  string
		zone  []string
		want  string
		setup func(w *world)
	}{
		{"lower preference first", []string{"d MX 20 mx2", "d MX 10 mx1", "mx1 A 192.0.2.1", "mx2 A 192.0.2.2"},
			"10 mx1:25 192.0.2.1 | 20 mx2:25 192.0.2.2", nil},
		{"implicit MX", []string{"d A 192.0.2.1"}, "0 d:25 192.0.2.1", nil},
		{"implicit MX needs NODATA: an existing name without both has nowhere to go", []string{"d MX !nodata", "d A !nodata"},
			"550 5.4.4 no mail exchanger of the domain has an address", nil},
		{"MX says NODATA, A says NXDOMAIN", []string{"d MX !nodata", "d A !nxdomain"}, "550 5.1.2 domain does not exist", nil},
		{"an MX that has no address is not replaced by the domain's own", []string{"d MX 10 mx1", "mx1 A !nodata", "d A 192.0.2.9"},
			"550 5.4.4 no mail exchanger of the domain has an address", nil},
		{"no such domain", nil, "550 5.1.2 domain does not exist", nil},
		{"SERVFAIL", []string{"d MX !servfail", "d A 192.0.2.1"}, "451 4.4.3 name service failed", nil},
		{"SERVFAIL for the implicit MX", []string{"d MX !nodata", "d A !servfail"}, "451 4.4.3 name service failed", nil},
		{"SERVFAIL for the only MX", []string{"d MX 10 mx1", "mx1 A !servfail"}, "451 4.4.3 name service failed", nil},
		{"SERVFAIL for one MX, the other has none", []string{"d MX 10 mx1", "d MX 20 mx2", "mx1 A !nxdomain", "mx2 A !servfail"},
			"451 4.4.3 name service failed", nil},
		{"SERVFAIL for the best MX leaves the others", []string{"d MX 10 mx1", "d MX 20 mx2", "mx1 A !servfail", "mx2 A 192.0.2.2"},
			"10 mx1:25 451 4.4.3 name service failed | 20 mx2:25 192.0.2.2", nil},
		{"null MX", []string{"d MX 0 ."}, "556 5.1.10 domain does not accept mail (null MX)", nil},
		{"null MX at any preference", []string{"d MX 10 .", "d A 192.0.2.1"}, "556 5.1.10 domain does not accept mail (null MX)", nil},
		{"null MX among others is ignored", []string{"d MX 0 .", "d MX 10 mx1", "mx1 A 192.0.2.1"}, "10 mx1:25 192.0.2.1", nil},
		{"an address as MX is refused", []string{"d MX 10 =192.0.2.1", "d A 192.0.2.1"}, "550 5.4.4 mail exchanger is not a host name", nil},
		{"an address that passes for a name too", []string{"d MX 10 192.0.2.1"}, "550 5.4.4 mail exchanger is not a host name", nil},
		{"an address among names is left out", []string{"d MX 5 =192.0.2.9", "d MX 10 mx1", "mx1 A 192.0.2.1"}, "10 mx1:25 192.0.2.1", nil},

		{"families in turn, IPv6 first", []string{"d MX 10 mx1", "mx1 A 192.0.2.1 192.0.2.2 2001:db8::1"},
			"10 mx1:25 2001:db8::1,192.0.2.1,192.0.2.2", nil},
		{"five hosts", []string{"d MX 1 a", "d MX 2 b", "d MX 3 c", "d MX 4 e", "d MX 5 f", "d MX 6 g",
			"a A 192.0.2.1", "b A 192.0.2.2", "c A 192.0.2.3", "e A 192.0.2.4", "f A 192.0.2.5", "g A 192.0.2.6"},
			"1 a:25 192.0.2.1 | 2 b:25 192.0.2.2 | 3 c:25 192.0.2.3 | 4 e:25 192.0.2.4 | 5 f:25 192.0.2.5", nil},
		{"ten addresses, one at least for each host", []string{"d MX 1 a", "d MX 2 b",
			"a A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8 192.0.2.9 192.0.2.10 192.0.2.11", "b A 192.0.2.20 192.0.2.21"},
			"1 a:25 192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192.0.2.6,192.0.2.7,192.0.2.8,192.0.2.9 | 2 b:25 192.0.2.20", nil},

		{"our name: what is as good or worse goes", []string{"d MX 10 a", "d MX 20 me.example", "d MX 20 b", "d MX 30 c",
			"a A 192.0.2.1", "b A 192.0.2.2", "c A 192.0.2.3", "me.example A 192.0.2.9"}, "10 a:25 192.0.2.1", nil},
		{"our address", []string{"d MX 10 a", "d MX 20 b", "a A 192.0.2.1", "b A 192.0.2.2", "me 192.0.2.2"}, "10 a:25 192.0.2.1", nil},
		{"we are the best", []string{"d MX 10 me.example", "d MX 20 b", "b A 192.0.2.2", "me.example A 192.0.2.9"},
			"554 5.4.6 mail for this domain loops back to myself", nil},
		{"our address is the implicit MX", []string{"d A 203.0.113.1", "me 203.0.113.1"}, "554 5.4.6 mail for this domain loops back to myself", nil},
		{"an interface of this machine", []string{"d MX 10 a", "a A 192.0.2.77"}, "554 5.4.6 mail for this domain loops back to myself",
			func(w *world) {
				w.d.planner.Interfaces = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("192.0.2.77")} }
			}},
		{"a better MX does not exist: perhaps tomorrow", []string{"d MX 10 a", "d MX 20 me.example", "a A !nxdomain", "me.example A 192.0.2.9"},
			"451 4.4.4 unable to find the primary mail exchanger", nil},
		{"a better MX did not resolve", []string{"d MX 10 a", "d MX 20 me.example", "a A !servfail", "me.example A 192.0.2.9"},
			"451 4.4.4 unable to find the primary mail exchanger", nil},

		{"private addresses are left out", []string{"d MX 10 a", "d MX 20 b", "a A 10.0.0.1 127.0.0.1 ::1 fe80::1 0.0.0.0 100.64.1.1 ::ffff:192.168.1.1", "b A 192.0.2.2"},
			"20 b:25 192.0.2.2", nil},
		{"nothing but private addresses", []string{"d MX 10 a", "a A 10.0.0.1"}, "550 5.4.4 domain leads to no public address", nil},
		{"private addresses where they are allowed", []string{"d MX 10 a", "a A 127.0.0.1"}, "10 a:25 127.0.0.1",
			func(w *world) { w.cfg.Transports["mx"].Private = true }},
		{"loopback is ourselves where we listen", []string{"d MX 10 a", "a A 127.0.0.1"}, "554 5.4.6 mail for this domain loops back to myself",
			func(w *world) {
				w.cfg.Transports["mx"].Private = true
				w.cfg.Listeners = []*config.Listener{{Bind: []string{"0.0.0.0:25"}}}
			}},
		{"and is another host where we do not", []string{"d MX 10 a", "a A 127.0.0.1"}, "10 a:25 127.0.0.1",
			func(w *world) {
				w.cfg.Transports["mx"].Private = true
				w.cfg.Listeners = []*config.Listener{{Bind: []string{"127.0.0.2:25", "127.0.0.1:26"}}}
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := planWorld(t, c.zone...)
			if c.setup != nil {
				c.setup(w)
			}
			got := planned(w.d.planner.Plan(context.Background(), Query{Config: w.cfg, Transport: "mx", Domain: "d"}))
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestPlanAddressLiterals(t *testing.T) {
	w := planWorld(t, "me 203.0.113.1")
	for domain, want := range map[mail.Domain]string{
		"[192.0.2.1]":          "0 [192.0.2.1]:25 192.0.2.1",
		"[IPv6:2001:db8::1]":   "0 [2001:db8::1]:25 2001:db8::1",
		"[127.0.0.1]":          "550 5.4.4 domain leads to no public address",
		"[IPv6:::ffff:7f00:1]": "550 5.4.4 domain leads to no public address",
		"[203.0.113.1]":        "554 5.4.6 mail for this domain loops back to myself",
	} {
		if got := planned(w.d.planner.Plan(context.Background(), Query{Config: w.cfg, Transport: "mx", Domain: domain})); got != want {
			t.Errorf("%s: got %s, want %s", domain, got, want)
		}
	}
}

// Equal preferences are drawn anew for each attempt and evenly; preferences
// never change places.
func TestEqualPreferencesAreShuffled(t *testing.T) {
	w := planWorld(t, "d MX 10 a", "d MX 10 b", "d MX 10 c", "d MX 5 z", "a A 192.0.2.1", "b A 192.0.2.2", "c A 192.0.2.3", "z A 192.0.2.9")
	rnd := rand.New(rand.NewPCG(1, 2))
	w.d.planner.Shuffle = rnd.Shuffle
	second := map[string]int{}
	for range 3000 {
		p, err := w.d.planner.Plan(context.Background(), Query{Config: w.cfg, Transport: "mx", Domain: "d"})
		if err != nil || p.Hosts[0].Name != "z" || p.Order != "mx" {
			t.Fatal(p, err)
		}
		second[p.Hosts[1].Name]++
	}
	for _, n := range []string{"a", "b", "c"} {
		if second[n] < 900 || second[n] > 1100 {
			t.Errorf("%s came first of its equals %d times of 3000", n, second[n])
		}
	}
}

func TestPlanTransports(t *testing.T) {
	zone := []string{"h A 10.0.0.1", "e A 10.0.0.2", "d MX 10 mx1", "d MX 20 mx2", "mx1 A 10.1.0.1", "mx2 A 192.0.2.2", "slow A !servfail", "null MX 0 ."}
	for _, c := range []struct {
		name     string
		t        config.Transport
		nexthops string
		want     string
	}{
		{"a host", config.Transport{Kind: decide.KindSMTP, Tiers: [][]string{{"h:2525"}}}, "", "h:2525 10.0.0.1"},
		{"default port", config.Transport{Kind: decide.KindSMTP, Tiers: [][]string{{"h"}}}, "", "h:25 10.0.0.1"},
		{"default port of implicit TLS", config.Transport{Kind: decide.KindSMTP, TLS: config.TLSImplicit, Tiers: [][]string{{"h"}}}, "", "h:465 10.0.0.1"},
		{"default port of LMTP", config.Transport{Kind: decide.KindLMTP, Tiers: [][]string{{"h"}}}, "", "h:24 10.0.0.1"},
		{"literals", config.Transport{Kind: decide.KindSMTP, Tiers: [][]string{{"127.0.0.1:2525"}, {"[::1]:26"}, {"2001:db8::1"}}}, "",
			"[127.0.0.1]:2525 127.0.0.1 | [::1]:26 ::1 | [2001:db8::1]:25 2001:db8::1"},
		{"MX of a name, private ones too", config.Transport{Kind: decide.KindSMTP, Tiers: [][]string{{"mx:d"}}}, "", "10 mx1:25 10.1.0.1 | 20 mx2:25 192.0.2.2"},
		{"MX of a name with a port, then a host", config.Transport{Kind: decide.KindSMTP, Tiers: [][]string{{"mx:d:26"}, {"h:25"}}}, "",
			"10 mx1:26 10.1.0.1 | 20 mx2:26 192.0.2.2 | h:25 10.0.0.1"},
		{"a socket", config.Transport{Kind: decide.KindLMTP, Tiers: [][]string{{"unix:/run/lmtp"}}}, "", "unix:/run/lmtp"},
		{"what cannot be found waits and does not hide the rest", config.Transport{Kind: decide.KindSMTP, Tiers: [][]string{{"nowhere"}, {"slow"}, {"mx:null"}, {"h"}}}, "",
			"nowhere:25 451 4.4.4 host has no address | slow:25 451 4.4.3 name service failed | null:25 451 4.4.4 domain does not accept mail (null MX) | h:25 10.0.0.1"},
		{"no host at all", config.Transport{Kind: decide.KindLMTP}, "", "451 4.3.5 mail system configuration error"},
		{"no nexthop that can be read", config.Transport{Kind: decide.KindLMTP, Tiers: [][]string{{"h:x"}}}, "", "h:x:24 451 4.3.5 mail system configuration error"},

		{"nexthop in brackets is a host", config.Transport{Kind: decide.KindMX}, "[h]", "h:25 10.0.0.1"},
		{"nexthop in brackets with a port", config.Transport{Kind: decide.KindMX}, "[h]:2525", "h:2525 10.0.0.1"},
		{"nexthop without brackets has its MX looked up", config.Transport{Kind: decide.KindSMTP, Tiers: [][]string{{"e"}}}, "d:26", "10 mx1:26 10.1.0.1 | 20 mx2:26 192.0.2.2"},
		{"and over an mx transport none that is private", config.Transport{Kind: decide.KindMX}, "d", "20 mx2:25 192.0.2.2"},
		{"nexthop of LMTP is a host", config.Transport{Kind: decide.KindLMTP, Tiers: [][]string{{"e"}}}, "h:24", "h:24 10.0.0.1"},
		{"nexthop of LMTP as Postfix writes it", config.Transport{Kind: decide.KindLMTP}, "inet:h:24 unix:/run/lmtp", "h:24 10.0.0.1 | unix:/run/lmtp"},
		{"nexthops in their order", config.Transport{Kind: decide.KindMX}, "[e] [h]", "e:25 10.0.0.2 | h:25 10.0.0.1"},
		{"literal nexthops", config.Transport{Kind: decide.KindMX}, "[127.0.0.1]:10025 [ipv6:::1]:26 [::1]:submission", "[127.0.0.1]:10025 127.0.0.1 | [::1]:26 ::1 | [::1]:587 ::1"},
		{"nexthop that does not exist", config.Transport{Kind: decide.KindMX}, "nowhere", "nowhere:25 451 4.4.4 domain does not exist"},

		{"a transport without hosts", config.Transport{Kind: decide.KindMaildir}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := planWorld(t, zone...)
			c.t.Name = "t"
			w.transport(&c.t)
			q := Query{Config: w.cfg, Transport: "t", Nexthops: strings.Fields(c.nexthops), Domain: "d"}
			if got := planned(w.d.planner.Plan(context.Background(), q)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Tiers keep their order; the hosts of one are drawn anew at each attempt.
func TestTiersAreShuffledWithin(t *testing.T) {
	w := planWorld(t)
	w.d.planner.Shuffle = rand.New(rand.NewPCG(3, 4)).Shuffle
	w.transport(&config.Transport{Name: "t", Kind: decide.KindSMTP, Tiers: [][]string{{"10.0.0.1", "10.0.0.2"}, {"10.0.0.3"}, {"10.0.0.4", "10.0.0.5"}}})
	seen := map[string]bool{}
	for range 200 {
		p, err := w.d.planner.Plan(context.Background(), Query{Config: w.cfg, Transport: "t"})
		if err != nil || p.Order != "random" || p.TLS != "none" {
			t.Fatal(p, err)
		}
		var names []string
		for _, h := range p.Hosts {
			names = append(names, h.Name[len("10.0.0."):])
		}
		seen[strings.Join(names, "")] = true
	}
	var got []string
	for s := range seen {
		got = append(got, s)
	}
	slices.Sort(got)
	if want := []string{"12345", "12354", "21345", "21354"}; !slices.Equal(got, want) {
		t.Errorf("orders %v, want %v", got, want)
	}
}

func TestPlanOfNoTransport(t *testing.T) {
	w := planWorld(t)
	if _, err := w.d.planner.Plan(context.Background(), Query{Config: w.cfg, Transport: "gone"}); !errors.Is(err, ErrNoTransport) {
		t.Errorf("got %v", err)
	}
}
