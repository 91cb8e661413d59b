package property

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/lab"
)

// internet is the captures that all worlds share.
type internet struct {
	lab    *lab.Lab
	smtp   []string
	lmtp   []string
	byAddr map[string]string // host:port → receiver
	mx     map[string]string // domain → receivers of its best preference
	cert   string

	old, new string              // host:port of the sides of a migration
	sides    map[string]string   // transport → receiver
	unknown  map[string][]string // receiver → addresses that it refuses
}

func join(names []string) string { return strings.Join(slices.Compact(names), "|") }

func startInternet(t *testing.T) *internet {
	t.Helper()
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	n := &internet{lab: l, byAddr: map[string]string{}, mx: map[string]string{}}
	for i := range 3 {
		n.smtp = append(n.smtp, n.receiver(t, lab.Config{Name: fmt.Sprintf("smtp%d", i)}).Addr)
	}
	for i := range 2 {
		n.lmtp = append(n.lmtp, n.receiver(t, lab.Config{Name: fmt.Sprintf("lmtp%d", i), LMTP: true}).Addr)
	}
	n.startSides(t)
	for i, d := range []string{"far.test", "sub.far.test", "other.test", "deep.sub.other.test", "partner.test", "h0.test", "h1.test", "h2.test", "h3.test", "h4.test", "r0.test", "r1.test", "r2.test", movingDomain, "a.corp.test", "orig.test", "acme.test", "beta.test"} {
		n.domain(t, d, i%3)
	}
	if n.cert, err = l.CA.WriteFile(t.TempDir(), "edge.test"); err != nil {
		t.Fatal(err)
	}
	return n
}

// startSides starts the two sides of a migration: smtp is the old one, lmtp the new
// one, and each does not know somebody.
func (n *internet) startSides(t *testing.T) {
	t.Helper()
	old := n.receiver(t, lab.Config{Name: "smtp-old"})
	now := n.receiver(t, lab.Config{Name: "lmtp-new", LMTP: true})
	n.old, n.new = old.Addr, now.Addr
	n.sides = map[string]string{"side_old": old.Name, "side_new": now.Name}
	n.unknown = map[string][]string{}
	for r, other := range map[*lab.Receiver]string{old: "new-only", now: "old-only"} {
		for _, local := range []string{"nobody", other} {
			address := local + "@" + movingDomain
			r.On(lab.Rule{At: lab.Rcpt, Match: address, Reply: "550 5.1.1 no such user"})
			n.unknown[r.Name] = append(n.unknown[r.Name], address)
		}
	}
}

// refuses tells whether a receiver does not know an address.
func (n *internet) refuses(receiver, address string) bool {
	return slices.Contains(n.unknown[receiver], strings.ToLower(address))
}

func (n *internet) receiver(t *testing.T, c lab.Config) *lab.Receiver {
	t.Helper()
	r, err := n.lab.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	n.byAddr[r.Addr] = r.Name
	return r
}

// domain makes a zone of one of three shapes: two preferences, two hosts of one
// preference, and no MX at all.
func (n *internet) domain(t *testing.T, name string, shape int) {
	t.Helper()
	a := n.receiver(t, lab.Config{Name: "a." + name})
	b := n.receiver(t, lab.Config{Name: "b." + name})
	zone := fmt.Sprintf("a A %s\nb A %s\n", a.Host, b.Host)
	switch shape {
	case 0:
		zone += "@ MX 10 a\n@ MX 20 b\n"
		n.mx[name] = a.Name
	case 1:
		zone += "@ MX 10 a\n@ MX 10 b\n"
		n.mx[name] = join([]string{a.Name, b.Name})
	default:
		zone += "@ A " + b.Host + "\n"
		n.mx[name] = b.Name
	}
	if err := n.lab.DNS.Zone(name, zone); err != nil {
		t.Fatal(err)
	}
}
