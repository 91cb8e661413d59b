package decide

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// Place is an address on the way of mail. Local parts are in lower case.
type Place struct {
	Address mail.Address
	Outside bool // mail comes in for it from outside, or anew: rewriting is still to come
}

// Onward is one step from a place: where aliases, rewriting and the like lead,
// whatever the mail is. It is nothing where mail ends or leaves.
type Onward struct {
	Rule Ref // that leads there
	To   []Place
	List *List // its members are taken in anew; they are not in To
	Ends bool  // no alias names it: a mailbox, nobody at all, or an address elsewhere
}

// Walker follows addresses through a snapshot without a message, for those who
// look for circles. It asks what decisions ask; what only a remote table could
// tell ends the way. It belongs to one goroutine.
type Walker struct {
	q        *query
	renaming map[*ruleset][]*rule // those that change recipients
	forwards []TableID
}

// Walker follows addresses through the tables of a view.
func (s *Snapshot) Walker(view table.View) *Walker {
	w := &Walker{q: s.query(&Input{Memo: &Memo{View: view}}, true), renaming: map[*ruleset][]*rule{}}
	for i := range s.Rules.Domains {
		w.knowing(s.Rules.Domains[i].Migration)
	}
	for i := range s.Rules.Templates {
		w.knowing(s.Rules.Templates[i].Migration)
	}
	return w
}

// knowing notes what the systems of a migration are known to forward.
func (w *Walker) knowing(m *Migration) {
	if m == nil {
		return
	}
	for _, f := range m.Forwards {
		if !slices.Contains(w.forwards, f.Table) {
			w.forwards = append(w.forwards, f.Table)
		}
	}
}

// Onward takes one step. What rewriting does to a recipient is one of its own.
func (w *Walker) Onward(p Place) Onward {
	w.q.needs = w.q.needs[:0]
	if p.Outside {
		return w.entering(p.Address)
	}
	d := w.q.domainAt(p.Address.Domain)
	switch {
	case d == nil || d.cause != "":
		return Onward{Ends: true}
	case d.real != d:
		to := mail.Address{Local: p.Address.Local, Domain: d.real.Name}
		return Onward{Rule: d.Ref, To: []Place{{Address: to}}}
	}
	return w.within(d, p.Address)
}

// within asks what a hosted domain knows of an address.
func (w *Walker) within(d *domain, a mail.Address) Onward {
	s := w.q.subjectOf(a)
	e := w.q.find(d, &s)
	switch e.kind {
	case entryList:
		return Onward{Rule: e.rule, List: e.list}
	case entryAlias:
		return w.towards(d, a, e)
	}
	return Onward{Rule: e.rule, Ends: true}
}

// towards gives the targets of an alias. The alias itself is the mailbox of that
// name; a domain of another tenant is entered anew.
func (w *Walker) towards(d *domain, a mail.Address, e entry) Onward {
	out := Onward{Rule: e.rule}
	for _, to := range w.targets(d.Tenant, a, e) {
		if to.Local == strings.ToLower(a.Local) && to.Domain == a.Domain {
			out.Ends = true
			continue
		}
		t := w.q.domainAt(to.Domain)
		out.To = append(out.To, Place{Address: to, Outside: t != nil && t.Tenant != d.Tenant})
	}
	return out
}

// targets reads what an entry names, as an expansion does.
func (w *Walker) targets(tenant string, a mail.Address, e entry) []mail.Address {
	x := expansion{judgment: &judgment{query: w.q, space: w.q.spaceOf(tenant)}}
	all, _ := x.targets(&branch{address: a}, e)
	for i := range all {
		all[i].Local = strings.ToLower(all[i].Local)
	}
	return all
}

// entering rewrites a recipient, by all rules that its address does not rule out.
func (w *Walker) entering(a mail.Address) Onward {
	sp := &w.q.Snapshot.space
	if d := w.q.domainAt(a.Domain); d != nil {
		sp = w.q.spaceOf(d.Tenant)
	}
	j := &judgment{query: w.q, space: sp}
	var out Onward
	to, sure := a, true
	for _, r := range w.renamingIn(sp) {
		s, null := w.q.subjectOf(a), w.q.subjectOf(mail.Address{})
		t := r.byRecipient(w.q.viewed(s, &s, &null))
		next, told := j.rename(&w.q.renamers[r.at], to, nil)
		if t == no || told.verdict != Accept || next == to {
			continue
		}
		out.Rule, to = r.Ref, next
		sure = sure && t == yes
	}
	if to.Local = strings.ToLower(to.Local); to == a {
		return Onward{To: []Place{{Address: a}}}
	}
	out.To = []Place{{Address: to}}
	if !sure {
		out.To = append(out.To, Place{Address: a})
	}
	return out
}

// renamingIn gives the rules that change recipients as mail comes in.
func (w *Walker) renamingIn(sp *space) []*rule {
	var out []*rule
	if !sp.isTop() {
		out = w.renamingOf(&sp.rewrites)
	}
	return append(out[:len(out):len(out)], w.renamingOf(&w.q.Snapshot.space.rewrites)...)
}

func (w *Walker) renamingOf(set *ruleset) []*rule {
	out, known := w.renaming[set]
	if known {
		return out
	}
	for i := range set.rules {
		if w.q.renamers[set.rules[i].at].Recipient {
			out = append(out, &set.rules[i])
		}
	}
	w.renaming[set] = out
	return out
}

// byRecipient tells whether the condition holds as far as the recipient says so;
// everything else is unknown.
func (c *condition) byRecipient(v *view) tri {
	t := yes
	for i := range c.clauses {
		r := unknown
		if name := c.clauses[i].name; name == "recipient" || name == "original" {
			r = c.clauses[i].holds(v)
		}
		t = and(t, r)
	}
	excepted := no
	for i := range c.except {
		excepted = or(excepted, c.except[i].byRecipient(v))
	}
	return and(t, not(excepted))
}

// Forwarded tells where the systems under migration are known to forward mail for
// an address that ends with them: its home, or both sides where both get it. Of an
// address elsewhere each of them may know.
func (w *Walker) Forwarded(a mail.Address) Onward {
	if len(w.forwards) == 0 {
		return Onward{}
	}
	w.q.needs = w.q.needs[:0]
	s := w.q.subjectOf(a)
	d := w.q.domainAt(a.Domain)
	if d == nil {
		return w.forwardedBy(w.forwards, "", &s)
	}
	if d.Migration == nil || d.Migration.DryRun {
		return Onward{}
	}
	h, known := w.q.home(d, &s)
	var tables []TableID
	for _, f := range d.Migration.Forwards {
		if f.Side == h.Side || !known || d.Migration.Both {
			tables = append(tables, f.Table)
		}
	}
	return w.forwardedBy(tables, d.Tenant, &s)
}

// forwardedBy asks tables with the keys of aliases: the address, without its
// subaddress, its domain.
func (w *Walker) forwardedBy(tables []TableID, tenant string, s *subject) Onward {
	var out Onward
	for _, id := range tables {
		w.q.keys = append(homeKeys(w.q.keys[:0], s), s.key[s.at:])
		a, _ := w.q.first(id, w.q.keys)
		if a.Status != table.Found {
			continue
		}
		out.Rule = Ref{Name: w.q.tableName(id), Source: a.Source}
		for _, to := range w.targets(tenant, s.address, entry{rule: out.Rule, values: a.Values}) {
			out.To = append(out.To, Place{Address: to, Outside: true})
		}
	}
	return out
}
