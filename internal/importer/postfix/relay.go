package postfix

import (
	"net/netip"
	"strings"
)

// stranger is a client that no network of a configuration has.
func stranger() netip.Addr { return netip.MustParseAddr("192.0.2.1") }

// deferredStrangers are refused with 454 by Postfix.
const deferredStrangers = "defer_unauth_destination"

// foreignRecipient is an address that nobody hosts.
const foreignRecipient = "somebody@elsewhere.example"

// relayRules grant what the restrictions let pass to foreign domains: mynetworks,
// and what access tables permit before destinations are looked at.
func (im *importer) relayRules() {
	im.use("mynetworks", "mynetworks_style", "smtpd_relay_restrictions", "smtpd_recipient_restrictions")
	if im.admits(Question{Client: stranger(), Recipient: foreignRecipient}) {
		im.leave("smtpd_relay_restrictions", "relaying for everybody", "the restrictions let strangers send anywhere, or cannot be understood: an open relay does not load")
		return
	}
	im.relayNetworks()
	im.relayAccess()
	if !im.admits(Question{Client: stranger(), Recipient: foreignRecipient}) && im.defersStrangers() {
		im.result.shapes[deferredStrangers] = im.differ(Left{What: deferredStrangers, Place: im.place("smtpd_relay_restrictions"), Why: "strangers who send elsewhere are refused with 554 instead of 454"})
	}
}

func (im *importer) admits(q Question) bool {
	im.model.notes = map[string]bool{}
	verdict, _ := im.model.admit(q)
	return verdict == ""
}

func (im *importer) defersStrangers() bool {
	im.model.notes = map[string]bool{}
	verdict, _ := im.model.admit(Question{Client: stranger(), Recipient: foreignRecipient})
	return verdict == "defer"
}

// relayNetworks is permit_mynetworks.
func (im *importer) relayNetworks() {
	nets, complete := im.model.mynetworks.networks()
	if !complete {
		im.leave("mynetworks", "parts of mynetworks", "exceptions, names and tables in it are not carried over")
	}
	var list []string
	for _, n := range nets {
		if im.admits(Question{Client: n.Addr(), Recipient: foreignRecipient}) {
			list = append(list, n.String())
		}
	}
	if len(list) == 0 {
		return
	}
	b := im.doc.add(sectionRelay, &block{head: `relay "mynetworks"`, from: im.place("smtpd_relay_restrictions") + " permit_mynetworks"})
	b.set("client", quoteList(list), im.place("mynetworks"))
	if !im.Main.IsSet("mynetworks") {
		im.differ(Left{What: "mynetworks", Place: "Postfix's default", Why: "Postfix takes the machine's own addresses (mynetworks_style); here stands the loopback only"})
	}
}

// relayAccess is what access tables permit before reject_unauth_destination.
func (im *importer) relayAccess() {
	var clients, recipients, from []string
	for _, list := range []string{"smtpd_relay_restrictions", "smtpd_recipient_restrictions"} {
		for _, r := range im.restrictions(list) {
			if r.table == nil || r.table.Why != "" {
				continue
			}
			before := len(clients) + len(recipients)
			for _, e := range r.table.Entries {
				if a, _ := parseAction(e.Value); a != actionPermit {
					continue
				}
				switch r.word {
				case "check_client_access":
					if n, ok := clientPattern(e.Key); ok && im.admits(Question{Client: n.Addr(), Recipient: foreignRecipient}) {
						clients = append(clients, n.String())
					}
				case "check_recipient_access":
					if im.admits(Question{Client: stranger(), Recipient: sample(e.Key)}) && !im.model.isAuthorised(sample(e.Key)) {
						recipients = append(recipients, accessPatterns(e.Key, im.accessHasSubdomains())...)
					}
				}
			}
			if len(clients)+len(recipients) > before {
				from = append(from, r.table.Shown)
			}
		}
	}
	for _, by := range []struct {
		attribute string
		values    []string
	}{{"client", clients}, {"recipient", recipients}} {
		if values := unique(by.values); len(values) > 0 {
			b := im.doc.add(sectionRelay, &block{head: `relay "` + by.attribute + `_access"`, from: strings.Join(unique(from), ", ")})
			b.set(by.attribute, quoteList(values), "")
		}
	}
}

func (im *importer) accessHasSubdomains() bool {
	return im.model.isIn("parent_domain_matches_subdomains", "smtpd_access_maps")
}

// sample is an address that a key of an access table stands for.
func sample(key string) string {
	local, domain, ok := cut(key)
	switch {
	case !ok:
		return "somebody@" + strings.TrimPrefix(local, ".")
	case domain == "":
		return local + "@elsewhere.example"
	case local == "":
		return "somebody@" + domain
	}
	return key
}

// accessPatterns writes a key of access(5) as patterns.
func accessPatterns(key string, subdomains bool) []string {
	key = strings.ToLower(key)
	switch {
	case key == "<>" || strings.Contains(key, "@"):
		return []string{key}
	case strings.HasPrefix(key, ".") || !subdomains:
		return []string{key}
	}
	return []string{key, "." + key}
}

// clientPattern reads a key of check_client_access that is an address or a
// network: also "10.1", which stands for 10.1.0.0/16.
func clientPattern(key string) (netip.Prefix, bool) {
	if p, ok := parseNetwork(key); ok {
		return p, true
	}
	octets := strings.Split(key, ".")
	if len(octets) > 3 {
		return netip.Prefix{}, false
	}
	bits := 8 * len(octets)
	for len(octets) < 4 {
		octets = append(octets, "0")
	}
	a, err := netip.ParseAddr(strings.Join(octets, "."))
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, bits), true
}
