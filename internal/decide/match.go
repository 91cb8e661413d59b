package decide

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"
)

// view is what the conditions of rules are asked about, besides the Input.
type view struct {
	*query
	recipient subject  // after expansion; in deny and relay, as given
	original  *subject // as the client gave it
	sender    *subject
	hosted    tri    // recipient's domain is hosted here, by whomever
	space     *space // whose mail it is
}

// check is one compiled attribute.
type check func(v *view) tri

// clause is an attribute with the name under which a step speaks of it.
type clause struct {
	name  string
	holds check
}

// condition is the compiled Matchers of a block: all clauses and no exception.
type condition struct {
	clauses []clause
	except  []condition
}

// ask tells whether the condition holds and, if not, the name of what does not
// or cannot be told.
func (c *condition) ask(v *view) (tri, string) {
	t, why := yes, ""
	for i := range c.clauses {
		r := c.clauses[i].holds(v)
		if r == no {
			return no, c.clauses[i].name
		}
		if joined := and(t, r); joined != t {
			t, why = joined, c.clauses[i].name
		}
	}
	excepted := c.excepted(v)
	if excepted == yes {
		return no, "except"
	}
	if joined := and(t, not(excepted)); joined != t {
		t, why = joined, "except"
	}
	return t, why
}

// excepted tells whether one of the except blocks holds.
func (c *condition) excepted(v *view) tri {
	t := no
	for i := range c.except {
		r, _ := c.except[i].ask(v)
		if t = or(t, r); t == yes {
			break
		}
	}
	return t
}

// compileMatchers turns the attributes that are given into clauses, the cheap
// ones first. The rule's name seeds percent.
func compileMatchers(m *Matchers, rule string) condition {
	var c condition
	add := func(name string, given bool, make func() check) {
		if given {
			c.clauses = append(c.clauses, clause{name: name, holds: make()})
		}
	}
	add("recipient", len(m.Recipient) > 0, func() check { return matchRecipient(m.Recipient) })
	add("original", len(m.Original) > 0, func() check { return matchOriginal(m.Original) })
	add("sender", len(m.Sender) > 0, func() check { return matchSender(m.Sender) })
	add("client", len(m.Client) > 0 || m.ClientTable != NoTable, func() check { return matchClient(m.Client, m.ClientTable) })
	add("login", len(m.Login) > 0, func() check { return matchLogin(m.Login) })
	add("certificate", len(m.Certificate) > 0, func() check { return matchCertificate(m.Certificate) })
	add("listener", len(m.Listener) > 0, func() check { return matchListener(m.Listener) })
	add("helo", len(m.Helo) > 0, func() check { return matchHelo(m.Helo) })
	add("tls", m.TLS != nil, func() check { return matchTLS(*m.TLS) })
	add("percent", m.Percent != nil, func() check { return matchPercent(rule, *m.Percent) })
	add("size", len(m.Size) > 0, func() check { return matchSize(m.Size) })
	add("tag", len(m.Tag) > 0, func() check { return matchTag(m.Tag) })
	add("header", len(m.Header) > 0, func() check { return matchHeader(m.Header) })
	for i := range m.Except {
		c.except = append(c.except, compileMatchers(&m.Except[i], rule))
	}
	return c
}

func matchRecipient(patterns []Pattern) check {
	set := compilePatterns(patterns)
	return func(v *view) tri { return set.match(v.query, &v.recipient) }
}

func matchOriginal(patterns []Pattern) check {
	set := compilePatterns(patterns)
	return func(v *view) tri { return set.match(v.query, v.original) }
}

func matchSender(patterns []Pattern) check {
	set := compilePatterns(patterns)
	return func(v *view) tri { return set.match(v.query, v.sender) }
}

// matchClient holds for an address in one of the networks or in the table, which
// are alternatives. IPv4-mapped networks and clients count as IPv4.
func matchClient(nets []netip.Prefix, id TableID) check {
	var set bart.Lite
	for _, p := range nets {
		set.Insert(foldPrefix(p))
	}
	return func(v *view) tri {
		client := v.in.Facts.Client.Unmap().WithZone("")
		if !client.IsValid() {
			return no
		}
		if set.Contains(client) {
			return yes
		}
		if id == NoTable {
			return no
		}
		v.keys = append(v.keys[:0], client.String())
		return v.member(id, v.keys)
	}
}

func matchLogin(patterns []LoginPattern) check {
	return func(v *view) tri {
		l := v.in.Facts.Login
		return told(l != Login{} && slices.ContainsFunc(patterns, func(p LoginPattern) bool {
			return p.Directory == l.Directory && (p.Name == "" || p.Name == l.Name)
		}))
	}
}

func matchCertificate(prints []string) check {
	return func(v *view) tri {
		c := v.in.Facts.Certificate
		return told(c != "" && slices.ContainsFunc(prints, func(p string) bool { return strings.EqualFold(p, c) }))
	}
}

func matchListener(names []string) check {
	return func(v *view) tri { return told(slices.Contains(names, v.in.Facts.Listener)) }
}

func matchHelo(patterns []Pattern) check {
	set := compilePatterns(patterns)
	return func(v *view) tri { return set.matchName(v.query, strings.ToLower(v.in.Facts.Helo)) }
}

func matchTLS(want bool) check {
	return func(v *view) tri { return told(v.in.Facts.TLS == want) }
}
