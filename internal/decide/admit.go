package decide

import (
	"net/netip"
	"slices"

	"github.com/postroad/postroad/internal/mail"
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

func (j *judgment) directoryRef() Ref {
	d := j.directories[j.in.Facts.Login.Directory]
	return Ref{Name: d.Rule(), Source: d.Source}
}
