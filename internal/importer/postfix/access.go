package postfix

import (
	"net/netip"
	"strings"
)

// restrictionLists are those that smtpd(8) holds a recipient against, in order.
func restrictionLists() []string {
	return []string{"smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions",
		"smtpd_relay_restrictions", "smtpd_recipient_restrictions"}
}

// admit gives the refusal of a recipient and its reason; "" accepts.
func (m *Model) admit(q Question) (verdict, reason string) {
	for _, list := range restrictionLists() {
		if verdict, reason = m.restrict(q, list); verdict != "" {
			m.note(list)
			return verdict, reason
		}
	}
	if isYes(m.Main.Get("smtpd_reject_unlisted_recipient")) {
		return m.unlisted(q)
	}
	return "", ""
}

// restriction is one word of a list, with its table where it takes one.
type restriction struct {
	word  string
	table *Table
}

// restrictions reads a list. A table without a word is check_*_access.
func (in *Installation) restrictions(list string) []restriction {
	var out []restriction
	words := in.Main.Items(list)
	for i := 0; i < len(words); i++ {
		r := restriction{word: strings.ToLower(words[i])}
		if strings.HasPrefix(r.word, "check_") && strings.HasSuffix(r.word, "_access") && i+1 < len(words) {
			i++
			r.table = in.Table(words[i])
		}
		out = append(out, r)
	}
	return out
}

// restrict walks one list. A permit ends it.
func (m *Model) restrict(q Question, list string) (verdict, reason string) {
	for _, r := range m.restrictions(list) {
		switch ruling := m.rule(q, r); ruling {
		case "permit":
			return "", ""
		case "":
		default:
			return ruling, r.word
		}
	}
	return "", ""
}

// rule gives permit, reject, defer, or "" for what says nothing or is not known
// from the configuration alone.
func (m *Model) rule(q Question, r restriction) string {
	switch r.word {
	case "permit", "reject", "defer":
		return r.word
	case "permit_mynetworks":
		if m.mynetworks.hasAddress(q.Client) {
			return "permit"
		}
	case "reject_unauth_destination", "defer_unauth_destination":
		if !m.isAuthorised(q.Recipient) {
			return strings.TrimSuffix(r.word, "_unauth_destination")
		}
	case "permit_auth_destination":
		if m.isAuthorised(q.Recipient) {
			return "permit"
		}
	case "reject_unlisted_recipient":
		verdict, _ := m.unlisted(q)
		return verdict
	case "check_client_access", "check_sender_access", "check_recipient_access":
		return m.access(q, r)
	case "reject_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch":
		if _, _, owned := m.find(m.senderLogins, q.Sender); owned && q.Sender != "" && isYes(m.Main.Get("smtpd_sasl_auth_enable")) {
			return "reject" // nobody logs in here
		}
	}
	return ""
}

// isAuthorised tells whether a recipient is of a domain that is ours to take.
func (m *Model) isAuthorised(recipient string) bool {
	_, domain, ok := cut(recipient)
	return !ok || m.classOf(domain) != classDefault
}

// access asks an access(5) table.
func (m *Model) access(q Question, r restriction) string {
	var e Entry
	var ok bool
	switch r.word {
	case "check_client_access":
		e, ok = m.clientAccess(r.table, q.Client)
	case "check_sender_access":
		e, ok = findAccess(r.table, m.accessKeys(q.Sender))
	default:
		e, ok = findAccess(r.table, m.accessKeys(q.Recipient))
	}
	if !ok {
		return ""
	}
	action, _ := parseAction(e.Value)
	switch action {
	case actionPermit:
		return "permit"
	case actionReject:
		return "reject"
	case actionDefer:
		return "defer"
	}
	return ""
}

func findAccess(t *Table, keys []string) (Entry, bool) {
	for i, key := range keys {
		if e, ok := t.find(key, i == 0); ok {
			return e, true
		}
	}
	return Entry{}, false
}

// clientAccess asks for the address and the octets before it.
func (m *Model) clientAccess(t *Table, a netip.Addr) (Entry, bool) {
	if t.kind == "cidr" {
		return t.findAddress(a)
	}
	key := a.String()
	keys := []string{key}
	for {
		i := strings.LastIndexAny(key, ".:")
		if i < 0 {
			break
		}
		key = strings.TrimRight(key[:i], ":")
		keys = append(keys, key)
	}
	return findAccess(t, keys)
}

// accessKeys are those of access(5) for an address.
func (m *Model) accessKeys(address string) []string {
	if address == "" {
		return []string{"<>"}
	}
	address = strings.ToLower(address)
	local, domain, ok := cut(address)
	if !ok {
		return []string{address}
	}
	out, bare := m.wholeKeys(local, domain)
	out = append(out, domain)
	dot := "."
	if m.isIn("parent_domain_matches_subdomains", "smtpd_access_maps") {
		dot = ""
	}
	for _, p := range parents(domain) {
		out = append(out, dot+p)
	}
	out = append(out, local+"@")
	if bare != "" {
		out = append(out, bare+"@")
	}
	return out
}

// action is what an access table says, as far as it admits or refuses.
type action uint8

const (
	actionNone action = iota
	actionPermit
	actionReject
	actionDefer
	actionOther
)

// parseAction reads the right side of access(5).
func parseAction(value string) (action, string) {
	word, text, _ := strings.Cut(strings.TrimSpace(value), " ")
	text = strings.TrimSpace(text)
	switch upper := strings.ToUpper(word); {
	case upper == "OK" || upper == "PERMIT" || isRelayGrant(word):
		return actionPermit, text
	case upper == "REJECT":
		return actionReject, text
	case upper == "DEFER":
		return actionDefer, text
	case upper == "DUNNO":
		return actionNone, text
	case len(word) == 3 && word[0] == '5' && isDigits(word):
		return actionReject, text
	case len(word) == 3 && word[0] == '4' && isDigits(word):
		return actionDefer, text
	}
	return actionOther, value
}

// isRelayGrant tells the all-numerical result that means OK.
func isRelayGrant(word string) bool { return isDigits(word) && len(word) != 3 }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// unlisted refuses recipients that the tables of their class do not know
// (reject_unlisted_recipient).
func (m *Model) unlisted(q Question) (verdict, reason string) {
	for _, ts := range []Tables{m.rcptCanon, m.canonical, m.virtual} {
		if _, _, ok := m.find(ts, q.Recipient); ok {
			return "", ""
		}
	}
	w := m.resolve(m.canonicalSender(q.Sender), q.Recipient)
	known := map[class]Tables{classLocal: m.localRcpts, classMailbox: m.mailboxes, classRelay: m.relayRcpts}[w.class]
	_, _, listed := m.find(known, q.Recipient)
	switch {
	case w.transport == "error" && !strings.HasPrefix(w.nexthop, "4."):
		return "reject", w.nexthop
	case w.transport == "error" || w.transport == "retry":
		return "defer", w.nexthop
	case !known.IsEmpty() && !listed:
		return "reject", "user unknown"
	}
	return "", ""
}
