package explain

import (
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

// hostedDomain gives the block that serves name, or nil when it is foreign.
func hostedDomain(rules *decide.Rules, name mail.Domain) *decide.Domain {
	for i := range rules.Domains {
		if rules.Domains[i].Name == name {
			return &rules.Domains[i]
		}
	}
	return nil
}

// noWayIn finds hosted domains that accept no recipient at all.
func noWayIn(s *subject) []Finding {
	var out []Finding
	for _, d := range s.rules.Domains {
		if d.AliasOf == "" && !hasMailboxes(s, d) && !hasAliases(s, d) && len(d.CatchAll) == 0 {
			out = append(out, about(d.Ref, "domain without a way in",
				string(d.Name)+" has no mailboxes, no aliases and no catch_all: every recipient is refused"))
		}
	}
	return out
}

func hasMailboxes(s *subject, d decide.Domain) bool {
	switch d.Members {
	case decide.MembersAny, decide.MembersAsk:
		return true
	case decide.MembersList:
		return len(d.Mailboxes) > 0
	case decide.MembersTable:
		return !s.knownEmpty(d.MailboxTable)
	}
	return false
}

func hasAliases(s *subject, d decide.Domain) bool {
	return len(d.Aliases) > 0 || d.AliasTable != decide.NoTable && !s.knownEmpty(d.AliasTable)
}

// noWayOut finds hosted domains with mailboxes for whose mail nothing chooses
// where it goes: no deliver, no route for hosted mail, no default route. The
// plain mx that remains leads to the domain's own MX, which is likely this host.
func noWayOut(s *subject) []Finding {
	if s.rules.Default != nil {
		return nil
	}
	var out []Finding
	for _, d := range s.rules.Domains {
		if d.AliasOf != "" || d.Deliver != "" || d.Migration != nil || !hasMailboxes(s, d) || s.routedSomewhere(d) {
			continue
		}
		out = append(out, about(d.Ref, "domain without a way out",
			string(d.Name)+` has mailboxes but no deliver, and neither a route nor route "default" takes its mail`))
	}
	return out
}

// routedSomewhere tells whether a route may take mail of d.
func (s *subject) routedSomewhere(d decide.Domain) bool {
	for _, r := range s.rules.Routes {
		if concernsHosted(r) && isAskedFor(r, d) && mayConcern(r.Match.Recipient, d.Name) {
			return true
		}
	}
	return false
}

// isAskedFor tells whether a route is asked about mail of a domain's tenant.
func isAskedFor(r decide.Route, d decide.Domain) bool { return r.Tenant == "" || r.Tenant == d.Tenant }

// mayConcern tells whether an address of the domain can match one of the patterns.
func mayConcern(patterns []decide.Pattern, d mail.Domain) bool {
	if len(patterns) == 0 {
		return true
	}
	whole := decide.Pattern{Kind: decide.PatternDomain, Domain: d}
	for _, p := range patterns {
		switch p.Kind {
		case decide.PatternAddress:
			if p.Domain == d {
				return true
			}
		case decide.PatternLocal, decide.PatternTable:
			return true
		case decide.PatternNull:
		default:
			if patternCovers(p, whole) {
				return true
			}
		}
	}
	return false
}
