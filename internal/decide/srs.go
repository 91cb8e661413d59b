package decide

import (
	"errors"

	"github.com/postroad/postroad/internal/mail"
	"github.com/postroad/postroad/internal/trust/srs"
)

// SRS is a way of forwarding mail under an address of ours. Its secrets come with
// the Facts.
type SRS struct {
	Ref           // "srs.default"
	Tenant string // whose it is; "": the top level's
	Name   string // "default"; "acme.default" in a tenant
	Domain mail.Domain
	// Separator behind SRS0 and SRS1.
	Separator byte
	// Anybody may send to an address of the scheme; else reports only, that is, mail
	// with the null reverse-path.
	Anybody bool
}

// defaultSRS is the scheme of domains that name none.
const defaultSRS = "default"

func (s *Snapshot) compileSRS() error {
	for i := range s.Rules.SRS {
		r := &s.Rules.SRS[i]
		if s.srsDomains[r.Domain] != nil {
			return missing(r.Ref, "free domain", string(r.Domain))
		}
		s.srs[r.Name], s.srsDomains[r.Domain] = r, r
		if r.Tenant != "" && s.domains[r.Domain] == nil {
			s.schemeDomains[r.Domain] = schemeDomain(r)
		}
	}
	for _, d := range s.Rules.Domains {
		if d.SRS != "" && s.srs[d.SRS] == nil {
			return missing(d.Ref, "srs", d.SRS)
		}
	}
	return nil
}

// schemeDomain is the domain of a tenant's scheme that has no block: it belongs to
// the tenant as its other domains do.
func schemeDomain(r *SRS) *domain {
	d := &domain{Domain: &Domain{Ref: r.Ref, Name: r.Domain, Tenant: r.Tenant, MailboxTable: NoTable, AliasTable: NoTable}, scheme: r}
	d.real = d
	return d
}

// scheme puts a scheme and its secrets together.
func (q *query) scheme(r *SRS) srs.Scheme {
	return srs.Scheme{Domain: r.Domain, Separator: r.Separator, Secrets: q.in.Facts.SRS[r.Name]}
}

// schemeFor gives the scheme under which a domain forwards: the one that it names,
// its tenant's, the top level's, or nil.
func (j *judgment) schemeFor(forwarder mail.Domain) *SRS {
	if d := j.domainAt(forwarder); d != nil && d.real.SRS != "" {
		return j.srs[d.real.SRS]
	}
	if r := j.srs[Scoped(j.space.name, defaultSRS)]; r != nil {
		return r
	}
	return j.srs[defaultSRS]
}

// forward gives a leg that was forwarded into a foreign domain a sender of ours,
// unless the sender is ours already or null. A sender that does not fit stays: the
// mail goes out, and only SPF at the next host cannot tell that it may.
func (j *judgment) forward(m *member) ruling {
	from, by := m.leg.Sender, m.expanded
	if by.IsZero() {
		by = j.in.Facts.Alias
	}
	if len(j.srs) == 0 || by.IsZero() || from.IsNull() {
		return accepted()
	}
	r := j.schemeFor(by.Domain)
	if r == nil || j.srsDomains[from.Address.Domain] != nil || from.Address.Domain == j.Rules.Hostname {
		return accepted()
	}
	if d := j.domainAt(from.Address.Domain); d != nil {
		if d.cause == "" {
			return accepted()
		}
		j.step(StageRewrite, d.Ref, "cannot tell: ", d.cause)
		return tryLater()
	}
	to, err := j.scheme(r).Forward(from.Address, j.in.Facts.Day)
	switch {
	case errors.Is(err, srs.ErrTooLong):
		j.step(StageRewrite, r.Ref, from.String(), " stays: ", err.Error())
		return accepted()
	case err != nil:
		j.step(StageRewrite, r.Ref, "cannot tell: ", err.Error())
		return tryLater()
	}
	if j.traced() {
		j.step(StageRewrite, r.Ref, arrow(from.Address, to))
		m.leg.Changes = changed(m.leg.Changes, Change{Part: PartSender, From: from.Address, To: to, By: []Ref{r.Ref}})
	}
	m.leg.Sender.Address = to
	return accepted()
}

// schemeAt gives the scheme to which an address belongs: one of its form, or any in
// a domain that has nothing else. A domain that is another's by its table is that
// other's.
func (q *query) schemeAt(a mail.Address) *SRS {
	r := q.srsDomains[a.Domain]
	if r == nil {
		return nil
	}
	switch d := q.domainAt(a.Domain); {
	case d == nil || d.scheme == r:
	case d.cause != "" || d.Tenant != r.Tenant || !srs.Is(a.Local):
		return nil
	}
	return r
}

// isOpenTo tells whether a scheme serves mail of a space: the top level's serve
// all, a tenant's its own alone.
func (r *SRS) isOpenTo(sp *space) bool { return r.Tenant == "" || r.Tenant == sp.name }

// reverse follows an address of a scheme to the sender from whom it was made. Who
// saw such an address could write to that sender through us: so only reports pass,
// unless the scheme lets anybody.
func (x *expansion) reverse(b *branch, r *SRS) {
	if !srs.Is(b.address.Local) {
		x.schemeOther(b, r)
		return
	}
	if !r.Anybody && !x.in.Sender.IsNull() {
		x.step(StageAddress, r.Ref, "takes reports only, with the null sender")
		x.refuse(b, returnPathRefused("This address takes delivery reports only"))
		return
	}
	to, err := x.scheme(r).Reverse(b.address.Local, x.in.Facts.Day)
	switch {
	case errors.Is(err, srs.ErrNoSecret):
		x.step(StageAddress, r.Ref, "cannot tell: ", err.Error())
		x.stop(tryLater())
	case err != nil:
		x.step(StageAddress, r.Ref, err.Error())
		x.refuse(b, returnPathRefused("This return path is not valid, or not any more"))
	case b.depth >= x.limits.AliasDepth:
		x.step(StageAddress, r.Ref, "return paths are nested too deep")
		x.stop(tryLater())
	case !x.loops(b):
		if x.traced() {
			x.step(StageRewrite, r.Ref, arrow(b.address, to))
		}
		x.follow(&branch{address: to, expanded: b.address, depth: b.depth + 1, up: b})
	}
}

// schemeOther is for what is no return path: nobody but the postmaster has an
// address in a domain of return paths (RFC 5321 s4.5.1).
func (x *expansion) schemeOther(b *branch, r *SRS) {
	to := x.postmasterOf(r.Tenant)
	if !isPostmaster(b.address) || to.IsZero() {
		x.step(StageAddress, r.Ref, b.address.Key(), " is no return path")
		x.refuse(b, unknownUser())
		return
	}
	if x.loops(b) {
		return
	}
	if x.traced() {
		x.step(StageExpand, r.Ref, arrow(b.address, to))
	}
	x.follow(&branch{address: to, expanded: b.address, aliased: true, depth: b.depth + 1, up: b})
}

func returnPathRefused(text string) ruling {
	return refused(mail.Reply{Code: 550, Enhanced: "5.7.1", Text: text})
}
