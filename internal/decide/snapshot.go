package decide

import (
	"fmt"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/postroad/postroad/internal/mail"
)

// Snapshot is compiled Rules: immutable, safe for several goroutines.
type Snapshot struct {
	Rules *Rules

	space                    // of the top level
	spaces map[string]*space // of the tenants
	blank  rulebook          // of those without a block

	fallback      *rule // the default route, nil: none
	partners      *bart.Lite
	proven        []bool // by relay rule: it knows the client, and not only what it says
	domains       map[mail.Domain]*domain
	firstDomain   *domain // the top level's first domain that is no alias_of, for <postmaster>
	transports    map[string]*Transport
	listeners     map[string]*Listener
	directories   map[string]*Directory
	tableNames    []string // by TableID, as steps name them
	renamers      []renamer
	lists         map[string]*List // by the key of the address
	srs           map[string]*SRS
	srsDomains    map[mail.Domain]*SRS
	schemeDomains map[mail.Domain]*domain // of tenants' schemes, where they have no block
	limits        Limits
}

// Defaults of Limits (SEMANTICS 23).
const (
	DefaultMaxReceived = 100
	DefaultAliasDepth  = 20
	DefaultAliasFanout = 10000
)

// Compile turns rules into a Snapshot. The rules must not change afterwards. An
// error names the first reference that leads nowhere; a configuration that was
// validated has none.
func Compile(r *Rules) (*Snapshot, error) {
	s := &Snapshot{
		Rules:         r,
		space:         space{rulebook: &rulebook{}},
		domains:       make(map[mail.Domain]*domain, len(r.Domains)),
		transports:    make(map[string]*Transport, len(r.Transports)),
		listeners:     make(map[string]*Listener, len(r.Listeners)),
		directories:   make(map[string]*Directory, len(r.Directories)),
		spaces:        make(map[string]*space, len(r.Tenants)),
		srs:           make(map[string]*SRS, len(r.SRS)),
		srsDomains:    make(map[mail.Domain]*SRS, len(r.SRS)),
		schemeDomains: map[mail.Domain]*domain{},
		lists:         make(map[string]*List, len(r.Lists)),
		limits:        r.Limits.orDefaults(),
		partners:      compilePartners(r),
	}
	s.indexNames()
	if err := s.compileDomains(); err != nil {
		return nil, err
	}
	s.compileRules()
	if err := s.compileRewrites(); err != nil {
		return nil, err
	}
	if err := s.compileSRS(); err != nil {
		return nil, err
	}
	if err := s.compileLists(); err != nil {
		return nil, err
	}
	return s, s.checkReferences()
}

func (l Limits) orDefaults() Limits {
	if l.MaxReceived <= 0 {
		l.MaxReceived = DefaultMaxReceived
	}
	if l.AliasDepth <= 0 {
		l.AliasDepth = DefaultAliasDepth
	}
	if l.AliasFanout <= 0 {
		l.AliasFanout = DefaultAliasFanout
	}
	return l
}

func (s *Snapshot) indexNames() {
	for _, t := range Builtins() {
		s.transports[t.Name] = &t
	}
	for i := range s.Rules.Transports {
		s.transports[s.Rules.Transports[i].Name] = &s.Rules.Transports[i]
	}
	for i := range s.Rules.Tables {
		s.tableNames = append(s.tableNames, s.Rules.Tables[i].Rule())
	}
	for i := range s.Rules.Tenants {
		t := &s.Rules.Tenants[i]
		s.spaces[t.Name] = &space{name: t.Name, tenant: t, rulebook: &rulebook{}}
	}
	for i := range s.Rules.Listeners {
		s.listeners[s.Rules.Listeners[i].Name] = &s.Rules.Listeners[i]
	}
	for i := range s.Rules.Directories {
		s.directories[s.Rules.Directories[i].Name] = &s.Rules.Directories[i]
	}
}

