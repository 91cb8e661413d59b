package decide

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// compilePartners gathers the networks that relay rules name, unless together
// they are most of the Internet: then they say nothing about a client.
func compilePartners(r *Rules) *bart.Lite {
	var nets []netip.Prefix
	for _, rule := range r.Relay {
		nets = append(nets, rule.Match.Client...)
	}
	set := new(bart.Lite)
	if exceeds(publicOnly(nets)) {
		return set
	}
	for _, p := range nets {
		set.Insert(foldPrefix(p))
	}
	return set
}

// IsPartner tells whether a relay rule names the client's network: one of our
// own hosts or a partner's, which limits against strangers do not concern. It
// grants nothing; that is for admit to say.
func (s *Snapshot) IsPartner(client netip.Addr) bool {
	client = client.Unmap().WithZone("")
	return client.IsValid() && s.partners.Contains(client)
}
