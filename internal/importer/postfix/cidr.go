package postfix

import (
	"net/netip"
	"strings"
)

// findAddress asks a cidr table: the first line that holds answers. Lines with
// "!" and "if" are not read; isPlain tells whether there are any.
func (t *Table) findAddress(a netip.Addr) (Entry, bool) {
	if t.kind != "cidr" {
		return t.find(a.String(), true)
	}
	for _, e := range t.Entries {
		if p, ok := parseNetwork(e.Key); ok && p.Contains(a) {
			return e, true
		}
	}
	return Entry{}, false
}

// hasAddress tells whether a table of networks has an address.
func (t *Table) hasAddress(a netip.Addr) bool { _, ok := t.findAddress(a); return ok }

// isPlain tells that every line of a cidr table is a network and its result.
func (t *Table) isPlain() bool {
	for _, e := range t.Entries {
		if _, ok := parseNetwork(e.Key); !ok || strings.HasPrefix(e.Key, "!") {
			return false
		}
	}
	return true
}
