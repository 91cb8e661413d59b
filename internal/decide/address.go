package decide

import (
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// entryKind says what a hosted domain knows of an address.
type entryKind uint8

const (
	entryUnknown entryKind = iota
	entryMailbox
	entryAlias
	entryList
	entryAway // a table could not answer
)

// entry is what a hosted domain knows of an address, and by which rule.
type entry struct {
	kind    entryKind
	rule    Ref
	targets []mail.Address // of an inline alias
	values  []string       // of a table
	ext     string         // subaddress that the key did not have, to be passed on
	list    *List
	wild    bool // found by a key that stands for many addresses
}

// find looks an address up in its domain. Names come before wildcards, and among
// names aliases before mailboxes; a catch-all comes last (SEMANTICS 5):
//
//  0. lists
//  1. aliases: user+ext@d, user@d, then the bare local parts (virtual(5))
//  2. mailboxes: user+ext@d, user@d, bare local parts in a list
//  3. for postmaster: the postmaster of the configuration
//  4. aliases: @d
//  5. mailboxes: @d, or any
//  6. the catch-all
//  7. for postmaster: the domain itself (RFC 5321 s4.5.1)
//
// Postfix lets an alias @d win over mailboxes too; here it is for those whom
// nobody knows, as virtual(5) says of it.
func (q *query) find(d *domain, s *subject) entry {
	for _, step := range [...]func(*query, *domain, *subject) entry{
		(*query).namedList, (*query).namedAlias, (*query).namedMailbox, (*query).postmaster, (*query).wildAlias,
		(*query).wildMailbox, (*query).catchAll, (*query).lastPostmaster,
	} {
		if e := step(q, d, s); e.kind != entryUnknown {
			return e
		}
	}
	return entry{}
}

// namedAlias asks each key of inline aliases and table before the next key.
func (q *query) namedAlias(d *domain, s *subject) entry {
	q.keys = aliasKeys(q.keys[:0], s)
	for i, key := range q.keys {
		e := q.aliasAt(d, i, key)
		if e.kind == entryUnknown {
			continue
		}
		if e.kind == entryAlias && s.isBare(key) {
			e.ext, e.wild = s.ext, true
		}
		return e
	}
	return entry{}
}

// aliasKeys are the keys of virtual(5) in its order, but "@domain".
func aliasKeys(dst []string, s *subject) []string {
	dst = append(dst, s.key)
	if s.bare != "" {
		dst = append(dst, s.bare)
	}
	dst = append(dst, s.local())
	if s.bare != "" {
		dst = append(dst, s.bareLocal())
	}
	return dst
}

// aliasAt asks for the n-th key; a table of whole keys knows the first only.
func (q *query) aliasAt(d *domain, n int, key string) entry {
	if a := d.aliases[key]; a != nil {
		return inlineEntry(d, a)
	}
	if d.AliasTable == NoTable || n > 0 && q.isWhole(d.AliasTable) {
		return entry{}
	}
	known := len(q.needs)
	a := q.ask(d.AliasTable, key)
	if len(q.needs) > known {
		for _, next := range q.keys[n+1:] {
			q.ask(d.AliasTable, next)
		}
	}
	return q.aliasEntry(d, a)
}

func inlineEntry(d *domain, a *Alias) entry {
	return entry{kind: entryAlias, rule: Ref{Name: d.Ref.Name, Source: a.Source}, targets: a.Targets}
}

func (q *query) aliasEntry(d *domain, a table.Answer) entry {
	switch a.Status {
	case table.Found:
		return entry{kind: entryAlias, rule: Ref{Name: q.tableName(d.AliasTable), Source: a.Source}, values: a.Values}
	case table.TryLater:
		return entry{kind: entryAway, rule: d.Ref}
	}
	return entry{}
}

// namedMailbox asks for the mailbox with and without the subaddress.
func (q *query) namedMailbox(d *domain, s *subject) entry {
	switch d.Members {
	case MembersList:
		if d.mailboxes[s.key] || s.bare != "" && d.mailboxes[s.bare] {
			return entry{kind: entryMailbox, rule: d.Ref, wild: !d.mailboxes[s.key]}
		}
	case MembersAsk:
		return q.mailboxEntry(d, s, append(q.keys[:0], s.key))
	case MembersTable:
		return q.mailboxEntry(d, s, mailboxKeys(q.keys[:0], d, s))
	}
	return entry{}
}

func mailboxKeys(dst []string, d *domain, s *subject) []string {
	dst = append(dst, s.key)
	if s.bare != "" {
		dst = append(dst, s.bare)
	}
	if d.bareKeys {
		dst = append(dst, s.local())
		if s.bare != "" {
			dst = append(dst, s.bareLocal())
		}
	}
	return dst
}

func (q *query) mailboxEntry(d *domain, s *subject, keys []string) entry {
	a, n := q.first(d.MailboxTable, keys)
	rule := Ref{Name: q.tableName(d.MailboxTable), Source: a.Source}
	switch a.Status {
	case table.Found:
		// What an expression matches was not written down name by name either.
		// Nor was what another host accepts.
		return entry{kind: entryMailbox, rule: rule, wild: d.Members == MembersAsk || q.isWhole(d.MailboxTable) || s.isBare(keys[n])}
	case table.TryLater:
		return entry{kind: entryAway, rule: d.Ref}
	}
	return entry{}
}

// postmaster gives the tenant's or the configuration's postmaster to a domain without its own.
func (q *query) postmaster(d *domain, s *subject) entry {
	to := q.postmasterOf(d.Tenant)
	if !isPostmaster(s.address) || to.IsZero() {
		return entry{}
	}
	return entry{kind: entryAlias, rule: Ref{Name: postmasterLocal}, targets: []mail.Address{to}}
}

// postmasterOf gives a tenant's postmaster, or the configuration's.
func (q *query) postmasterOf(tenant string) mail.Address {
	if own := q.spaceOf(tenant).tenant; own != nil && !own.Postmaster.IsZero() {
		return own.Postmaster
	}
	return q.Rules.Postmaster
}

// wildAlias asks the aliases for "@domain".
func (q *query) wildAlias(d *domain, s *subject) entry {
	if a := d.aliases[s.key[s.at:]]; a != nil {
		e := inlineEntry(d, a)
		e.wild = true
		return e
	}
	if d.AliasTable == NoTable || q.isWhole(d.AliasTable) {
		return entry{}
	}
	e := q.aliasEntry(d, q.ask(d.AliasTable, s.key[s.at:]))
	e.wild = true
	return e
}

func (q *query) wildMailbox(d *domain, s *subject) entry {
	switch {
	case d.Members == MembersAny:
		return entry{kind: entryMailbox, rule: d.Ref, wild: true}
	case d.Members == MembersTable && !q.isWhole(d.MailboxTable):
		e := q.mailboxEntry(d, s, append(q.keys[:0], s.key[s.at:]))
		e.wild = true
		return e
	}
	return entry{}
}

func (q *query) catchAll(d *domain, s *subject) entry {
	if len(d.CatchAll) == 0 {
		return entry{}
	}
	return entry{kind: entryAlias, rule: d.Ref, targets: d.CatchAll, wild: true}
}

func (q *query) lastPostmaster(d *domain, s *subject) entry {
	if isPostmaster(s.address) {
		return entry{kind: entryMailbox, rule: d.Ref}
	}
	return entry{}
}
