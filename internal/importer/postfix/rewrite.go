package postfix

import (
	"strings"
)

// maxExpansions bounds what one recipient becomes (virtual_alias_expansion_limit).
const maxExpansions = 1000

// canonicalRecipient rewrites an envelope recipient as cleanup(8) does before
// anything else.
func (m *Model) canonicalRecipient(address string) string {
	if m.isIn("recipient_canonical_classes", "envelope_recipient") {
		address = m.mapped("recipient_canonical_maps", m.rcptCanon, address)
	}
	if m.isIn("canonical_classes", "envelope_recipient") {
		address = m.mapped("canonical_maps", m.canonical, address)
	}
	if m.isIn("masquerade_classes", "envelope_recipient") {
		address = m.masqueraded(address)
	}
	return address
}

// canonicalSender rewrites an envelope sender.
func (m *Model) canonicalSender(address string) string {
	if address == "" {
		return ""
	}
	if m.isIn("sender_canonical_classes", "envelope_sender") {
		address = m.mapped("sender_canonical_maps", m.senderCanon, address)
	}
	if m.isIn("canonical_classes", "envelope_sender") {
		address = m.mapped("canonical_maps", m.canonical, address)
	}
	if m.isIn("masquerade_classes", "envelope_sender") {
		address = m.masqueraded(address)
	}
	return address
}

func (m *Model) isIn(parameter, word string) bool {
	for _, w := range m.Main.Items(parameter) {
		if w == word {
			return true
		}
	}
	return false
}

// genericAtHome is noted where mail for a hosted domain leaves by smtp(8), which
// maps the addresses of envelope and header.
const genericAtHome = "smtp_generic_maps to hosted domains"

// outgoing is what smtp(8) makes of the addresses of a leg, once its next hop is
// settled (generic(5)): one step, without the extension unless it is to be kept.
func (m *Model) outgoing(l *Leg) {
	if m.generic.IsEmpty() || m.service(l.Transport).Command != "smtp" {
		return
	}
	if m.isAuthorised(l.Recipient) {
		m.note(genericAtHome)
	}
	for _, a := range []*string{&l.Sender, &l.Recipient} {
		if *a == "" {
			continue
		}
		if to := m.look("smtp_generic_maps", m.generic, *a, m.propagates["generic"]); len(to) > 0 {
			*a = to[0]
		}
	}
}

// mapped asks one-to-one tables until they know nothing more, or name the
// address itself.
func (m *Model) mapped(parameter string, ts Tables, address string) string {
	for range maxExpansions {
		to := m.look(parameter, ts, address, m.propagates["canonical"])
		if len(to) == 0 || strings.EqualFold(to[0], address) {
			return address
		}
		address = to[0]
	}
	return address
}

// masqueraded strips subdomains of masquerade_domains, except for the names of
// masquerade_exceptions.
func (m *Model) masqueraded(address string) string {
	local, domain, ok := cut(address)
	if !ok {
		return address
	}
	for _, name := range m.Main.Items("masquerade_exceptions") {
		if strings.EqualFold(name, local) {
			return address
		}
	}
	for _, word := range m.Main.Items("masquerade_domains") {
		name, negated := strings.CutPrefix(strings.ToLower(word), "!")
		if domain != name && !strings.HasSuffix(domain, "."+name) {
			continue
		}
		if negated || domain == name {
			return address
		}
		m.note("masquerade_domains")
		return local + "@" + name
	}
	return address
}

// look asks one-to-many tables for an address (mail_addr_map(3)): "@domain" in
// the answer keeps the local part, an unmatched extension goes along.
func (m *Model) look(parameter string, ts Tables, address string, propagate bool) []string {
	e, ext, ok := m.find(ts, address)
	if !ok {
		return nil
	}
	m.note(parameter)
	var out []string
	for i, to := range targets(e.Value) {
		switch {
		case i == 0 && strings.HasPrefix(to, "@"):
			local, _, _ := cut(address)
			out = append(out, local+to)
			continue
		case propagate && ext != "":
			to = extended(to, ext)
		}
		out = append(out, m.Main.completed(to))
	}
	return out
}

