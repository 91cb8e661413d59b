package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// targets reads what an alias names. A target that cannot be read, or an alias
// without any, is a fault of the administrator's: the mail waits and is not
// dropped.
func (x *expansion) targets(b *branch, e entry) ([]mail.Address, bool) {
	out := make([]mail.Address, 0, len(e.targets))
	for i, text := range e.targets {
		a, err := x.parseTarget(b.address, text, i == 0)
		if err != nil {
			x.step(StageExpand, e.rule, text+" is no target: "+err.Error())
			return nil, false
		}
		if e.ext != "" && !strings.HasPrefix(text, "@") {
			a = x.extend(a, e.ext)
		}
		out = append(out, a)
	}
	if len(out) == 0 {
		x.step(StageExpand, e.rule, "no target for "+b.address.String())
	}
	return out, len(out) > 0
}

// parseTarget reads one target: an address, a bare local part of the domain in
// which it stands, or as the first one "@domain", which keeps the local part
// (virtual(5)).
func (x *expansion) parseTarget(from mail.Address, text string, first bool) (mail.Address, error) {
	if name, ok := strings.CutPrefix(text, "@"); ok && first {
		d, err := mail.ParseDomain(name)
		return mail.Address{Local: from.Local, Domain: d}, err
	}
	if !strings.Contains(text, "@") {
		text += "@" + string(from.Domain)
	}
	return mail.ParseAddress(text)
}

// extend passes a subaddress on to a target, as Postfix does for virtual aliases
// (propagate_unmatched_extensions). A target that has one keeps its own, and a
// hosted domain that knows none is not given one.
func (x *expansion) extend(a mail.Address, ext string) mail.Address {
	if d := x.domains[a.Domain]; d != nil && !strings.Contains(d.real.Subaddress, ext[:1]) {
		return a
	}
	if strings.Contains(a.Local, ext[:1]) {
		return a
	}
	a.Local += ext
	return a
}

// mailboxOf is the address of the mailbox behind a hosted address: in lower case
// and without the subaddress. For a foreign address it is zero.
func (q *query) mailboxOf(a mail.Address) mail.Address {
	d := q.domains[a.Domain]
	if d == nil {
		return mail.Address{}
	}
	local := strings.ToLower(a.Local)
	if n := d.real.splitAt(local); n > 0 {
		local = local[:n]
	}
	return mail.Address{Local: local, Domain: a.Domain}
}
