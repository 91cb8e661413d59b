package decide

import "github.com/postroad/postroad/internal/mail"

// realName gives the address under its domain's real name: alias_of changes the
// domain and keeps the local part as it was given. The second answer tells
// whether anything changed.
func (j *judgment) realName(a mail.Address) (mail.Address, bool) {
	d := j.domainAt(a.Domain)
	if d == nil || d.real == d {
		return a, false
	}
	to := mail.Address{Local: a.Local, Domain: d.real.Name}
	if j.traced() {
		j.step(StageRewrite, d.Ref, arrow(a, to))
	}
	return to, true
}

// postmasterName gives <postmaster> without a domain a mailbox: the configured
// postmaster, or that of our own name, or of the first domain that is hosted
// (RFC 5321 s4.5.1). The second answer tells whether there is any.
func (j *judgment) postmasterName() (mail.Address, bool) {
	to := mail.Address{Local: postmasterLocal}
	switch {
	case !j.Rules.Postmaster.IsZero():
		to = j.Rules.Postmaster
	case j.domainAt(j.Rules.Hostname) != nil:
		to.Domain = j.Rules.Hostname
	case j.firstDomain != nil:
		to.Domain = j.firstDomain.Name
	default:
		return mail.Address{}, false
	}
	if j.traced() {
		j.step(StageRewrite, Ref{Name: postmasterLocal}, arrow(j.given.Address, to))
	}
	return to, true
}
