package explain

import (
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// leavesElsewhere finds routes that take mail of a hosted domain away from the
// domain's own deliver. A route by tag is meant so; one that names a hosted
// domain may be meant so, and is told.
func leavesElsewhere(s *subject) []Finding {
	var out []Finding
	for _, r := range s.rules.Routes {
		if !concernsHosted(r) || len(r.Match.Tag) > 0 {
			continue
		}
		if taken := s.takenDomains(r); len(taken) > 0 {
			out = append(out, about(r.Ref, "hosted mail leaves by other than its domain's deliver",
				fmt.Sprintf("%s takes mail for %s", r.Name, listed(taken))))
		}
	}
	return out
}

// takenDomains names the domains, with the transport that they have and the one
// that they would have had.
func (s *subject) takenDomains(r decide.Route) []string {
	var out []string
	for _, d := range s.rules.Domains {
		if d.Deliver == "" || !isAskedFor(r, d) || !mayConcern(r.Match.Recipient, d.Name) {
			continue
		}
		via := r.Via
		if r.Lookup != decide.NoTable {
			via = s.viaTable(r.Lookup, d.Name)
		}
		if via != "" && via != d.Deliver {
			out = append(out, fmt.Sprintf("%s by transport.%s, not by transport.%s", d.Name, via, d.Deliver))
		}
	}
	return out
}

// viaTable is the transport that a transport(5) table gives a whole domain, or ""
// when it gives none, or cannot tell without a full address.
func (s *subject) viaTable(id decide.TableID, d mail.Domain) string {
	content := s.content(id)
	if content == nil || content.Whole() {
		return ""
	}
	for _, key := range domainKeys(d) {
		if a := content.Lookup(key); a.Status == table.Found && len(a.Values) > 0 {
			via, _, _ := strings.Cut(a.Values[0], ":")
			return strings.TrimSpace(via)
		}
	}
	return ""
}

// domainKeys are the keys of transport(5) for a domain, in their order.
func domainKeys(d mail.Domain) []string {
	keys := []string{string(d)}
	for p := d.Parent(); p != ""; p = p.Parent() {
		keys = append(keys, "."+string(p))
	}
	return append(keys, "*")
}

// listed joins some and counts the rest.
func listed(all []string) string {
	const most = 3
	if len(all) > most {
		return strings.Join(all[:most], "; ") + fmt.Sprintf("; and %d more", len(all)-most)
	}
	return strings.Join(all, "; ")
}
