package postfix

import (
	"fmt"
	"slices"
	"strings"
)

// refusal is entries of one access table that refuse with one text, all as
// specific as each other.
type refusal struct {
	rank     int
	text     string
	patterns []string
	lines    []string
}

// permits are the conditions under which a list of restrictions has said yes
// before a rule is reached: attribute → patterns.
type permits map[string][]string

// accessRules turns the refusals of access tables into deny rules.
func (im *importer) accessRules() {
	n := 0
	for _, list := range restrictionLists() {
		im.use(list)
		before := permits{}
		for _, r := range im.restrictions(list) {
			n++
			im.restriction(list, r, before, n)
		}
	}
}

// restriction carries one word of a list over.
func (im *importer) restriction(list string, r restriction, before permits, n int) {
	switch r.word {
	case "permit_mynetworks":
		nets, _ := im.model.mynetworks.networks()
		for _, p := range nets {
			before["client"] = append(before["client"], p.String())
		}
	case "permit_sasl_authenticated":
		before["login"] = im.directoryRefs()
	case "reject_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch":
		im.denyOwned(list, before)
	case "reject_authenticated_sender_login_mismatch", "reject_known_sender_login_mismatch":
		// What the directory says of its logins, see senderOwners.
	case "permit_auth_destination", "reject_unauth_destination", "defer_unauth_destination", "permit",
		"reject_unlisted_recipient":
	case "reject":
		im.denyRest(list, before)
	case "check_client_access", "check_sender_access", "check_recipient_access", "check_helo_access":
		im.accessTable(list, r, before, n)
	default:
		if !strings.Contains(r.word, ":") && !isDigits(r.word) {
			im.leaveOnly(Left{What: list + ": " + r.word, Place: im.place(list), Why: "there is no such check yet, or it needs more than the configuration"})
		}
	}
}

// denyRest is a "reject" at the end of a list: everybody whom nothing before it
// let in.
func (im *importer) denyRest(list string, before permits) {
	if list == "smtpd_relay_restrictions" || list == "smtpd_recipient_restrictions" && len(before) == 0 {
		return
	}
	b := im.doc.add(sectionDeny, &block{head: "deny " + quote(name(list)), from: im.place(list) + " reject"})
	b.set("text", `"Access denied"`, "")
	b.exceptions(before)
	if len(before) == 0 {
		b.set("recipient", `["*"]`, "")
	}
}

// exceptions writes each condition as an except of its own.
func (b *block) exceptions(p permits) {
	for _, attribute := range []string{"client", "sender", "recipient", "helo"} {
		if len(p[attribute]) > 0 {
			b.except().set(attribute, quoteList(unique(slices.Clone(p[attribute]))), "")
		}
	}
	if refs := p["login"]; len(refs) > 0 {
		b.except().set("login", "["+strings.Join(refs, ", ")+"]", "")
	}
}

// accessTable carries one table over: a deny rule for each text and rank, with
// the exceptions that the same table makes for more special keys.
func (im *importer) accessTable(list string, r restriction, before permits, n int) {
	t := r.table
	attribute := strings.TrimSuffix(strings.TrimPrefix(r.word, "check_"), "_access")
	if t.Why != "" || t.isPattern() || t.static != nil || t.kind == "cidr" && !t.isPlain() {
		im.leave(list, list+": "+r.word+" "+t.String(), orElse(t.Why, "tables of patterns are not carried over to deny rules"))
		return
	}
	earlier := permits{}
	for a, patterns := range before {
		earlier[a] = slices.Clone(patterns)
	}
	var all []*refusal
	allowed := map[int][]string{} // by rank
	for i, e := range t.Entries {
		patterns, rank := im.accessEntry(attribute, e.Key)
		if t.kind == "cidr" {
			rank = i
		}
		switch a, text := parseAction(e.Value); {
		case len(patterns) == 0:
			im.leaveEntry(list, t, e, "names of clients are not looked up: only their addresses")
		case a == actionPermit:
			allowed[rank] = append(allowed[rank], patterns...)
			before[attribute] = append(before[attribute], patterns...)
		case a == actionNone:
			allowed[rank] = append(allowed[rank], patterns...)
		case a == actionReject:
			all = addRefusal(all, refusal{rank: rank, text: replyText(text), patterns: patterns, lines: []string{t.Place(e.Line)}})
		default:
			im.leaveEntry(list, t, e, fmt.Sprintf("%q has no rule in postroad", e.Value))
		}
	}
	for _, d := range all {
		im.deny(denial{list: list, attribute: attribute, allowed: allowed, before: earlier, number: n}, d)
	}
}

// leaveEntry lists one line of an access table.
func (im *importer) leaveEntry(list string, t *Table, e Entry, why string) {
	im.result.shapes[list] = im.leaveOnly(Left{What: list + ": " + e.Key + " " + e.Value, Place: t.Place(e.Line), Why: why})
}

// addRefusal joins entries that make one rule.
func addRefusal(all []*refusal, r refusal) []*refusal {
	for _, have := range all {
		if have.rank == r.rank && have.text == r.text {
			have.patterns, have.lines = append(have.patterns, r.patterns...), append(have.lines, r.lines...)
			return all
		}
	}
	return append(all, &r)
}

// accessEntry writes a key as patterns, and how special it is: less is asked
// first.
func (im *importer) accessEntry(attribute, key string) (patterns []string, rank int) {
	if attribute == "client" {
		if p, ok := clientPattern(key); ok {
			return []string{p.String()}, 128 - p.Bits()
		}
		return nil, 0
	}
	local, domain, ok := cut(key)
	switch {
	case !ok:
		rank = 1000 - strings.Count(strings.Trim(key, "."), ".")
	case domain == "" && local != "":
		rank = 2000
	}
	return accessPatterns(key, im.accessHasSubdomains()), rank
}

// denial is where a rule comes from, and what is let in before it.
type denial struct {
	list, attribute string
	allowed         map[int][]string // by rank, of the same table
	before          permits          // of earlier restrictions
	number          int
}

// deny writes one rule.
func (im *importer) deny(from denial, d *refusal) {
	label := im.routes.take(fmt.Sprintf("%s_%d", from.attribute, from.number))
	b := &block{head: "deny " + quote(label), from: im.place(from.list) + ", " + firstLines(d.lines)}
	b.set(from.attribute, quoteList(d.patterns), "")
	if d.text != "" {
		b.set("text", quote(d.text), "")
	}
	var special []string
	for rank, patterns := range from.allowed {
		if rank < d.rank {
			special = append(special, patterns...)
		}
	}
	slices.Sort(special)
	from.before[from.attribute] = append(slices.Clone(from.before[from.attribute]), special...)
	b.exceptions(from.before)
	from.before[from.attribute] = from.before[from.attribute][:len(from.before[from.attribute])-len(special)]
	im.doc.add(sectionDeny, b)
}

// firstLines names a few of many lines.
func firstLines(lines []string) string {
	if len(lines) > 3 {
		return strings.Join(lines[:3], ", ") + fmt.Sprintf(" and %d more", len(lines)-3)
	}
	return strings.Join(lines, ", ")
}

// replyText is the text of a refusal without its status, which is ours.
func replyText(s string) string {
	if word, rest, _ := strings.Cut(s, " "); len(word) >= 5 && word[1] == '.' && isDigits(strings.ReplaceAll(word, ".", "")) {
		s = rest
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.TrimSpace(s))
}
