package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// lookup asks a transport(5) table. It tells whether the answer decides: nothing
// found, an empty value and a mere next hop go on to the next rule.
func (q *query) lookup(c *choice, v *view, r *Route) bool {
	q.keys = transportKeys(q.keys[:0], &v.recipient)
	a, _ := q.first(r.Lookup, q.keys)
	switch a.Status {
	case table.TryLater:
		q.stepUnknown(StageRoute, r.Ref, "")
		c.failing(tryLater())
		return true
	case table.NotFound:
		q.step(StageRoute, r.Ref, "not in ", q.tableName(r.Lookup))
		return false
	}
	if q.traced() {
		q.step(StageRoute, Ref{Name: q.tableName(r.Lookup), Source: a.Source}, v.recipient.key, " -> ", strings.Join(a.Values, ", "))
	}
	return q.obey(c, v, parseWay(strings.Join(a.Values, ",")), r)
}

// transportKeys are the keys of transport(5) in its order. Tables of expressions
// are asked for the first one only.
func transportKeys(dst []string, s *subject) []string {
	dst = append(dst, s.key)
	if s.bare != "" {
		dst = append(dst, s.bare)
	}
	dst = append(dst, s.domain())
	dst = appendParents(dst, s.domain())
	return append(dst, "*")
}

// way is a value of transport(5): "transport:nexthop", either of which may be
// empty.
type way struct{ transport, nexthop string }

// parseWay splits at the first colon. "[host]:25" has no transport, though it
// has a colon.
func parseWay(value string) way {
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "[") {
		return way{nexthop: value}
	}
	name, nexthop, _ := strings.Cut(value, ":")
	return way{transport: strings.TrimSpace(name), nexthop: strings.TrimSpace(nexthop)}
}

// obey takes a value. Without a transport the rules go on to choose one: an
// empty value changes nothing, a next hop alone is kept for the transport that
// they will choose (transport(5), RESULT FORMAT).
func (q *query) obey(c *choice, v *view, w way, r *Route) bool {
	hops := nexthops(w.nexthop)
	if w.transport == "" {
		if c.nexthops == nil {
			c.nexthops = hops
		}
		return false
	}
	c.nexthops = nil
	by := r.Ref
	q.take(c, v, q.transportFor(r.Tenant, w.transport), by)
	if c.transport == nil {
		return true
	}
	switch c.transport.Kind {
	case KindReinject: // nobody is sent round in circles by a table
		q.step(StageRoute, by, "no transport ", w.transport)
		c.transport = nil
		c.failing(misconfigured())
		return true
	case KindReject:
		if w.nexthop != "" {
			c.reply = errorReply(w.nexthop)
		}
	case KindLMTP:
		if hops == nil && c.transport.Name == BuiltinLMTP {
			q.step(StageRoute, by, "lmtp needs a next hop")
			c.failing(misconfigured())
		}
	}
	c.nexthops = hops
	return true
}

// transportFor is what a name in a table of a tenant's route means: the tenant's
// own transport, else the top level's.
// No name reaches another tenant's: what it would be called has a dot, and none
// that a person gives has.
func (q *query) transportFor(tenant, name string) string {
	if own := Scoped(tenant, name); q.transports[own] != nil {
		return own
	}
	return strings.ReplaceAll(name, ".", "?")
}

// nexthops are tried in order (transport(5), since Postfix 3.5); nil: none named.
func nexthops(text string) []string {
	if text == "" {
		return nil
	}
	return strings.FieldsFunc(text, isListSpace)
}

// errorReply reads the text of "error:": an enhanced status may come first, and
// its class says whether the failure is for good (error(8)).
func errorReply(text string) mail.Reply {
	text = strings.Map(printable, text)
	r := mail.Reply{Code: 550, Enhanced: "5.0.0", Text: text}
	status, rest, _ := strings.Cut(text, " ")
	if !isStatus(status) {
		return r
	}
	r.Enhanced = status
	if r.Text = strings.TrimSpace(rest); r.Text == "" {
		r.Text = "Mail for this address is not accepted"
	}
	if status[0] == '4' {
		r.Code = 450
	}
	return r
}

// printable keeps what may stand in the text of a reply (RFC 5321 s4.2).
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// isStatus tells whether s is an enhanced status of failure (RFC 3463 s2).
func isStatus(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != "4" && parts[0] != "5" {
		return false
	}
	for _, p := range parts[1:] {
		if len(p) < 1 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}
