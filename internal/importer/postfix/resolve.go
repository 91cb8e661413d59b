package postfix

import (
	"slices"
	"strings"
)

// class is the address class of a domain (ADDRESS_CLASS_README).
type class uint8

const (
	classDefault class = iota
	classLocal
	classAlias
	classMailbox
	classRelay
)

// way is what trivial-rewrite(8) answers.
type way struct {
	class     class
	transport string
	nexthop   string
}

// parseWay splits "transport:nexthop" at the first colon.
func parseWay(s string) (transport, nexthop string) {
	transport, nexthop, _ = strings.Cut(strings.TrimSpace(s), ":")
	return strings.TrimSpace(transport), strings.TrimSpace(nexthop)
}

// classOf gives the class of a domain; the first that has it counts.
func (m *Model) classOf(domain string) class {
	for _, list := range []struct {
		parameter string
		items     []matchItem
	}{{"virtual_alias_domains", m.virtualAlias.items}, {"virtual_mailbox_domains", m.virtualMailbox.items}, {"relay_domains", m.relay.items}} {
		if slices.ContainsFunc(list.items, func(it matchItem) bool { return it.table != nil && it.table.Why != "" }) {
			m.note(list.parameter)
		}
	}
	switch {
	case m.mydestination.hasDomain(domain) || m.isOwnLiteral(domain):
		return classLocal
	case m.virtualAlias.hasDomain(domain):
		return classAlias
	case m.virtualMailbox.hasDomain(domain):
		return classMailbox
	case m.relay.hasDomain(domain):
		return classRelay
	}
	return classDefault
}

// isOwnLiteral tells "[192.0.2.1]" where that is an address of Postfix's own.
func (m *Model) isOwnLiteral(domain string) bool {
	if !strings.HasPrefix(domain, "[") {
		return false
	}
	ip := strings.Trim(domain, "[]")
	for _, name := range []string{"inet_interfaces", "proxy_interfaces"} {
		for _, own := range m.Main.Items(name) {
			if strings.Trim(own, "[]") == ip {
				return true
			}
		}
	}
	return false
}

// resolve finds transport and next hop of a final address.
func (m *Model) resolve(sender, address string) way {
	_, domain, ok := cut(address)
	if !ok {
		return way{class: classLocal, transport: "local", nexthop: m.Main.Get("myhostname")}
	}
	w := way{class: m.classOf(domain)}
	switch w.class {
	case classLocal:
		w.transport, w.nexthop = parseWay(m.Main.Get("local_transport"))
		w.orNexthop(domain)
	case classAlias:
		w.transport, w.nexthop = "error", "5.1.1 User unknown in virtual alias table"
	case classMailbox:
		w.transport, w.nexthop = parseWay(m.Main.Get("virtual_transport"))
		w.orNexthop(domain)
	case classRelay:
		w.transport, w.nexthop = parseWay(m.Main.Get("relay_transport"))
		m.relayhost(&w, sender, domain)
	default:
		w.transport, w.nexthop = m.defaultTransport(sender)
		m.relayhost(&w, sender, domain)
	}
	m.override(&w, address, domain)
	return w
}

func (w *way) orNexthop(s string) {
	if w.nexthop == "" {
		w.nexthop = s
	}
}

// defaultTransport is the sender's, or everybody's.
func (m *Model) defaultTransport(sender string) (transport, nexthop string) {
	if e, _, ok := m.findSender(m.senderVia, sender); ok {
		m.note("sender_dependent_default_transport_maps")
		if !strings.EqualFold(e.Value, "dunno") {
			transport, nexthop = parseWay(e.Value)
		}
	}
	if transport == "" {
		var own string
		transport, own = parseWay(m.Main.Get("default_transport"))
		if nexthop == "" {
			nexthop = own
		}
	}
	return transport, nexthop
}

