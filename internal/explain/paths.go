package explain

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// anybody is a local part that stands for those whom nothing names: what "@domain"
// and a catch-all speak of. Somebody may be called so, but nobody is.
const anybody = "*"

// mostDomains of those that share a table are looked at for each of its keys that
// has no domain.
const mostDomains = 8

// few targets are looked at each time; of more it is remembered which lead on.
const few = 8

// paths are the ways of mail from address to address, by the steps of decide.
// They are found when they are asked for: a table of ten million aliases that all
// name mailboxes costs time, and no room.
type paths struct {
	*subject
	walker  *decide.Walker
	known   map[decide.Place]ways // of places with many targets
	most    int                   // roots
	entries int                   // of tables that may still be looked at for roots
	ctx     context.Context       // of the search
	tooMany bool
}

// ways lead on from a place.
type ways struct {
	by decide.Ref
	to []decide.Place
}

func newPaths(s *subject) *paths {
	return &paths{
		subject: s, walker: s.snapshot.Walker(s.view), known: map[decide.Place]ways{},
		most: mostPlaces, entries: math.MaxInt, ctx: context.Background(),
	}
}

// onward gives the places to which one leads and that lead on themselves; what
// ends is in no circle.
func (g *paths) onward(p decide.Place) (decide.Ref, []decide.Place) {
	if s, is := g.known[p]; is {
		return s.by, s.to
	}
	by, all := g.step(p)
	s := ways{by: by}
	n := 0
	for to := range all {
		if n++; g.leads(to) {
			s.to = append(s.to, to)
		}
	}
	if n > few {
		g.known[p] = s
	}
	return s.by, s.to
}

// step gives all places to which one leads, the members of a list among them.
func (g *paths) step(p decide.Place) (decide.Ref, func(yield func(decide.Place) bool)) {
	o := g.walker.Onward(p)
	if o.Ends {
		if f := g.walker.Forwarded(p.Address); len(f.To) > 0 {
			o.Rule, o.To = f.Rule, append(o.To, f.To...)
		}
	}
	return o.Rule, func(yield func(decide.Place) bool) {
		for _, to := range o.To {
			if !yield(to) {
				return
			}
		}
		if o.List != nil {
			g.members(o.List, yield)
		}
	}
}

// leads tells whether a place leads on at all.
func (g *paths) leads(p decide.Place) bool {
	o := g.walker.Onward(p)
	if p.Outside {
		return slices.ContainsFunc(o.To, g.leads)
	}
	return len(o.To) > 0 || o.List != nil || o.Ends && len(g.walker.Forwarded(p.Address).To) > 0
}

// members gives those of a list.
func (g *paths) members(l *decide.List, yield func(decide.Place) bool) {
	more := true
	member := func(text string) bool {
		if !strings.Contains(text, "@") {
			text += "@" + string(l.Address.Domain)
		}
		if a, err := mail.ParseAddress(text); err == nil {
			more = yield(placed(a, true))
		}
		return more
	}
	for _, a := range l.Members {
		if more = more && yield(placed(a, true)); !more {
			return
		}
	}
	content := g.content(l.Table)
	if content == nil {
		g.unlisted(l.Table)
		return
	}
	if !l.Listed {
		for _, v := range content.Lookup(l.Address.Key()).Values {
			for _, text := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
				if !member(text) {
					return
				}
			}
		}
		return
	}
	if all, is := content.(lister); is {
		all.Each(func(key string, _ table.Answer) bool { return member(key) })
	}
}

func placed(a mail.Address, outside bool) decide.Place {
	a.Local = strings.ToLower(a.Local)
	return decide.Place{Address: a, Outside: outside}
}

// roots are the places that are written down somewhere and may be in a circle, in
// order.
func (g *paths) roots() []decide.Place {
	var out []decide.Place
	add := func(a mail.Address) {
		if a.Local == "" {
			a.Local = anybody
		}
		p := placed(a, false)
		if _, to := g.onward(p); len(to) == 0 {
			return
		}
		if g.tooMany = len(out) >= g.most; !g.tooMany {
			out = append(out, p)
		}
	}
	for i := range g.rules.Domains {
		d := &g.rules.Domains[i]
		for _, a := range d.Aliases {
			add(a.Address)
		}
		if len(d.CatchAll) > 0 || d.AliasTable != decide.NoTable {
			add(mail.Address{Domain: d.Name})
		}
		if len(d.CatchAll) > 0 && g.content(d.MailboxTable) == nil {
			g.unlisted(d.MailboxTable)
		}
	}
	for i := range g.rules.Lists {
		add(g.rules.Lists[i].Address)
	}
	for _, r := range g.rules.Rewrites {
		if r.Recipient && g.content(r.Table) == nil {
			g.unlisted(r.Table)
		}
	}
	for _, t := range g.tables() {
		g.keys(t, add)
	}
	slices.SortFunc(out, comparePlaces)
	return slices.Compact(out)
}

// aliasing is a table whose keys are addresses that lead on, and domains for which
// a key without one may stand.
type aliasing struct {
	id      decide.TableID
	domains []mail.Domain
}

// aliasings are tables of one kind, each once.
type aliasings []aliasing

func (all *aliasings) add(id decide.TableID, d mail.Domain) {
	if id == decide.NoTable {
		return
	}
	i := slices.IndexFunc(*all, func(t aliasing) bool { return t.id == id })
	if i < 0 {
		i = len(*all)
		*all = append(*all, aliasing{id: id})
	}
	if t := &(*all)[i]; d != "" && len(t.domains) < mostDomains {
		t.domains = append(t.domains, d)
	}
}

func (all *aliasings) addForwards(m *decide.Migration) {
	if m == nil {
		return
	}
	for _, f := range m.Forwards {
		all.add(f.Table, "")
	}
}

// tables are those of aliases and of what is known to be forwarded, each once.
func (g *paths) tables() aliasings {
	var out aliasings
	for i := range g.rules.Domains {
		d := &g.rules.Domains[i]
		out.add(d.AliasTable, d.Name)
		out.addForwards(d.Migration)
	}
	for _, t := range g.rules.Templates {
		out.add(t.AliasTable, "")
		out.addForwards(t.Migration)
	}
	return out
}

// keys gives the addresses for which the keys of a table stand.
func (g *paths) keys(t aliasing, add func(mail.Address)) {
	all, is := g.content(t.id).(lister)
	if !is {
		g.unlisted(t.id)
		return
	}
	all.Each(func(key string, _ table.Answer) bool {
		if g.entries == 0 || g.ctx.Err() != nil {
			g.tooMany = true
			return false
		}
		g.entries--
		t.addresses(key, add)
		return true
	})
}

// addresses gives those for which a key stands.
func (t aliasing) addresses(key string, add func(mail.Address)) {
	at := strings.LastIndexByte(key, '@')
	if at < 0 {
		for _, d := range t.domains {
			add(mail.Address{Local: key, Domain: d})
		}
		return
	}
	if at == 0 {
		key = anybody + key
	}
	if a, err := mail.ParseAddress(key); err == nil {
		add(a)
	}
}

// unlisted says which table could have been a part of a circle and cannot be
// listed, or not be asked without mail.
func (g *paths) unlisted(id decide.TableID) {
	if g.isThere(id) {
		g.note("%s cannot be listed: an alias cycle that only it would show ends in mail, as a loop", g.rules.Tables[id].Rule())
	}
}
