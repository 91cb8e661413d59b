package config

import (
	"net/netip"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
)

// clientValue is the value of `client`.
type clientValue struct {
	networks []netip.Prefix
	table    decide.TableID
}

func (l *loader) clients(e hclsyntax.Expression) (clientValue, bool) {
	c := clientValue{table: decide.NoTable}
	ok := true
	read := parsed(l, parseNetwork)
	for _, item := range items(e) {
		if !isReference(item) {
			n, good := read(item)
			if ok = ok && good; good {
				c.networks = append(c.networks, n)
			}
			continue
		}
		id, good := l.table(item, "client")
		if good && c.table != decide.NoTable {
			l.errorf(item.Range(), "client takes one table")
			good = false
		}
		c.table, ok = id, ok && good
	}
	return c, ok
}

// pattern reads one alternative of an address matcher.
func (l *loader) pattern(e hclsyntax.Expression) (decide.Pattern, bool) {
	return l.patternBy(e, parsePattern)
}

// helo reads one alternative of `helo`.
func (l *loader) helo(e hclsyntax.Expression) (decide.Pattern, bool) {
	return l.patternBy(e, parseName)
}

func (l *loader) patternBy(e hclsyntax.Expression, parse func(string) (decide.Pattern, error)) (decide.Pattern, bool) {
	if isReference(e) {
		id, ok := l.table(e, "patterns")
		return decide.Pattern{Kind: decide.PatternTable, Table: id}, ok
	}
	p, ok := parsed(l, parse)(e)
	if ok && p.Kind == decide.PatternDomain && !strings.Contains(string(p.Domain), ".") {
		l.warnf(e.Range(), "%q is taken as a domain", p.Domain).hint("a local part in any domain is written " + quote(string(p.Domain)+"@"))
	}
	return p, ok
}

// login reads a directory, or "directory/name".
func (l *loader) login(e hclsyntax.Expression) (decide.LoginPattern, bool) {
	if isReference(e) {
		r, ok := l.reference(e, "directory")
		return decide.LoginPattern{Directory: r.name}, ok
	}
	t, ok := l.text(e)
	if !ok {
		return decide.LoginPattern{}, false
	}
	dir, name, has := strings.Cut(t.s, "/")
	if !has || name == "" {
		l.errorf(t.at, "%q is no login: it is written directory.NAME or \"directory/name\"", t.s)
		return decide.LoginPattern{}, false
	}
	r, ok := l.lead(ref{typ: "directory", name: dir, at: t.at})
	return decide.LoginPattern{Directory: r.name, Name: name}, ok
}

func (l *loader) headers(e hclsyntax.Expression) ([]decide.HeaderPattern, bool) {
	o, is := plainExpr(e).(*hclsyntax.ObjectConsExpr)
	if !is {
		l.expected(e, `an object of field names and globs, as { "X-Env" = "test*" },`)
		return nil, false
	}
	entries, ok := l.object(o, strings.ToLower)
	var out []decide.HeaderPattern
	for _, en := range entries {
		globs, good := l.texts(en.value)
		ok = ok && good
		for _, glob := range globs {
			h, err := parseHeader(en.key.s, glob.s)
			if err != nil {
				l.errorf(en.key.at, "%v", err)
				return nil, false
			}
			out = append(out, h)
		}
	}
	return out, ok
}

// matchers builds the conditions of a rule from its decoded block.
func (l *loader) matchers(b *block) decide.Matchers {
	clients, given := b.values["client"].v.(clientValue)
	if !given {
		clients.table = decide.NoTable
	}
	m := decide.Matchers{
		Recipient: get[[]decide.Pattern](b, "recipient"), Original: get[[]decide.Pattern](b, "original"),
		Sender: get[[]decide.Pattern](b, "sender"), Helo: get[[]decide.Pattern](b, "helo"),
		Client: clients.networks, ClientTable: clients.table,
		Login:  get[[]decide.LoginPattern](b, "login"),
		Header: get[[]decide.HeaderPattern](b, "header"), Size: get[[]decide.SizePattern](b, "size"),
	}
	for _, r := range get[[]ref](b, "listener") {
		m.Listener = append(m.Listener, r.name)
	}
	for _, t := range get[[]text](b, "tag") {
		m.Tag = append(m.Tag, t.s)
	}
	if b.given("tls") {
		v := get[bool](b, "tls")
		m.TLS = &v
	}
	if b.given("percent") {
		v := get[float64](b, "percent")
		m.Percent = &v
	}
	for _, in := range b.inner {
		m.Except = append(m.Except, l.matchers(in))
	}
	l.emptyLists(b)
	return m
}

// emptyLists refuses `recipient = []`: an empty list would not be asked at all,
// which is the contrary of what it says.
func (l *loader) emptyLists(b *block) {
	for _, f := range matcherFields() {
		v := b.values[f.name]
		if !v.given {
			continue
		}
		switch list := v.v.(type) {
		case []decide.Pattern:
			l.notEmpty(b, f.name, len(list))
		case []decide.LoginPattern:
			l.notEmpty(b, f.name, len(list))
		case []decide.HeaderPattern:
			l.notEmpty(b, f.name, len(list))
		case []decide.SizePattern:
			l.notEmpty(b, f.name, len(list))
		case []ref:
			l.notEmpty(b, f.name, len(list))
		case []text:
			l.notEmpty(b, f.name, len(list))
		case clientValue:
			if list.table == decide.NoTable {
				l.notEmpty(b, f.name, len(list.networks))
			}
		}
	}
}

func (l *loader) notEmpty(b *block, name string, n int) {
	if n == 0 && !b.bad {
		l.errorf(b.place(name), "an empty %s matches nothing", name).detail("leave the attribute out if any %s will do", name)
	}
}
