package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// relayAccess asks whether mail for a domain that is not hosted here may pass:
// 554 5.7.1 otherwise (RFC 5321 s3.6.2). An address literal is never hosted.
func (j *judgment) relayAccess() ruling {
	a := j.given.Address
	if a.Domain == "" || j.domainAt(a.Domain) != nil || j.srsDomains[a.Domain] != nil {
		return accepted()
	}
	granted, proven := j.grant()
	if hasRoute(a) {
		if granted != no && proven == no {
			j.step(StageAdmit, Ref{}, "sender-specified routing from an unknown client")
			return routingRefused()
		}
		granted = proven
	}
	switch granted {
	case no:
		j.step(StageAdmit, Ref{}, "no relay rule holds: relay access denied")
		return relayDenied()
	case unknown:
		return tryLater()
	}
	return accepted() // yes; or later, which the message will tell
}

// grant asks the relay rules, as alternatives. The second answer counts only
// rules that know the client by more than what it says.
func (j *judgment) grant() (granted, proven tri) {
	routed := hasRoute(j.given.Address)
	j.triedIn(j.grantors(), relays, StageAdmit, j.asGiven(), func(n int, t tri) bool {
		granted = or(granted, t)
		if j.proven[n] {
			proven = or(proven, t)
		}
		if t == yes {
			j.step(StageAdmit, j.Rules.Relay[n].Ref, "grants relay")
		}
		return granted != yes || routed && proven != yes
	})
	return granted, proven
}

// grantors is the space whose relay rules are asked besides the top level's: a
// tenant grants relay to its own logins, and to nobody else.
func (j *judgment) grantors() *space { return j.spaceOf(j.actor()) }

// hasRoute tells whether a local part may carry a way of its own to hosts that
// know such things: user%host, host!user, user@host in quotes. postroad never
// follows one; a server behind it might.
func hasRoute(a mail.Address) bool { return strings.ContainsAny(a.Local, "%!@") }

// provesClient tells whether a relay rule knows its client by login, certificate
// or a network that is not most of the Internet.
func provesClient(r *Rules, m Matchers) bool {
	return isKnown(m) || !exceeds(publicOnly(clientNetworks(r, m)))
}
