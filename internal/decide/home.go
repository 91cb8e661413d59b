package decide

import (
	"strconv"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// Home is where a mailbox lives.
type Home struct {
	Domain    mail.Domain // under migration; "" when there is none
	Side      Side
	Transport string
	Other     string  // transport of the other side; "" when there is no migration
	TryOther  bool    // Other is asked before mail bounces
	Rule      Ref     // that tells
	Percent   float64 // share of the migration
	Block     string  // that hosts the domain: "domain.example.com", "domains.hosted"
}

// HomeOf tells where mail for a final recipient goes now, for mail whose way is
// that of the recipient's home: NotFound when its domain is not hosted, or says
// nothing of it any more. A domain whose migration has ended is at home where it
// delivers. Questions mean that nothing else counts, as in Recipient.
func (s *Snapshot) HomeOf(memo *Memo, a mail.Address) (Home, table.Status, []Question) {
	q := s.query(&Input{Memo: memo}, true)
	d := q.domainAt(a.Domain)
	switch {
	case d == nil:
		return Home{}, table.NotFound, nil
	case d.cause != "":
		return Home{}, table.TryLater, q.needs
	}
	if m := d.real.Migration; m == nil || m.DryRun {
		if d.real.Deliver == "" {
			return Home{}, table.NotFound, nil
		}
		return Home{Transport: d.real.Deliver, Rule: d.real.Ref, Block: d.real.block()}, table.Found, nil
	}
	sub := q.subjectOf(a)
	if h, known := q.home(d.real, &sub); known {
		return h, table.Found, nil
	}
	return Home{}, table.TryLater, q.needs
}

// block names what in the configuration hosts a domain.
func (d *domain) block() string {
	if d.template != nil {
		return d.template.Name
	}
	return d.Ref.Name
}

// DomainAt gives the hosted domain of that name, from its block or from a table.
// Questions mean that nothing else counts, as in Recipient.
func (s *Snapshot) DomainAt(memo *Memo, name mail.Domain) (Domain, table.Status, []Question) {
	q := s.query(&Input{Memo: memo}, true)
	switch d := q.domainAt(name); {
	case d == nil:
		return Domain{}, table.NotFound, nil
	case d.cause != "":
		return Domain{}, table.TryLater, q.needs
	default:
		return *d.Domain, table.Found, nil
	}
}

// home asks in the order of Migration; false when a table cannot answer.
func (q *query) home(d *domain, s *subject) (Home, bool) {
	for _, ask := range [...]func(*query, *domain, *subject) (Home, tri){
		(*query).recordedHome, (*query).movedHome, (*query).sharedHome,
	} {
		h, told := ask(q, d, s)
		if told == no {
			continue
		}
		m := d.Migration
		h.Domain = d.Name
		h.Percent, h.Block = m.Percent, d.block()
		h.Transport, h.Other, h.TryOther = m.Transport(h.Side), m.Transport(SideNew-h.Side), m.TryOther
		return h, told == yes
	}
	return Home{}, false
}

// recordedHome is what `postroad migration` was told of the address.
func (q *query) recordedHome(d *domain, s *subject) (Home, tri) {
	return q.homeIn(d.Migration.Homes, homeKeys(q.keys[:0], s))
}

// movedHome is what the table of moved addresses says.
func (q *query) movedHome(d *domain, s *subject) (Home, tri) {
	keys := homeKeys(q.keys[:0], s)
	if d.bareMoved {
		keys = append(keys, s.local())
		if s.bare != "" {
			keys = append(keys, s.bareLocal())
		}
	}
	return q.homeIn(d.Migration.Moved, append(keys, s.key[s.at:]))
}

// homeKeys are the address, and the mailbox of which it is a subaddress.
func homeKeys(dst []string, s *subject) []string {
	dst = append(dst, s.key)
	if s.bare != "" {
		dst = append(dst, s.bare)
	}
	return dst
}

// homeIn asks one table. A key alone says new, as does any value but "old".
func (q *query) homeIn(id TableID, keys []string) (Home, tri) {
	if id == NoTable {
		return Home{}, no
	}
	q.keys = keys
	a, _ := q.first(id, keys)
	h := Home{Side: SideNew, Rule: Ref{Name: q.tableName(id), Source: a.Source}}
	if len(a.Values) > 0 && a.Values[0] == SideOld.String() {
		h.Side = SideOld
	}
	return h, triOf(a.Status)
}

// sharedHome is the share of the cut-over, then the default. Subaddresses live
// with their mailbox.
func (q *query) sharedHome(d *domain, s *subject) (Home, tri) {
	m := d.Migration
	h := Home{Side: m.Default, Rule: Ref{Name: d.Ref.Name, Source: m.Source}}
	if m.Percent <= 0 || m.Default != SideOld {
		return h, yes
	}
	percent := m.Percent
	if m.Homes != NoTable {
		switch a := q.ask(m.Homes, s.key[s.at:]); a.Status {
		case table.TryLater:
			return h, unknown
		case table.Found:
			percent = min(percent, mostPercent(a.Values))
		}
	}
	key := s.key
	if s.bare != "" {
		key = s.bare
	}
	if share(fnv(fnv(fnvOffset, "migration."+string(d.Name)), key)) < percent {
		h.Side = SideNew
	}
	return h, yes
}

// mostPercent reads the bound that a paused cut-over has; what cannot be read
// bounds nothing away from the old side.
func mostPercent(values []string) float64 {
	if len(values) == 0 {
		return 0
	}
	p, err := strconv.ParseFloat(values[0], 64)
	if err != nil {
		return 0
	}
	return p
}

// goHome chooses the transport of the home for mail of a domain under migration.
// It tells whether that decides.
func (q *query) goHome(c *choice, v *view, d *domain) bool {
	m := d.Migration
	if m == nil {
		return false
	}
	h, known := q.home(d, &v.recipient)
	switch {
	case !known && m.DryRun:
		q.stepUnknown(StageRoute, d.Ref, "dry run of the migration")
	case !known:
		q.stepUnknown(StageRoute, d.Ref, "home")
		c.failing(tryLater())
	case m.DryRun:
		q.step(StageRoute, h.Rule, "dry run: ", v.recipient.key, " lives at the ", h.Side.String(), " side, via ", h.Transport)
	default:
		q.step(StageRoute, h.Rule, v.recipient.key, " lives at the ", h.Side.String(), " side")
		if q.take(c, v, h.Transport, d.Ref); c.transport != nil {
			c.homed, c.home, c.both = true, h, m.Both
		}
	}
	return !m.DryRun
}

// settleHome completes the leg of a homed recipient. A side that sent the message
// back does not get it again: it goes to the other one, once, and what both have
// had goes round in circles. It gives false for that.
func (j *judgment) settleHome(c *choice, m *member) bool {
	m.leg.Homed = true
	other := *c
	other.transport = j.transports[c.home.Other]
	twin := m.leg
	twin.Homed = false
	other.fill(&twin, m.mailbox)
	here, there := j.isMarked(m.leg), j.isMarked(twin)
	switch {
	case here && (there || !c.home.TryOther):
		return false
	case here:
		j.step(StageRoute, c.rule, "transport.", c.home.Transport, " has sent the message back: via ", c.home.Other)
		back := m.leg.Transport
		m.leg = twin
		m.leg.Homed, m.leg.NotBy = true, back
	case there:
		m.leg.NotBy = c.home.Other
	case c.both && other.transport.Kind != KindReject:
		j.step(StageRoute, c.rule, "both sides get it: via ", c.home.Other, " too")
		twin.Copy, twin.Notify = c.rule.Name, mail.NotifyNever
		m.twin = &twin
	}
	if c.home.TryOther && m.leg.NotBy == "" {
		m.leg.Other = c.home.Other
	}
	return true
}
