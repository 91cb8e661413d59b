package decide

import (
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// targets gives the addresses that an alias names. A target that cannot be read,
// or an alias without any, is a fault of the administrator's: the mail waits and
// is not dropped.
func (x *expansion) targets(b *branch, e entry) ([]mail.Address, bool) {
	values := targetTexts(e.values)
	out := make([]mail.Address, 0, len(e.targets)+len(values))
	for _, a := range e.targets {
		out = append(out, x.fit(b, e, a))
	}
	for i, text := range values {
		a, err := parseTarget(b.address, text)
		if err != nil || a.Local == "" && i > 0 {
			x.step(StageExpand, e.rule, text, " is no target")
			return nil, false
		}
		out = append(out, x.fit(b, e, a))
	}
	if len(out) == 0 {
		x.step(StageExpand, e.rule, "no target for ", b.key)
	}
	return out, len(out) > 0
}

// parseTarget reads one value: an address, a bare local part of the domain in
// which it stands, or "@domain", whose local part is empty then.
func parseTarget(from mail.Address, text string) (mail.Address, error) {
	if name, ok := strings.CutPrefix(text, "@"); ok {
		d, err := mail.ParseDomain(name)
		return mail.Address{Domain: d}, err
	}
	if !strings.Contains(text, "@") {
		text += "@" + string(from.Domain)
	}
	return mail.ParseAddress(text)
}

// fit gives a target under its domain's real name, and with what it takes over
// from the address that is expanded: "@domain" the local part (virtual(5)),
// another one the subaddress.
func (x *expansion) fit(b *branch, e entry, a mail.Address) mail.Address {
	if d := x.domainAt(a.Domain); d != nil && x.space.isOwn(d) {
		a.Domain = d.real.Name
	}
	switch {
	case a.Local == "":
		a.Local = b.address.Local
	case e.ext != "":
		a = x.extend(a, e.ext)
	}
	return a
}

// extend passes a subaddress on to a target, as Postfix does for virtual aliases
// (propagate_unmatched_extensions). A target that has one keeps its own, and a
// hosted domain that knows none is not given one.
func (x *expansion) extend(a mail.Address, ext string) mail.Address {
	if d := x.domainAt(a.Domain); d != nil && x.space.isOwn(d) && !strings.Contains(d.Subaddress, ext[:1]) {
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
	d := q.domainAt(a.Domain)
	if d == nil {
		return mail.Address{}
	}
	local := strings.ToLower(a.Local)
	if n := d.real.splitAt(local); n > 0 {
		local = local[:n]
	}
	return mail.Address{Local: local, Domain: a.Domain}
}

// targetTexts takes values apart that hold several addresses, separated by
// commas or white space outside quotes.
func targetTexts(values []string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		start, quoted := 0, false
		for i := 0; i < len(v); i++ {
			switch {
			case quoted && v[i] == '\\':
				i++
			case v[i] == '"':
				quoted = !quoted
			case !quoted && isListSpace(rune(v[i])):
				out = appendText(out, v[start:i])
				start = i + 1
			}
		}
		out = appendText(out, v[start:])
	}
	return out
}

func appendText(dst []string, text string) []string {
	if text == "" {
		return dst
	}
	return append(dst, text)
}

// isListSpace tells what separates the values of a list.
func isListSpace(r rune) bool { return r == ',' || r == ' ' || r == '\t' }
