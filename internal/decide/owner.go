package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// otherNamesMax is how many names are gone through to find who owns a sender.
const otherNamesMax = 10

// owned asks for the owners of a sender, and where nobody is said to own it, for
// those of the address that it is another name of, as far as the directory goes
// through other names.
func (j *judgment) owned(s *subject, denied mail.Reply) ruling {
	id := j.ownersTable()
	if id == NoTable {
		return accepted()
	}
	a := j.ownersOf(id, *s)
	switch {
	case a.Status == table.TryLater:
		j.stepUnknown(StageAdmit, j.directoryRef(), "")
		return tryLater()
	case a.Status == table.Found && ownsSender(a.Values, j.in.Facts.Login):
		return accepted()
	}
	l := j.in.Facts.Login
	j.step(StageAdmit, j.directoryRef(), l.Directory, "/", l.Name, " does not own ", s.key)
	return refused(denied)
}

// ownersOf gives the owners of the first name that has any. A name that has some
// belongs to nobody else: what it is another name of is not asked.
func (j *judgment) ownersOf(id TableID, s subject) table.Answer {
	for range otherNamesMax {
		a, _ := j.first(id, j.ownerKeys(j.keys[:0], &s))
		if a.Status != table.NotFound {
			return a
		}
		next, t := j.otherName(&s)
		switch t {
		case unknown:
			return table.Answer{Status: table.TryLater}
		case no:
			return a
		}
		j.step(StageAdmit, j.directoryRef(), s.key, " is another name of ", next.Key())
		s = j.subjectOf(next)
	}
	return table.Answer{Status: table.NotFound}
}

// ownerKeys are the full address, the one without its subaddress, then the domain,
// plain or with "@"; the first that is found decides. What only the subaddresses of
// another tenant's domain tell is left out.
func (j *judgment) ownerKeys(dst []string, s *subject) []string {
	dst = append(dst, s.key)
	if s.bare != "" && j.crossing(j.grantors(), s.address) == nil {
		dst = append(dst, s.bare)
	}
	return append(dst, s.key[s.at:], s.domain())
}

// otherName gives the one address that a sender is another name of: the same in the
// domain that its own is an alias of, or the only target of an alias that was
// written down for it by name, where both lie in domains of the login's own
// namespace.
func (j *judgment) otherName(s *subject) (mail.Address, tri) {
	through := j.directories[j.in.Facts.Login.Directory].Through
	if through == (OwnsThrough{}) {
		return mail.Address{}, no
	}
	d, t := j.namespaceDomain(s.address.Domain)
	switch {
	case t != yes:
		return mail.Address{}, t
	case d.real != d:
		return mail.Address{Local: s.address.Local, Domain: d.real.Name}, told(through.AliasOf)
	case !through.Aliases || j.namedList(d, s).kind != entryUnknown:
		return mail.Address{}, no
	}
	e := j.namedAlias(d, s)
	if e.kind == entryAway {
		return mail.Address{}, unknown
	}
	to, one := onlyTarget(s.address, e)
	if !one || e.values != nil && j.isWhole(d.AliasTable) {
		return mail.Address{}, no // what an expression matches was not written down
	}
	_, t = j.namespaceDomain(to.Domain)
	return to, t
}

// namespaceDomain gives a hosted domain of the login's own namespace.
func (j *judgment) namespaceDomain(name mail.Domain) (*domain, tri) {
	d := j.domainAt(name)
	switch {
	case d == nil:
		return nil, no
	case d.cause != "":
		return nil, unknown
	}
	return d, told(j.grantors().isOwn(d))
}

// onlyTarget gives the target of an alias that has one.
func onlyTarget(from mail.Address, e entry) (mail.Address, bool) {
	texts := targetTexts(e.values)
	if e.kind != entryAlias || len(e.targets)+len(texts) != 1 {
		return mail.Address{}, false
	}
	if len(e.targets) == 1 {
		return e.targets[0], true
	}
	a, err := parseTarget(from, texts[0])
	if a.Local == "" {
		a.Local = from.Local
	}
	return a, err == nil
}

// ownsSender tells whether a value names the login, with or without its
// directory. Logins are compared as they are: two that differ in case may be two
// people.
func ownsSender(values []string, l Login) bool {
	for _, v := range values {
		for name := range strings.FieldsFuncSeq(v, isListSpace) {
			if name == l.Name || name == l.String() {
				return true
			}
		}
	}
	return false
}

// ownersTable is the table of the login's directory that says who owns a sender;
// NoTable: nobody logged in, or any sender will do.
func (j *judgment) ownersTable() TableID {
	if d := j.directories[j.in.Facts.Login.Directory]; d != nil {
		return d.Owns
	}
	return NoTable
}