// relayhost gives mail that goes out the sender's relayhost, or everybody's, or
// the domain of the recipient.
func (m *Model) relayhost(w *way, sender, domain string) {
	if w.nexthop != "" {
		return
	}
	w.nexthop = domain
	if e, _, ok := m.findSender(m.senderRelay, sender); ok {
		m.note("sender_dependent_relayhost_maps")
		if !strings.EqualFold(e.Value, "dunno") {
			w.nexthop = e.Value
		}
		return
	}
	if host := m.Main.Get("relayhost"); host != "" {
		w.nexthop = host
	}
}

// senderKeys are those of the sender-dependent tables.
func (m *Model) senderKeys(sender string) []string {
	if sender == "" {
		return []string{"<>"}
	}
	return m.keys(sender)
}

func (m *Model) findSender(ts Tables, sender string) (Entry, *Table, bool) {
	for i, key := range m.senderKeys(sender) {
		if e, t, ok := ts.find(key, i == 0); ok {
			return e, t, true
		}
	}
	return Entry{}, nil, false
}

// keys are those of most tables of addresses, in their order: the address, then
// without extension, then the bare local parts where the domain is our own, then
// "@domain" (mail_addr_find(3)).
func (m *Model) keys(address string) []string {
	address = strings.ToLower(address)
	local, domain, ok := cut(address)
	if !ok {
		return []string{address}
	}
	out, bare := m.wholeKeys(local, domain)
	if m.isSite(domain) {
		out = append(out, local)
		if bare != "" {
			out = append(out, bare)
		}
	}
	return append(out, "@"+domain)
}

// wholeKeys are the first keys of an address everywhere: the address, and without
// its extension. bare is the local part without that, "" where there is none.
func (m *Model) wholeKeys(local, domain string) (keys []string, bare string) {
	keys = []string{local + "@" + domain}
	if n := split(local, m.delimiters); n > 0 {
		bare = local[:n]
		keys = append(keys, bare+"@"+domain)
	}
	return keys, bare
}

// isSite tells whether bare local parts stand for addresses of a domain.
func (m *Model) isSite(domain string) bool {
	return strings.EqualFold(domain, m.Main.Get("myorigin")) || m.mydestination.hasDomain(domain) || m.isOwnLiteral(domain)
}

// find asks tables for an address by keys; ext is the extension that the key did
// not have.
func (m *Model) find(ts Tables, address string) (e Entry, ext string, ok bool) {
	if ts.hasUnread() {
		m.note(ts.Parameter)
	}
	local, domain, _ := cut(address)
	n := split(local, m.delimiters)
	for i, key := range m.keys(address) {
		e, _, ok := ts.find(key, i == 0)
		if !ok {
			continue
		}
		bare := n > 0 && (strings.EqualFold(key, local[:n]+"@"+domain) || strings.EqualFold(key, local[:n]))
		if bare {
			ext = local[n:]
		}
		return e, ext, true
	}
	return Entry{}, "", false
}

// transportKeys are those of transport(5).
func (m *Model) transportKeys(address, domain string) []string {
	address = strings.ToLower(address)
	local, _, _ := cut(address)
	out, _ := m.wholeKeys(local, domain)
	out = append(out, domain)
	dot := "."
	for _, name := range m.Main.Items("parent_domain_matches_subdomains") {
		if name == "transport_maps" {
			dot = ""
		}
	}
	for _, p := range parents(domain) {
		out = append(out, dot+p)
	}
	return append(out, "*")
}

// override obeys transport_maps (transport(5), RESULT FORMAT).
func (m *Model) override(w *way, address, domain string) {
	if m.transport.hasUnread() {
		m.note("transport_maps")
	}
	for i, key := range m.transportKeys(address, domain) {
		e, _, ok := m.transport.find(key, i == 0)
		if !ok {
			continue
		}
		m.note("transport_maps")
		transport, nexthop := parseWay(e.Value)
		if strings.HasPrefix(e.Value, "[") || !strings.Contains(e.Value, ":") {
			transport, nexthop = "", strings.TrimSpace(e.Value)
		}
		switch {
		case transport != "":
			w.transport, w.nexthop = transport, nexthop
			w.orNexthop(domain)
		case nexthop != "":
			w.nexthop = nexthop
		}
		return
	}
}
