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
	for i, d := range []string{"far.test", "sub.far.test", "other.test", "deep.sub.other.test", "partner.test", "h0.test", "h1.test", "h2.test", "h3.test", "h4.test"} {
		n.domain(t, d, i%3)
	}
	if n.cert, err = l.CA.WriteFile(t.TempDir(), "edge.test"); err != nil {
		t.Fatal(err)
	}
	return n
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
