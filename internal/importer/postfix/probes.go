package postfix

import (
	"net/netip"
	"slices"
	"strings"
)

// maxProbes bounds the envelopes of a report; the addresses of larger tables are
// taken at even distances.
const maxProbes = 20000

// Probes are the envelopes that an equivalence report asks: every address of the
// tables and some around it, from a stranger and from a client of our own, and
// with the senders that tables name.
func (r *Result) Probes() []Question {
	recipients := thinned(r.recipients(), maxProbes/3)
	inside, hasInside := r.inside()
	var out []Question
	for _, to := range recipients {
		out = append(out, Question{Client: r.stranger(), Sender: "somebody@sender.example", Recipient: to})
		if hasInside {
			out = append(out, Question{Client: inside, Sender: "somebody@sender.example", Recipient: to})
		}
	}
	few := thinned(recipients, 12)
	few = append(few, foreignRecipient)
	for _, from := range thinned(r.senders(), maxProbes/3/len(few)) {
		for _, to := range few {
			q := Question{Client: r.stranger(), Sender: from, Recipient: to}
			if hasInside {
				q.Client = inside
			}
			out = append(out, q)
		}
	}
	for _, a := range r.clients() {
		for _, to := range few {
			out = append(out, Question{Client: a, Sender: "somebody@sender.example", Recipient: to})
		}
	}
	return out
}

// thinned takes at most n of a list, at even distances.
func thinned[T any](list []T, n int) []T {
	if len(list) <= n || n <= 0 {
		return list
	}
	out := make([]T, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}

// inside is a client of mynetworks.
func (r *Result) inside() (netip.Addr, bool) {
	nets, _ := r.model.mynetworks.networks()
	for _, n := range nets {
		if n.Addr().Is4() {
			return n.Addr().Next(), n.Bits() < 32 || n.Addr().Next() == n.Addr()
		}
	}
	return netip.Addr{}, false
}

// stranger is a client that mynetworks does not have.
func (r *Result) stranger() netip.Addr { return stranger() }

// recipients are the addresses of all tables, and those around them.
func (r *Result) recipients() []string {
	m := r.model
	var base []string
	for _, ts := range []Tables{m.virtual, m.mailboxes, m.relayRcpts, m.localRcpts, m.localAliases, m.transport, m.canonical, m.rcptCanon,
		m.Tables("recipient_bcc_maps")} {
		for _, t := range ts.List {
			base = append(base, r.addressesOf(t)...)
		}
	}
	for _, list := range []matchList{m.mydestination, m.virtualAlias, m.virtualMailbox, m.relay} {
		for _, d := range list.domains() {
			if r.isNameOnly(d.text) {
				continue
			}
			base = append(base, "@"+d.text)
		}
	}
	var out []string
	for _, a := range unique(append(base, foreignRecipient)) {
		out = append(out, r.around(a)...)
	}
	return unique(slices.DeleteFunc(out, func(a string) bool { return !isProbe(a) }))
}

// isNameOnly tells the bare local parts of virtual_alias_maps, which stands for
// the list of its domains too, from these.
func (r *Result) isNameOnly(domain string) bool {
	return !strings.Contains(domain, ".") && !r.model.mydestination.hasDomain(domain)
}

// addressesOf gives the keys and targets of a table; bare ones get a domain.
func (r *Result) addressesOf(t *Table) []string {
	var out []string
	for _, e := range t.Entries {
		key := strings.ToLower(e.Key)
		_, _, full := cut(key)
		switch {
		case full:
			out = append(out, key)
		case strings.Contains(key, "."):
			out = append(out, "@"+strings.TrimPrefix(key, "."))
		default:
			for _, d := range r.model.mydestination.domains() {
				out = append(out, key+"@"+d.text)
			}
		}
		for _, to := range targets(e.Value) {
			if strings.Contains(to, "@") && !strings.HasPrefix(to, "|") && !strings.HasPrefix(to, ":") {
				out = append(out, strings.ToLower(to))
			}
		}
	}
	return out
}

// around gives an address and those near it: with a subaddress, in other case,
// unknown in its domain, in a subdomain, in the domain above.
func (r *Result) around(a string) []string {
	local, domain, _ := cut(a)
	out := []string{"unknown-user@" + domain, "somebody@sub." + domain}
	if up := parents(domain); len(up) > 0 && strings.Contains(up[0], ".") {
		out = append(out, "somebody@"+up[0])
	}
	if local == "" {
		return out
	}
	out = append(out, a, strings.ToUpper(local)+"@"+strings.ToUpper(domain))
	if d := r.model.delimiters; d != "" {
		out = append(out, local+d[:1]+"ext@"+domain)
	}
	return out
}

// isProbe leaves out what neither side takes for a plain address.
func isProbe(a string) bool {
	local, domain, ok := cut(a)
	return ok && local != "" && domain != "" && !strings.ContainsAny(a, " \t%!\"*()<>[]|/\\:;,") && strings.Count(a, "@") == 1 &&
		strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" && !strings.HasPrefix(domain, ".")
}

// senders are those that tables name, and one beside each.
func (r *Result) senders() []string {
	m := r.model
	out := []string{""}
	for _, ts := range []Tables{m.senderRelay, m.senderVia, m.senderCanon, m.generic, m.Tables("sender_bcc_maps"), m.Tables("smtp_sasl_password_maps"), m.senderLogins} {
		for _, t := range ts.List {
			for _, e := range t.Entries {
				out = append(out, sampleSender(e.Key))
			}
		}
	}
	for _, list := range restrictionLists() {
		for _, rule := range m.restrictions(list) {
			if rule.table == nil || rule.word != "check_sender_access" {
				continue
			}
			for _, e := range rule.table.Entries {
				out = append(out, sample(e.Key))
			}
		}
	}
	out = unique(out)
	return append([]string{""}, slices.DeleteFunc(out, func(a string) bool { return !isProbe(a) })...)
}

func sampleSender(key string) string {
	if strings.HasPrefix(key, "@") {
		return "somebody" + key
	}
	return key
}

// clients are those that access tables name.
func (r *Result) clients() []netip.Addr {
	var out []netip.Addr
	for _, list := range restrictionLists() {
		for _, rule := range r.model.restrictions(list) {
			if rule.table == nil || rule.word != "check_client_access" {
				continue
			}
			for _, e := range rule.table.Entries {
				if p, ok := clientPattern(e.Key); ok && p.Addr().Is4() {
					out = append(out, p.Addr())
				}
			}
		}
	}
	return thinned(out, 50)
}
