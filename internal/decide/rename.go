package decide

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// Rewrite changes addresses of mail for which its conditions hold. Conditions
// that wait for the message never hold: the recipient must be known at RCPT.
type Rewrite struct {
	Ref
	Tenant    string // asked for mail of its own only; "": the top level's
	Match     Matchers
	Leaving   bool     // asked for each final recipient in a foreign domain, and not as mail comes in
	Sender    bool     // of the envelope
	Recipient bool     // of the envelope
	Headers   []string // fields whose addresses are changed
	Map       []Mapping
	Table     TableID // the same as a table; NoTable when Map is set
}

// Mapping is one line of a Rewrite: Key is a pattern as tables have them
// ("ann@old.example", "old.example", ".corp.example", "ann@", "*"), To an address,
// a domain or "@domain", which keep the local part.
type Mapping struct{ Key, To, Source string }

// renamer is one compiled Rewrite.
type renamer struct {
	*Rewrite
	entries map[string]*Mapping
}

func (s *Snapshot) compileRewrites() error {
	for i := range s.Rules.Rewrites {
		r := &s.Rules.Rewrites[i]
		if r.Table != NoTable && !s.hasTable(r.Table) {
			return missing(r.Ref, "table", "")
		}
		n := renamer{Rewrite: r, entries: make(map[string]*Mapping, len(r.Map))}
		for k := range r.Map {
			n.entries[table.Key(r.Map[k].Key)] = &r.Map[k]
		}
		s.renamers = append(s.renamers, n)
		set := &s.spaceOf(r.Tenant).rewrites
		if r.Leaving {
			set = &s.spaceOf(r.Tenant).leaving
		}
		set.addAt(i, rule{Ref: r.Ref, condition: compileMatchers(&r.Match, r.Name)}, &r.Match)
	}
	return nil
}

func rewrites(sp *space) *ruleset { return &sp.rewrites }
func leaving(sp *space) *ruleset  { return &sp.leaving }

// rename gives what a rule makes of an address, which is the address itself where
// the rule does not name it. With a trace it adds a rule that changed it to by.
func (j *judgment) rename(n *renamer, a mail.Address, by *[]Ref) (mail.Address, ruling) {
	s := j.known(a)
	key, value, source, r := j.mapped(n, &s)
	if r.verdict != Accept || value == "" {
		return a, r
	}
	to, err := renamed(&s, key, value)
	if err != nil {
		j.step(StageRewrite, n.Ref, value, " is no address or domain, for ", s.key)
		return a, misconfigured()
	}
	if to == a {
		return a, accepted()
	}
	if r := j.within(n, to); r.verdict != Accept {
		return a, r
	}
	if j.traced() {
		rule := Ref{Name: n.Name, Source: source}
		j.step(StageRewrite, rule, arrow(a, to))
		*by = append(*by, rule)
	}
	return to, accepted()
}

// mapped looks an address up. An empty value means that there is none.
func (q *query) mapped(n *renamer, s *subject) (key, value, source string, r ruling) {
	q.keys = renameKeys(q.keys[:0], s)
	if n.Table == NoTable {
		for _, key := range q.keys {
			if m := n.entries[key]; m != nil {
				return key, m.To, m.Source, accepted()
			}
		}
		return "", "", "", accepted()
	}
	a, i := q.first(n.Table, q.keys)
	switch a.Status {
	case table.TryLater:
		q.stepUnknown(StageRewrite, n.Ref, "")
		return "", "", "", tryLater()
	case table.NotFound:
		return "", "", "", accepted()
	}
	values := targetTexts(a.Values)
	if len(values) != 1 {
		q.step(StageRewrite, n.Ref, q.tableName(n.Table), " has not one value for ", q.keys[i])
		return "", "", "", misconfigured()
	}
	return q.keys[i], values[0], a.Source, accepted()
}

// renameKeys are the keys of a pattern table, and "@domain" as canonical(5) and
// generic(5) write it.
func renameKeys(dst []string, s *subject) []string {
	dst = append(dst, s.key)
	if s.bare != "" {
		dst = append(dst, s.bare)
	}
	dst = append(dst, s.domain(), s.key[s.at:])
	dst = appendParents(dst, s.domain())
	dst = append(dst, s.key[:s.at+1])
	if s.bare != "" {
		dst = append(dst, s.bare[:len(s.bareLocal())+1])
	}
	return append(dst, "*")
}

