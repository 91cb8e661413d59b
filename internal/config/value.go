package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/mail"
)

// valueOf reads an attribute by the type of its field. The Go type of the result
// belongs to the type of the field; builders ask for it with get.
func (l *loader) valueOf(f *field, e hclsyntax.Expression) (any, bool) {
	switch f.typ {
	case typeText:
		t, ok := l.text(e)
		return t.s, ok
	case typeBool:
		return wrap(l.bool(e))
	case typeCount:
		return wrap(l.count(e))
	case typePercent:
		return wrap(l.percent(e))
	case typeSize:
		return wrap(parsed(l, parseSize)(e))
	case typeDuration:
		return wrap(parsed(l, parseDuration)(e))
	case typeDurations:
		return wrap(each(items(e), parsed(l, parseDuration)))
	case typeWord:
		return wrap(l.word(f, e))
	case typePath:
		return wrap(l.path(e))
	case typePaths:
		return wrap(each(items(e), l.path))
	case typeDomain:
		return wrap(parsed(l, parseDomain)(e))
	case typeAddress:
		return wrap(parsed(l, parseAddress)(e))
	case typeSecret:
		return wrap(l.secret(e))
	case typeRate:
		return wrap(parsed(l, parseRate)(e))
	case typeWays:
		return wrap(l.ways(e))
	case typeDSN:
		return wrap(l.secretText(e))
	}
	return l.listOf(f, e)
}

// listOf reads the types that are lists, objects or references.
func (l *loader) listOf(f *field, e hclsyntax.Expression) (any, bool) {
	switch f.typ {
	case typeTexts, typeTargets:
		return wrap(l.texts(e))
	case typeIPs:
		return wrap(each(items(e), parsed(l, parseIP)))
	case typeNetworks:
		return wrap(each(items(e), parsed(l, parseNetwork)))
	case typeBinds:
		return wrap(each(items(e), parsed(l, parseBind)))
	case typeServers:
		return wrap(each(items(e), parsed(l, parseServer)))
	case typeClients:
		return wrap(l.clients(e))
	case typeMany:
		return wrap(l.many(e))
	case typeWords:
		return wrap(l.words(f, e))
	case typeRenames:
		return wrap(l.renames(e))
	case typeSecrets:
		return wrap(each(items(e), l.secret))
	case typeHosts:
		return wrap(l.hosts(f, e))
	case typeRef:
		return wrap(l.reference(e, f.of))
	case typeRefs:
		return wrap(each(items(e), func(e hclsyntax.Expression) (ref, bool) { return l.reference(e, f.of) }))
	case typeLogins:
		return wrap(each(items(e), l.login))
	case typePatterns:
		return wrap(each(items(e), l.pattern))
	case typeNames:
		return wrap(each(items(e), l.helo))
	case typeSizes:
		return wrap(each(items(e), parsed(l, parseComparison)))
	case typeFields:
		return wrap(l.fields(e))
	case typeStatuses:
		return wrap(each(items(e), parsed(l, parseStatus)))
	case typeHeaders:
		return wrap(l.headers(e))
	case typeMembers:
		return wrap(l.members(e))
	case typeAliases:
		return wrap(l.aliases(e))
	case typeEntries:
		return wrap(l.entries(e))
	}
	panic("config: no reader for " + string(f.typ))
}

func wrap[T any](v T, ok bool) (any, bool) { return v, ok }

// word reads one of the words of a field.
func (l *loader) word(f *field, e hclsyntax.Expression) (string, bool) {
	t, ok := l.text(e)
	if !ok || slices.Contains(f.words, t.s) {
		return t.s, ok
	}
	if slices.Contains(f.later, t.s) {
		l.notBuilt(t.at, "%s = %q", f.name, t.s)
		return "", false
	}
	n := l.errorf(t.at, "%s cannot be %q", f.name, t.s)
	n.detail("it is one of %s", strings.Join(f.words, ", ")).hint(didYouMean(t.s, f.words, quote))
	return "", false
}

// filePath is a path: to open, and as it is written.
type filePath struct{ path, written string }

