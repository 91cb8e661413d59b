package decide

import (
	"net/netip"
	"strings"
	"testing"
)

func TestOpenRelay(t *testing.T) {
	for _, c := range []struct{ name, rules, open string }{
		{"no relay rule", "", ""},
		{"no condition at all", "relay a", "relay.a"},
		{"all of IPv4", "relay a client=0.0.0.0/0", "relay.a"},
		{"all of IPv6", "relay a client=::/0", "relay.a"},
		{"a public /8 is the bound", "relay a client=8.0.0.0/8", ""},
		{"a /8 and one address exceed it", "relay a client=8.0.0.0/8,9.0.0.1", "relay.a"},
		{"summed over rules", "relay a client=8.0.0.0/8\nrelay b client=9.0.0.0/24", "relay.a relay.b"},
		{"the same network twice counts once", "relay a client=8.0.0.0/8\nrelay b client=8.1.0.0/16,8.0.0.0/8", ""},
		{"two halves of two /8", "relay a client=8.0.0.0/9\nrelay b client=9.0.0.0/9", ""},
		{"a /32 of IPv6 is the bound", "relay a client=2001:db8::/32", ""},
		{"a /31 exceeds it", "relay a client=2001:db8::/31", "relay.a"},
		{"families are not added up", "relay a client=8.0.0.0/8,2001:db8::/32", ""},
		{"mapped addresses are IPv4", "relay a client=::ffff:8.0.0.0/103", "relay.a"},
		{"mapped and plain are one", "relay a client=::ffff:8.0.0.0/104,8.0.0.0/8", ""},
		{"private networks", "relay a client=10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,169.254.0.0/16,::1,fe80::/10,fc00::/7", ""},
		{"private networks inside a larger one", "relay a client=10.0.0.0/7", ""},
		{"shared address space is public", "relay a client=100.64.0.0/10,8.0.0.0/8", "relay.a"},
		{"half of the Internet", "relay a client=0.0.0.0/1", "relay.a"},
		{"cut in small pieces", "relay a client=8.0.0.0/9,8.128.0.0/9,9.0.0.0/9", "relay.a"},
		{"a login", "relay a login=staff", ""},
		{"a certificate", "relay a certificate=sha256:aa", ""},
		{"a login does not save another rule", "relay a login=staff\nrelay b", "relay.b"},
		{"bounded by a domain", "relay a recipient=partner.example", ""},
		{"bounded by an address", "relay a recipient=x@partner.example", ""},
		{"bounded by subdomains", "relay a recipient=.partner.example", ""},
		{"bounded by original, which is the same there", "relay a original=partner.example", ""},
		{"a local part bounds nobody", "relay a recipient=info@", "relay.a"},
		{"any bounds nobody", "relay a recipient=*", "relay.a"},
		{"one open alternative is enough", "relay a recipient=partner.example,info@", "relay.a"},
		{"a top level bounds nobody", "relay a recipient=.com", "relay.a"},
		{"a public suffix bounds nobody", "relay a recipient=.co.uk", "relay.a"},
		{"a private suffix bounds nobody", "relay a recipient=.github.io", "relay.a"},
		{"a domain under a public suffix", "relay a recipient=.example.co.uk", ""},
		{"a domain that is a suffix is one domain", "relay a recipient=com", ""},
		{"a table of domains", "table d list\nrelay a recipient=table.d", ""},
		{"a table of expressions may match anything", "table d regexp\nrelay a recipient=table.d", "relay.a"},
		{"sender is what the client says", "relay a sender=example.com", "relay.a"},
		{"helo is what the client says", "relay a helo=mx.example.com", "relay.a"},
		{"header is what the client says", "relay a header=X-Pass:secret", "relay.a"},
		{"tag", "relay a tag=ham", "relay.a"},
		{"size", "relay a size=<1000", "relay.a"},
		{"percent", "relay a percent=1", "relay.a"},
		{"tls", "relay a tls=yes", "relay.a"},
		{"listener", "relay a listener=public", "relay.a"},
		{"except does not bound", "relay a except(client=0.0.0.0/1)", "relay.a"},
		{"except of a login does not bound", "relay a except(login=staff)", "relay.a"},
		{"a private rule is not named", "relay a client=10.0.0.0/8\nrelay b", "relay.b"},
		{"a bounded rule is not named", "relay a client=0.0.0.0/0 recipient=partner.example\nrelay b sender=x.example", "relay.b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var names []string
			for _, ref := range OpenRelay(parseWorld(c.rules).rules) {
				names = append(names, ref.Name)
			}
			if got := strings.Join(names, " "); got != c.open {
				t.Errorf("%s\nopen: %q, want %q", c.rules, got, c.open)
			}
		})
	}
}

// A client table counts with the networks that it held when it was read.
func TestOpenRelayCountsClientTables(t *testing.T) {
	r := parseWorld("table nets cidr\nrelay a client=table.nets").rules
	if OpenRelay(r) != nil {
		t.Error("a table without public networks is open")
	}
	r.Tables[0].Networks = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	if got := OpenRelay(r); len(got) != 1 || got[0].Name != "relay.a" {
		t.Errorf("a table with the whole Internet: %v", got)
	}
}

func TestIsPartner(t *testing.T) {
	w := parseWorld("relay a client=10.0.0.0/8,203.0.113.7\nrelay b client=fd00::/8 recipient=partner.example\nrelay c login=staff\ndirectory staff")
	for client, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "203.0.113.7": true, "203.0.113.8": false, "fd00::1": true, "192.0.2.1": false,
	} {
		if got := w.snapshot.IsPartner(netip.MustParseAddr(client)); got != want {
			t.Errorf("%s: %v, want %v", client, got, want)
		}
	}
	if parseWorld("relay a client=0.0.0.0/0 recipient=partner.example").snapshot.IsPartner(netip.MustParseAddr("192.0.2.1")) {
		t.Error("a network that is the Internet makes everybody a partner")
	}
}
