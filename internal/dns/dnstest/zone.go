package dnstest

import (
	"fmt"
	"sort"
	"strings"

	"github.com/miekg/dns"
)

// zone is immutable once it serves.
type zone struct {
	origin string // lower case, with its final dot
	soa    *dns.SOA
	byName map[string][]dns.RR // owner in lower case
	order  []dns.RR
	exists map[string]bool // owners and all names between them and the origin
	secure bool
}

// parseZone reads zone text; a SOA and a NS record are added when it has none.
func parseZone(origin, text string) (*zone, error) {
	z := &zone{origin: dns.CanonicalName(origin), byName: map[string][]dns.RR{}, exists: map[string]bool{}}
	p := dns.NewZoneParser(strings.NewReader(text), z.origin, "")
	p.SetDefaultTTL(300)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		if !dns.IsSubDomain(z.origin, rr.Header().Name) {
			return nil, fmt.Errorf("dnstest: %s stands in zone %s", rr.Header().Name, z.origin)
		}
		z.add(rr)
	}
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("dnstest: zone %s: %w", z.origin, err)
	}
	z.complete()
	return z, nil
}

func (z *zone) add(rr dns.RR) {
	if soa, ok := rr.(*dns.SOA); ok {
		z.soa = soa
	}
	owner := strings.ToLower(rr.Header().Name)
	z.byName[owner] = append(z.byName[owner], rr)
	z.order = append(z.order, rr)
	for name := owner; len(name) >= len(z.origin) && !z.exists[name]; name = parent(name) {
		z.exists[name] = true
	}
}

// complete adds what RFC 1035 s5.2 wants of every zone.
func (z *zone) complete() {
	hdr := dns.RR_Header{Name: z.origin, Class: dns.ClassINET, Ttl: 300}
	ns := "ns." + strings.TrimPrefix(z.origin, ".")
	if z.soa == nil {
		hdr.Rrtype = dns.TypeSOA
		z.add(&dns.SOA{Hdr: hdr, Ns: ns, Mbox: "hostmaster." + strings.TrimPrefix(z.origin, "."),
			Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 60})
	}
	if len(z.find(z.origin, dns.TypeNS)) > 0 {
		return
	}
	hdr.Rrtype = dns.TypeNS
	z.add(&dns.NS{Hdr: hdr, Ns: ns})
	if len(z.byName[ns]) == 0 {
		z.add(&dns.A{Hdr: dns.RR_Header{Name: ns, Class: dns.ClassINET, Ttl: 300, Rrtype: dns.TypeA}, A: []byte{127, 0, 0, 1}})
	}
}

// find gives the records of a type at a name, wildcards not applied.
func (z *zone) find(name string, qtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range z.byName[name] {
		if qtype == dns.TypeANY || rr.Header().Rrtype == qtype {
			out = append(out, rr)
		}
	}
	return out
}

// at gives all records of a name, made from a wildcard where RFC 1034 s4.3.2
// says so, and whether the name exists.
func (z *zone) at(name string) ([]dns.RR, bool) {
	if z.exists[name] {
		return z.byName[name], true
	}
	encloser := parent(name)
	for !z.exists[encloser] {
		if len(encloser) <= len(z.origin) {
			return nil, false
		}
		encloser = parent(encloser)
	}
	wild, ok := z.byName["*."+strings.TrimPrefix(encloser, ".")]
	if !ok {
		return nil, false
	}
	out := make([]dns.RR, len(wild))
	for i, rr := range wild {
		out[i] = dns.Copy(rr)
		out[i].Header().Name = name
	}
	return out, true
}

// text writes the zone so that another server can load it: SOA first.
func (z *zone) text() string {
	lines := make([]string, 0, len(z.order))
	for _, rr := range z.order {
		if rr != dns.RR(z.soa) {
			lines = append(lines, rr.String())
		}
	}
	sort.Strings(lines)
	return z.soa.String() + "\n" + strings.Join(lines, "\n") + "\n"
}

// parent is the name without its first label; of the root, the root.
func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}