// path reads a path; relative ones start at the folder of the configuration.
func (l *loader) path(e hclsyntax.Expression) (filePath, bool) {
	t, ok := l.text(e)
	if !ok {
		return filePath{}, false
	}
	if t.s == "" || strings.IndexByte(t.s, 0) >= 0 {
		l.errorf(t.at, "%q is no path", t.s)
		return filePath{}, false
	}
	f := filePath{path: t.s, written: t.s}
	if !filepath.IsAbs(t.s) {
		f.path = filepath.Join(l.folder, t.s)
	}
	return f, true
}

func parseDomain(s string) (mail.Domain, error) {
	d, err := mail.ParseDomain(s)
	if _, literal := d.Literal(); err != nil || literal {
		return "", errUnit(s, "domain name")
	}
	return d, nil
}

func parseAddress(s string) (mail.Address, error) {
	a, err := mail.ParseAddress(s)
	switch {
	case errors.Is(err, mail.ErrTooLong):
		return a, fmt.Errorf("%q is too long for an address", s)
	case err != nil:
		return a, errUnit(s, "address")
	}
	return a, nil
}

// secret reads env("NAME") or file("path"). What stands behind them is read when
// it is first needed.
func (l *loader) secret(e hclsyntax.Expression) (*Secret, bool) {
	call, is := plainExpr(e).(*hclsyntax.FunctionCallExpr)
	if !is {
		l.errorf(e.Range(), "a secret never stands in the configuration").detail(`write env("NAME") or file("path")`)
		return nil, false
	}
	if call.Name != "env" && call.Name != "file" {
		l.errorf(call.NameRange, "there is no function %q", call.Name).hint(didYouMean(call.Name, []string{"env", "file"}, bare))
		return nil, false
	}
	if len(call.Args) != 1 || call.ExpandFinal {
		l.errorf(call.Range(), "%s() takes one text", call.Name)
		return nil, false
	}
	if call.Name == "file" {
		f, ok := l.path(call.Args[0])
		return &Secret{File: f.path}, ok
	}
	t, ok := l.text(call.Args[0])
	if ok && (t.s == "" || strings.ContainsAny(t.s, "=\x00")) {
		l.errorf(t.at, "%q is no name of an environment variable", t.s)
		ok = false
	}
	return &Secret{Env: t.s}, ok
}

// secretText reads a secret, or a text that holds none and may stand here.
func (l *loader) secretText(e hclsyntax.Expression) (*Secret, bool) {
	if _, is := plainExpr(e).(*hclsyntax.FunctionCallExpr); is {
		return l.secret(e)
	}
	t, ok := l.text(e)
	if ok && t.s == "" {
		l.errorf(t.at, "an empty text")
		ok = false
	}
	return &Secret{Text: t.s}, ok
}

// hosts reads the tiers of a transport; the order within a plain list is settled
// by balance, see transports.go.
func (l *loader) hosts(f *field, e hclsyntax.Expression) (tiers, bool) {
	var t tiers
	kind := map[string]string{"24": "lmtp", "25": "smtp"}[f.port]
	read := parsed(l, func(s string) (string, error) { return parseHost(s, kind, f.port) })
	ok := true
	for _, item := range items(e) {
		_, nested := plainExpr(item).(*hclsyntax.TupleConsExpr)
		if nested != t.nested && len(t.hosts) > 0 {
			l.errorf(item.Range(), "hosts and lists of hosts do not stand in one list")
			return t, false
		}
		t.nested = nested
		tier, good := each(items(item), read)
		ok = ok && good
		if good && len(tier) == 0 {
			l.errorf(item.Range(), "an empty list of hosts")
			return t, false
		}
		t.hosts = append(t.hosts, tier)
	}
	if ok && len(t.hosts) == 0 {
		l.errorf(e.Range(), "an empty list of hosts")
		ok = false
	}
	return t, ok
}

// tiers are hosts as written: nested, or one a tier.
type tiers struct {
	hosts  [][]string
	nested bool
}
