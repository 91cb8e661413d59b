package decide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// domain is one compiled hosted domain. real is itself, or the domain whose
// other name it is.
type domain struct {
	*Domain
	real      *domain
	template  *Template       // that it comes from; nil: it has a block
	scheme    *SRS            // it is a domain of return paths, and of nothing else
	cause     string          // why it cannot be told whose it is, or what becomes of its mail
	bareKeys  bool            // its mailbox table may hold bare local parts
	bareMoved bool            // its table of moved addresses may
	mailboxes map[string]bool // keys
	aliases   map[string]*Alias
}

func (s *Snapshot) compileDomains() error {
	for i := range s.Rules.Domains {
		d := compileDomain(s.Rules, &s.Rules.Domains[i])
		if s.domains[d.Name] != nil {
			return fmt.Errorf("%s (%s): domain %q stands twice", d.Ref.Name, d.Source, d.Name)
		}
		s.domains[d.Name] = d
		if s.firstDomain == nil && d.AliasOf == "" && d.Tenant == "" {
			s.firstDomain = d
		}
	}
	for _, d := range s.domains {
		if err := s.linkDomain(d); err != nil {
			return err
		}
	}
	return nil
}

func compileDomain(r *Rules, source *Domain) *domain {
	d := &domain{Domain: source}
	d.real = d
	if len(source.Mailboxes) > 0 {
		d.mailboxes = make(map[string]bool, len(source.Mailboxes))
	}
	for _, m := range source.Mailboxes {
		d.mailboxes[m.Key()] = true
	}
	if len(source.Aliases) > 0 {
		d.aliases = make(map[string]*Alias, len(source.Aliases))
	}
	for i := range source.Aliases {
		d.aliases[source.Aliases[i].Address.Key()] = &source.Aliases[i]
	}
	d.bareKeys = source.Members == MembersTable && r.hasBareKeys(source.MailboxTable)
	d.bareMoved = r.hasBareMoves(source.Migration)
	return d
}

// hasBareKeys tells whether keys of a table may be bare local parts.
func (r *Rules) hasBareKeys(id TableID) bool {
	return id >= 0 && int(id) < len(r.Tables) && slices.Contains([]string{"list", "inline"}, r.Tables[id].Format)
}

// hasBareMoves tells the same of the table of moved addresses.
func (r *Rules) hasBareMoves(m *Migration) bool { return m != nil && r.hasBareKeys(m.Moved) }

func (s *Snapshot) linkDomain(d *domain) error {
	if d.AliasOf != "" {
		real := s.domains[d.AliasOf]
		if real == nil || real.AliasOf != "" || real.Tenant != d.Tenant {
			return missing(d.Ref, "real domain", string(d.AliasOf))
		}
		d.real = real
	}
	if (d.Members == MembersTable || d.Members == MembersAsk) && !s.hasTable(d.MailboxTable) {
		return missing(d.Ref, "table", fmt.Sprint(int(d.MailboxTable)))
	}
	if d.AliasTable != NoTable && !s.hasTable(d.AliasTable) {
		return missing(d.Ref, "table", fmt.Sprint(int(d.AliasTable)))
	}
	return s.linkMigration(d.Ref, d.Migration)
}

func (s *Snapshot) linkMigration(at Ref, m *Migration) error {
	if m == nil {
		return nil
	}
	tables := []TableID{m.Homes, m.Moved}
	for _, f := range m.Forwards {
		tables = append(tables, f.Table)
	}
	for _, id := range tables {
		if id != NoTable && !s.hasTable(id) {
			return missing(at, "table", fmt.Sprint(int(id)))
		}
	}
	for _, name := range []string{m.New, m.Old} {
		if s.transports[name] == nil {
			return missing(at, "transport", name)
		}
	}
	return nil
}

// splitAt gives where the subaddress of a local part begins, with its delimiter,
// or 0 when it has none: at the first octet of the set that is not the first of
// the local part, which is in lower case. Names whose delimiter belongs to the name are not split, as
// Postfix keeps them.
func (d *domain) splitAt(local string) int {
	n := strings.IndexAny(local, d.Subaddress)
	if n <= 0 || local[n] == '-' && isHyphenName(local) {
		return 0
	}
	return n
}

// isHyphenName tells whether the hyphen belongs to the name: owner-list,
// list-request, mailer-daemon, double-bounce.
func isHyphenName(local string) bool {
	return strings.HasPrefix(local, "owner-") || strings.HasSuffix(local, "-request") ||
		local == "mailer-daemon" || local == "double-bounce"
}

// postmasterLocal is the local part that every domain has (RFC 5321 s4.5.1).
const postmasterLocal = "postmaster"

// isPostmaster tells whether an address is a postmaster's, in any case of letters
// (RFC 5321 s2.3.5, s4.1.1.3).
func isPostmaster(a mail.Address) bool { return strings.EqualFold(a.Local, postmasterLocal) }
