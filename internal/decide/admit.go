package decide

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/table"
)

// admit judges the client before anything is said about the recipient: deny
// rules, the door, the sender's owner, relay access. Mail that did not come in
// over SMTP has passed it already, or is our own (CONFIG.md, origin × stage).
func (j *judgment) admit() ruling {
	switch j.in.Facts.Origin {
	case OriginSMTP:
		return j.through(
			(*judgment).denied, (*judgment).door, (*judgment).owner, (*judgment).author, (*judgment).limited, (*judgment).relayAccess,
		)
	case OriginReinjected:
		return j.through((*judgment).deniedOwn, (*judgment).limited)
	}
	return accepted()
}

// through goes through gates until one does not accept.
func (j *judgment) through(gates ...func(*judgment) ruling) ruling {
	for _, gate := range gates {
		if r := gate(j); r.verdict != Accept {
			return r
		}
	}
	return accepted()
}

// denied asks the deny rules. One that certainly holds refuses, whatever another
// one could not tell; one that waits for the message is asked again then.
func (j *judgment) denied() ruling {
	r := accepted()
	j.triedIn(j.space, denies, StageAdmit, j.asGiven(), j.denying(&r))
	return r
}

// deniedOwn asks the deny rules of the tenant that mail comes to from within:
// those of the top level were asked when it came into the house.
func (j *judgment) deniedOwn() ruling {
	r := accepted()
	if j.space.isTop() {
		return r
	}
	j.tried(StageAdmit, &j.space.deny, j.asGiven(), j.denying(&r))
	return r
}

func (j *judgment) denying(r *ruling) func(at int, t tri) bool {
	return func(at int, t tri) bool {
		switch t {
		case yes:
			d := &j.Rules.Deny[at]
			*r = refused(orReply(d.Reply, 554, "5.7.1", "Access denied"))
			j.step(StageAdmit, d.Ref, "denied")
			return false
		case unknown:
			*r = tryLater()
		}
		return true
	}
}

// door holds the client against the listener: its list of clients, and its
// demand for a login.
func (j *judgment) door() ruling {
	l := j.listeners[j.in.Facts.Listener]
	if l == nil {
		return accepted()
	}
	ref := Ref{Name: "listener." + l.Name, Source: l.Source}
	client := j.in.Facts.Client.Unmap().WithZone("")
	if len(l.Client) > 0 && !slices.ContainsFunc(l.Client, func(p netip.Prefix) bool { return foldPrefix(p).Contains(client) }) {
		j.step(StageAdmit, ref, "client may not connect here")
		return refused(mail.Reply{Code: 554, Enhanced: "5.7.1", Text: "Access denied"})
	}
	if len(l.Login) > 0 && !l.LoginOptional && j.in.Facts.Login == (Login{}) {
		j.step(StageAdmit, ref, "no login")
		return refused(mail.Reply{Code: 530, Enhanced: "5.7.0", Text: "Authentication required"}) // RFC 4954 s6
	}
	return accepted()
}

// owner holds MAIL FROM against the senders that the login may use. The null
// path is nobody's name and free to use: a client sends its receipts with it
// (RFC 8098 s2.1), and author still looks at its From. A tenant's login never
// uses a sender of another's domain, whatever its directory says.
func (j *judgment) owner() ruling {
	if j.sender.isNull() {
		return accepted()
	}
	denied := mail.Reply{Code: 553, Enhanced: "5.7.1", Text: "Sender address not owned by this login"}
	if tenant := j.actor(); tenant != "" {
		if d := j.crossing(j.spaceOf(tenant), j.sender.address); d != nil {
			j.step(StageAdmit, j.directoryRef(), string(d.Name), " belongs to ", d.owner())
			return refused(denied)
		}
	}
	return j.owned(j.sender, denied)
}

// author holds every address of From against the same senders, once the header
// is known. A From that cannot be read owns nothing.
func (j *judgment) author() ruling {
	if !j.final || j.ownersTable() == NoTable {
		return accepted()
	}
	denied := mail.Reply{Code: 550, Enhanced: "5.7.1", Text: "From address not owned by this login"}
	for _, value := range j.in.Facts.Header.All("From") {
		list, ok := authors(value)
		if !ok {
			j.step(StageAdmit, j.directoryRef(), "From cannot be read")
			return refused(denied)
		}
		for _, a := range list {
			sub := j.subjectOf(a)
			if r := j.owned(&sub, denied); r.verdict != Accept {
				return r
			}
		}
	}
	return accepted()
}

// owned looks the address up among the directory's owners: the full address,
// without its subaddress, then its domain, plain or with "@". The first key that
// is found decides.
func (j *judgment) owned(s *subject, denied mail.Reply) ruling {
	id := j.ownersTable()
	if id == NoTable {
		return accepted()
	}
	a, _ := j.first(id, j.ownerKeys(j.keys[:0], s))
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

// ownerKeys leaves out what only the subaddresses of another tenant's domain tell.
func (j *judgment) ownerKeys(dst []string, s *subject) []string {
	dst = append(dst, s.key)
	if s.bare != "" && j.crossing(j.grantors(), s.address) == nil {
		dst = append(dst, s.bare)
	}
	return append(dst, s.key[s.at:], s.domain())
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

func (j *judgment) directoryRef() Ref {
	d := j.directories[j.in.Facts.Login.Directory]
	return Ref{Name: d.Rule(), Source: d.Source}
}
