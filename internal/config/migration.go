package config

import (
	"slices"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table/inline"
)

// Ask says how a domain's transport is asked about its mailboxes.
type Ask struct {
	Sender         mail.Path
	Known          time.Duration // a found answer serves so long while nobody answers
	KnownRefresh   time.Duration // and is asked for again after that
	Unknown        time.Duration
	UnknownRefresh time.Duration
	Timeout        time.Duration // of one question
}

// innerOf gives the one block of that name within b, nil for none.
func (l *loader) innerOf(b *block, name string) *block {
	var found *block
	for _, in := range b.inner {
		if in.spec.name != name {
			continue
		}
		if found != nil {
			l.errorf(in.at, "%s stands twice in %s", name, b.ref()).detail("first at %s", where(found.at))
		}
		found = in
	}
	return found
}

// housekept adds a table that the server itself keeps, once.
func (l *loader) housekept(rules *decide.Rules, format string) decide.TableID {
	for i, t := range rules.Tables {
		if t.Format == format {
			return decide.TableID(i)
		}
	}
	rules.Tables = append(rules.Tables, decide.TableInfo{Name: format, Format: format, Source: builtinSource})
	l.config.Tables = append(l.config.Tables, &Table{Name: format, Source: builtinSource, Kind: format, Content: inline.New(nil)})
	return decide.TableID(len(rules.Tables) - 1)
}

// speaks tells whether a transport speaks to hosts, which can be asked and say
// whom they do not know.
func (l *loader) speaks(name string) bool {
	t := l.config.Transports[name]
	return t == nil || slices.Contains([]string{decide.KindMX, decide.KindSMTP, decide.KindLMTP}, t.Kind)
}

// migration builds the migration of a domain, or of many; deliver is where their
// mail goes else.
func (l *loader) migration(rules *decide.Rules, b *block, deliver []string) *decide.Migration {
	in := l.innerOf(b, "migration")
	if in == nil || in.bad {
		return nil
	}
	m := &decide.Migration{
		Source: in.source(), New: get[ref](in, "new").name, Old: get[ref](in, "old").name,
		Homes: l.housekept(rules, decide.FormatMoves), Moved: l.tableFor(in, "moved", "moved"),
		TryOther: get[string](in, "unknown") == "try-other", Both: get[bool](in, "both"), DryRun: get[bool](in, "dry_run"),
		Percent: get[float64](in, "percent"),
	}
	if get[string](in, "default") == "new" {
		m.Default = decide.SideNew
	}
	for side, name := range []string{decide.SideOld: "old_forwards", decide.SideNew: "new_forwards"} {
		if in.given(name) {
			m.Forwards = append(m.Forwards, decide.Forwards{Side: decide.Side(side), Table: l.tableFor(in, name, "aliases")})
		}
	}
	l.migrationSense(in, m)
	if m.DryRun && len(deliver) == 0 {
		l.errorf(in.place("dry_run"), "%s has no deliver by which mail goes during a dry run", b.ref())
	}
	return m
}

// migrationSense tells what cannot be meant.
func (l *loader) migrationSense(in *block, m *decide.Migration) {
	for _, name := range []string{"new", "old"} {
		if t := get[ref](in, name).name; !l.speaks(t) {
			l.errorf(in.place(name), "transport.%s speaks to no host, so that nobody can say who is unknown there", t).
				detail("a side of a migration is an mx, smtp or lmtp transport")
		}
	}
	if m.New == m.Old {
		l.errorf(in.place("old"), "both sides of the migration are transport.%s", m.Old)
	}
	if in.given("percent") && m.Default == decide.SideNew {
		l.errorf(in.place("percent"), `percent has no meaning beside default = "new"`).detail("everybody whom nobody names lives there already")
	}
}

// ask builds how the transports of a domain, or of many, are asked, and gives the
// table that does.
func (l *loader) ask(rules *decide.Rules, b *block, deliver []string, m *decide.Migration) decide.TableID {
	in := l.innerOf(b, "ask")
	if in == nil {
		in = l.defaultBlock(askSpec())
	}
	l.positive(in, "known", "known_refresh", "unknown", "unknown_refresh", "timeout")
	a := &Ask{
		Sender: mail.Path{Address: get[mail.Address](in, "sender")},
		Known:  get[time.Duration](in, "known"), KnownRefresh: get[time.Duration](in, "known_refresh"),
		Unknown: get[time.Duration](in, "unknown"), UnknownRefresh: get[time.Duration](in, "unknown_refresh"),
		Timeout: get[time.Duration](in, "timeout"),
	}
	if l.config.Asks == nil {
		l.config.Asks = make(map[string]*Ask)
	}
	l.config.Asks[b.ref()] = a
	if len(deliver) == 0 && (m == nil || m.DryRun) {
		l.errorf(b.place("mailboxes"), "there is nobody to be asked: %s has no deliver", b.ref())
	}
	for _, name := range deliver {
		if m == nil && !l.speaks(name) {
			l.errorf(b.place("mailboxes"), "transport.%s speaks to no host that could be asked", name)
		}
	}
	return l.housekept(rules, decide.FormatAsk)
}

// askedFor tells whether a block says mailboxes = "ask"; a block that says how, and
// not that, has no meaning.
func (l *loader) askedFor(b *block, members decide.Members) bool {
	if members == decide.MembersAsk {
		return true
	}
	if in := l.innerOf(b, "ask"); in != nil {
		l.errorf(in.at, `ask has no meaning without mailboxes = "ask"`)
	}
	return false
}

// defaultBlock is a block that does not stand there: everything has its default.
func (l *loader) defaultBlock(spec *blockSpec) *block {
	b := &block{spec: spec, values: map[string]value{}}
	for i, f := range spec.fields {
		if f.def != "" {
			b.values[f.name] = value{v: l.defaultOf(&spec.fields[i])}
		}
	}
	return b
}