func (s *Snapshot) compileRules() {
	for i := range s.Rules.Deny {
		d := &s.Rules.Deny[i]
		s.bookOf(d.Tenant).deny.addAt(i, rule{Ref: d.Ref, condition: compileMatchers(&d.Match, d.Name)}, &d.Match)
	}
	for i := range s.Rules.Relay {
		r := &s.Rules.Relay[i]
		m := boundMatchers(r.Match)
		s.bookOf(r.Tenant).relay.addAt(i, rule{Ref: r.Ref, condition: compileMatchers(&m, r.Name)}, &m)
		s.proven = append(s.proven, provesClient(s.Rules, r.Match))
	}
	for i := range s.Rules.Routes {
		r := &s.Rules.Routes[i]
		s.bookOf(r.Tenant).routes.addAt(i, rule{Ref: r.Ref, condition: compileRoute(r)}, &r.Match)
	}
	if d := s.Rules.Default; d != nil {
		s.fallback = &rule{Ref: d.Ref, condition: compileMatchers(&d.Match, d.Name)}
	}
	for i := range s.Rules.Copies {
		c := &s.Rules.Copies[i]
		s.bookOf(c.Tenant).copies.addAt(i, rule{Ref: c.Ref, condition: compileMatchers(&c.Match, c.Name)}, &c.Match)
	}
}

// compileRoute adds the clause that keeps a route away from mail for hosted
// domains.
func compileRoute(r *Route) condition {
	c := compileMatchers(&r.Match, r.Name)
	if !concernsHosted(r) {
		c.clauses = append([]clause{{name: "hosted", holds: matchForeign}}, c.clauses...)
	}
	return c
}

// concernsHosted tells whether a route is asked about mail for hosted domains: it
// says so, or it names recipient, original, lookup or tag.
func concernsHosted(r *Route) bool {
	if r.Hosted != nil {
		return *r.Hosted
	}
	return len(r.Match.Recipient) > 0 || len(r.Match.Original) > 0 || len(r.Match.Tag) > 0 || r.Via == ""
}

func matchForeign(v *view) tri { return not(v.hosted) }

// checkReferences holds every name that a rule gives against what there is.
func (s *Snapshot) checkReferences() error {
	routes := s.Rules.Routes
	if s.Rules.Default != nil {
		routes = append(slices.Clone(routes), *s.Rules.Default)
	}
	for i := range routes {
		if err := s.checkRoute(&routes[i]); err != nil {
			return err
		}
	}
	for _, c := range s.Rules.Copies {
		if c.Via != "" && s.transports[c.Via] == nil {
			return missing(c.Ref, "transport", c.Via)
		}
	}
	for _, d := range s.Rules.Domains {
		if d.Deliver != "" && s.transports[d.Deliver] == nil {
			return missing(d.Ref, "transport", d.Deliver)
		}
	}
	if err := s.checkTemplates(); err != nil {
		return err
	}
	return s.checkPatterns()
}

func (s *Snapshot) checkRoute(r *Route) error {
	if r.Via != "" {
		if s.transports[r.Via] == nil {
			return missing(r.Ref, "transport", r.Via)
		}
		return nil
	}
	if !s.hasTable(r.Lookup) {
		return missing(r.Ref, "table", fmt.Sprint(int(r.Lookup)))
	}
	return nil
}

func (s *Snapshot) hasTable(id TableID) bool { return id >= 0 && int(id) < len(s.Rules.Tables) }

// checkPatterns looks for tables that are named in matchers and do not exist.
func (s *Snapshot) checkPatterns() error {
	for ref, m := range s.matchers() {
		lists := slices.Concat(m.Recipient, m.Original, m.Sender, m.Helo)
		for _, p := range lists {
			if p.Kind == PatternTable && !s.hasTable(p.Table) {
				return missing(ref, "table", fmt.Sprint(int(p.Table)))
			}
		}
		if m.ClientTable != NoTable && !s.hasTable(m.ClientTable) {
			return missing(ref, "table", fmt.Sprint(int(m.ClientTable)))
		}
	}
	return nil
}

// missing is the error for a reference that leads nowhere.
func missing(at Ref, kind, name string) error {
	return fmt.Errorf("%s (%s): no %s %q", at.Name, at.Source, kind, name)
}