// expand follows the virtual aliases of an address to those that have none
// (cleanup_map1n(3)). ok is false where they have no end: cleanup(8) defers then.
func (m *Model) expand(address string) (list []string, ok bool) {
	list = []string{address}
	itself := map[string]bool{} // an address that an alias of that name names is final
	for i := 0; i < len(list); i++ {
		for depth := 0; !itself[strings.ToLower(list[i])]; depth++ {
			from := list[i]
			to := m.look("virtual_alias_maps", m.virtual, from, m.propagates["virtual"])
			if len(to) == 0 {
				break
			}
			if depth >= maxExpansions || len(list)+len(to) > maxExpansions {
				m.note(endlessAlias)
				return []string{address}, false
			}
			list[i] = to[0]
			list = append(list, to[1:]...)
			for _, t := range to {
				itself[strings.ToLower(from)] = itself[strings.ToLower(from)] || strings.EqualFold(t, from)
			}
		}
	}
	return unique(list), true
}

// ownedAlias, with the alias, is noted where local(8) makes the owner of a list
// its sender; beyondAddresses where programs or files stand behind it.
const (
	ownedAlias      = "the owner of alias "
	beyondAddresses = "programs and files of alias "
)

// endlessAlias is noted where aliases lead in a circle.
const endlessAlias = "a circle of aliases"

// unique drops addresses that stand there already.
func unique(list []string) []string {
	seen, out := map[string]bool{}, list[:0]
	for _, a := range list {
		if key := strings.ToLower(a); !seen[key] {
			seen[key] = true
			out = append(out, a)
		}
	}
	return out
}

// copies gives the recipients that always_bcc, sender_bcc_maps and
// recipient_bcc_maps add.
func (m *Model) copies(sender, recipient string) []string {
	var out []string
	if to := m.Main.Get("always_bcc"); to != "" {
		m.note("always_bcc")
		out = append(out, m.Main.completed(to))
	}
	for _, by := range []struct{ parameter, address string }{{"sender_bcc_maps", sender}, {"recipient_bcc_maps", recipient}} {
		if by.address == "" {
			continue
		}
		if e, _, ok := m.find(m.Tables(by.parameter), by.address); ok {
			m.note(by.parameter)
			out = append(out, m.Main.completed(e.Value))
		}
	}
	return unique(out)
}

// local follows aliases(5) as local(8) does, and resolves what leaves it.
func (m *Model) local(a *Answer, sender, address string) {
	seen := map[string]bool{}
	var follow func(sender, address string, depth int)
	follow = func(sender, address string, depth int) {
		name, _, _ := cut(address)
		e, ok := m.alias(name)
		if !ok || seen[strings.ToLower(name)] || depth > maxExpansion {
			m.mailbox(a, sender, address)
			return
		}
		if _, owned := m.alias("owner-" + name); owned {
			m.note(ownedAlias + e.name())
			sender = m.Main.completed("owner-" + name)
		}
		seen[strings.ToLower(name)] = true
		m.note("alias_maps")
		to, others := m.AliasTargets(e.Value)
		if len(others) > 0 {
			m.note(beyondAddresses + e.name())
		}
		for _, t := range to {
			t = m.Main.completed(strings.TrimPrefix(t, `\`))
			if w := m.resolve(sender, t); w.class == classLocal && w.transport == "local" {
				follow(sender, t, depth+1)
				continue
			}
			list, _ := m.expand(t)
			for _, final := range list {
				m.final(a, sender, final)
			}
		}
	}
	follow(sender, address, 0)
}

// alias asks aliases(5) for a local part, with and without its extension.
func (m *Model) alias(name string) (Entry, bool) {
	keys := []string{strings.ToLower(name)}
	if n := split(name, m.delimiters); n > 0 {
		keys = append(keys, strings.ToLower(name[:n]))
	}
	for i, key := range keys {
		if e, _, ok := m.localAliases.find(key, i == 0); ok {
			return e, true
		}
	}
	return Entry{}, false
}

// mailbox is the end of local(8): mailbox_transport, or a file of the user's.
func (m *Model) mailbox(a *Answer, sender, address string) {
	w := way{class: classLocal, transport: "local", nexthop: m.Main.Get("myhostname")}
	if to := m.Main.Get("mailbox_transport"); to != "" {
		w.transport, w.nexthop = parseWay(to)
	}
	m.end(a, sender, address, w)
}