// renamed reads a value. A word without "@" is a domain where a domain was found,
// and a local part of the same domain where an address was.
func renamed(s *subject, key, value string) (mail.Address, error) {
	name, isDomain := strings.CutPrefix(value, "@")
	if !isDomain && !strings.Contains(value, "@") {
		if at := strings.IndexByte(key, '@'); at > 0 {
			value += s.key[s.at:]
		} else {
			isDomain = true
		}
	}
	if isDomain {
		d, err := mail.ParseDomain(name)
		return mail.Address{Local: s.address.Local, Domain: d}, err
	}
	to, err := mail.ParseAddress(value)
	if err == nil && s.isBareKey(key) && !strings.Contains(to.Local, s.ext[:1]) {
		to.Local += s.ext // propagate_unmatched_extensions has canonical by default
	}
	return to, err
}

// isBareKey tells whether a key of an address left its subaddress out.
func (s *subject) isBareKey(key string) bool {
	return s.bare != "" && (key == s.bare || key == s.bare[:len(s.bareLocal())+1])
}

// rewrite changes sender and recipient as the mail comes in. The rules are asked
// about both as the client gave them; what they do happens in their order, each
// to what the ones before it left.
func (j *judgment) rewrite() ruling {
	j.entry, j.from = j.given.Address, j.in.Sender
	if len(j.renamers) == 0 || j.in.Facts.Origin == OriginReroute {
		return accepted()
	}
	var r ruling
	if j.held, r = j.holding(rewrites, j.asGiven(), nil); r.verdict != Accept {
		return r
	}
	given := names{from: j.from, to: j.entry}
	n := given
	if r = j.renameEnvelope(j.held, &n); r.verdict != Accept {
		return r
	}
	j.from, j.entry, j.changes = n.from, n.to, n.since(given, nil)
	if j.from != j.in.Sender {
		s := j.subjectOf(j.from.Address)
		j.sender = &s
	}
	return accepted()
}

// holding gives the rules of a kind that hold, behind those before.
func (j *judgment) holding(of func(*space) *ruleset, v *view, before []int) ([]int, ruling) {
	r := accepted()
	held := before[:len(before):len(before)]
	j.triedIn(j.space, of, StageRewrite, v, func(at int, t tri) bool {
		switch t {
		case yes:
			held = append(held, at)
		case unknown:
			r = tryLater()
		}
		return true
	})
	return held, r
}

func (j *judgment) renameEnvelope(held []int, e *names) ruling {
	for _, at := range held {
		n := &j.renamers[at]
		var r ruling
		if n.Sender && !e.from.IsNull() {
			if e.from.Address, r = j.rename(n, e.from.Address, &e.fromBy); r.verdict != Accept {
				return r
			}
		}
		if n.Recipient && e.to.Domain != "" {
			if e.to, r = j.rename(n, e.to, &e.toBy); r.verdict != Accept {
				return r
			}
		}
	}
	return accepted()
}

// leave makes a leg ready for the road: for a foreign domain the rules for mail
// that leaves are asked, and forwarded mail gets a sender of ours, unless such a
// rule has given it one: who writes generic(5) has a next host that takes no other.
func (j *judgment) leave(m *member) ruling {
	held := j.held
	if j.in.Facts.Origin != OriginReroute && j.domainAt(m.address.Domain) == nil {
		var r ruling
		was := m.leg.Sender
		if held, r = j.leaveRenamed(m); r.verdict != Accept {
			return r
		}
		if m.leg.Sender == was {
			r = j.forward(m)
		}
		if r.verdict != Accept {
			return r
		}
	}
	e, r := j.edits(held)
	m.leg.Edits = e.edits
	m.leg.Changes = append(m.leg.Changes, e.changes...)
	return r
}

// leaveRenamed changes the envelope of a leg that leaves. Conditions are asked
// about the sender as it is now and the final recipient.
func (j *judgment) leaveRenamed(m *member) ([]int, ruling) {
	if len(j.renamers) == 0 {
		return j.held, accepted()
	}
	held, r := j.holding(leaving, j.viewOf(j.subject(m.address)), j.held)
	if r.verdict != Accept {
		return nil, r
	}
	before := names{from: m.leg.Sender, to: m.address}
	n := before
	if r = j.renameEnvelope(held[len(j.held):], &n); r.verdict != Accept {
		return nil, r
	}
	if n.to != m.address && j.domainAt(n.to.Domain) != nil {
		j.step(StageRewrite, Ref{}, "mail that leaves cannot come back to ", n.to.String())
		return nil, misconfigured()
	}
	m.address, m.leg.Recipient, m.leg.Sender = n.to, n.to, n.from
	m.leg.Changes = n.since(before, m.leg.Changes)
	return held, accepted()
}

// hasHeaders tells whether one of the rules changes header fields.
func (q *query) hasHeaders(held []int) bool {
	return slices.ContainsFunc(held, func(at int) bool { return len(q.renamers[at].Headers) > 0 })
}
