package explain

import (
	"fmt"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/table"
)

// backscatter finds domains that accept mail for whoever is named. What the
// system behind them refuses goes back as a report to a sender whom spammers
// forged, and what it takes hides every typing error.
func backscatter(s *subject) []Finding {
	var out []Finding
	for _, d := range s.rules.Domains {
		if how := s.acceptsUnknown(d); how != "" && d.AliasOf == "" {
			out = append(out, about(d.Ref, "unknown users are accepted", fmt.Sprintf(
				"%s takes mail for whoever is named, by %s: what is refused behind it bounces to senders who may be forged; a list, a table or \"ask\" refuses at once", d.Name, how)))
		}
	}
	for _, t := range s.rules.Templates {
		how := ""
		switch {
		case t.Members == decide.MembersAny:
			how = `mailboxes = "any"`
		case t.CatchAll != "":
			how = "its catch_all"
		default:
			continue
		}
		out = append(out, about(t.Ref, "unknown users are accepted", fmt.Sprintf(
			"the domains of %s take mail for whoever is named, by %s: what is refused behind them bounces to senders who may be forged; a table or \"ask\" refuses at once", t.Name, how)))
	}
	return out
}

// acceptsUnknown tells by what a domain accepts whom nobody named, "" when it
// does not.
func (s *subject) acceptsUnknown(d decide.Domain) string {
	all := "@" + string(d.Name)
	switch {
	case d.Members == decide.MembersAny:
		return `mailboxes = "any"`
	case len(d.CatchAll) > 0:
		return "its catch_all"
	case d.Members == decide.MembersTable && s.has(d.MailboxTable, all):
		return all + " in table." + s.rules.Tables[d.MailboxTable].Name
	case s.has(d.AliasTable, all):
		return all + " in table." + s.rules.Tables[d.AliasTable].Name
	}
	return ""
}

// has tells whether a table in memory has the plain key.
func (s *subject) has(id decide.TableID, key string) bool {
	c := s.content(id)
	return c != nil && !c.Whole() && c.Lookup(key).Status == table.Found
}
