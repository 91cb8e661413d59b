package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
)

// reference reads a traversal as transport.partner and finds what it leads to.
func (l *loader) reference(e hclsyntax.Expression, typ string) (ref, bool) {
	t, is := plainExpr(e).(*hclsyntax.ScopeTraversalExpr)
	if !is {
		n := l.errorf(e.Range(), "a reference as %s.NAME is asked here, not %s", typ, what(e))
		if s, ok := constant(e); ok && l.declared[typ][s] != nil {
			n.hint("write " + typ + "." + s + " without quotes")
		}
		return ref{}, false
	}
	r := ref{typ: t.Traversal.RootName(), at: t.SrcRange}
	if r.typ != typ {
		n := l.errorf(r.at, "a %s is asked here, not %s", typ, traversalText(t.Traversal))
		if len(t.Traversal) == 1 && l.declared[typ][r.typ] != nil {
			n.hint("write " + typ + "." + r.typ)
		} else if near := nearest(r.typ, []string{typ}); near != "" {
			n.hint("did you mean " + typ + "?")
		}
		return ref{}, false
	}
	var ok bool
	if r.name, ok = l.traversalName(t.Traversal); !ok {
		if tenant, other := l.otherTenant(t.Traversal); other {
			l.reachesInto(r, traversalText(t.Traversal), tenant)
		} else {
			l.errorf(r.at, "a reference is written %s.NAME", typ)
		}
		return ref{}, false
	}
	return l.lead(r)
}

// lead finds what a reference leads to: in the tenant first, then at the top level.
func (l *loader) lead(r ref) (ref, bool) {
	own := decide.Scoped(l.scope, strings.TrimPrefix(r.name, l.scope+".")) // "acme.staff/ann" is written in full
	d := l.declared[r.typ][own]
	switch {
	case d != nil:
		r.name = own
	case l.scope != "" && l.declared[r.typ][r.name] != nil && r.typ == "directory":
		if tenant, _, scoped := strings.Cut(r.name, "."); scoped {
			l.reachesInto(r, "directory."+r.name, tenant)
			return ref{}, false
		}
		l.errorf(r.at, "directory %q is the top level's, and its logins are not those of tenant %s", r.name, l.scope).
			detail("a tenant's rules concern mail for its own domains and of its own logins")
		return ref{}, false
	default:
		if d = l.declared[r.typ][r.name]; d == nil {
			l.unknownRef(r)
			return ref{}, false
		}
	}
	r.block = d.block
	return r, true
}

// otherTenant tells whether a reference is written as one into a tenant, from
// another: typ.TENANT.NAME.
func (l *loader) otherTenant(t hcl.Traversal) (string, bool) {
	if len(t) != 3 || l.scope == "" {
		return "", false
	}
	name, ok := traversalName(t[:2])
	return name, ok && name != l.scope && l.declared[tenantBlock][name] != nil
}

// reachesInto refuses what leads into another tenant.
func (l *loader) reachesInto(r ref, what, tenant string) {
	l.errorf(r.at, "a reference of tenant %s reaches outside: %s belongs to %s", l.scope, what, owner(tenant)).
		detail("a tenant names what is its own, and of the top level all but its directories")
}

func (l *loader) unknownRef(r ref) {
	var known []string
	for name := range l.declared[r.typ] {
		if name = strings.TrimPrefix(name, l.scope+"."); !strings.Contains(name, ".") {
			known = append(known, name)
		}
	}
	n := l.errorf(r.at, "there is no %s %q", r.typ, r.name)
	n.hint(didYouMean(r.name, known, func(s string) string { return r.typ + "." + s }))
	if n.Hint == "" && len(known) == 0 {
		n.detail("no %s is defined", r.typ)
	}
}

// traversalName gives NAME of typ.NAME or typ["NAME"]. The top level may name a
// tenant's directory, directory.TENANT.NAME, since its listeners offer them; nothing
// else leads into a tenant, and nothing from one to another.
func (l *loader) traversalName(t hcl.Traversal) (string, bool) {
	if len(t) == 3 && l.scope == "" && t.RootName() == "directory" {
		tenant, ok := traversalName(t[:2])
		name, is := t[2].(hcl.TraverseAttr)
		return decide.Scoped(tenant, name.Name), ok && is
	}
	return traversalName(t)
}

func traversalName(t hcl.Traversal) (string, bool) {
	if len(t) != 2 {
		return "", false
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type().FriendlyName() == "string" {
			name := step.Key.AsString()
			return name, !strings.Contains(name, ".")
		}
	}
	return "", false
}

func traversalText(t hcl.Traversal) string {
	parts := []string{t.RootName()}
	for _, step := range t[1:] {
		if a, is := step.(hcl.TraverseAttr); is {
			parts = append(parts, a.Name)
		}
	}
	return strings.Join(parts, ".")
}

// constant gives the text of e if it is a plain one, without a note.
func constant(e hclsyntax.Expression) (string, bool) {
	t, is := plainExpr(e).(*hclsyntax.TemplateExpr)
	if !is || !t.IsStringLiteral() {
		return "", false
	}
	lit, is := t.Parts[0].(*hclsyntax.LiteralValueExpr)
	if !is || lit.Val.IsNull() || lit.Val.Type().FriendlyName() != "string" {
		return "", false
	}
	return lit.Val.AsString(), true
}

func isReference(e hclsyntax.Expression) bool {
	_, is := plainExpr(e).(*hclsyntax.ScopeTraversalExpr)
	return is
}

// use is what a table is needed for.
type use struct {
	what    string
	formats []string // that can serve
	values  bool     // keys alone do not
}

// uses of tables, by the attributes that name them.
func useOf(attribute string) use {
	switch attribute {
	case "client":
		return use{what: "networks", formats: []string{"cidr"}}
	case "aliases":
		return use{what: "aliases", formats: orRemote("virtual", "map", "csv", "regexp", "inline"), values: true}
	case "domains":
		return use{what: "domains", formats: orRemote("list", "map", "csv", "virtual", "inline")}
	case "members":
		return use{what: "members", formats: orRemote("list", "virtual", "map", "csv", "inline")}
	case "map":
		return use{what: "addresses to rewrite", formats: orRemote("virtual", "map", "csv", "regexp", "inline"), values: true}
	case "owns":
		return use{what: "owners", formats: orRemote("map", "virtual", "csv", "regexp", "inline"), values: true}
	case "lookup":
		return use{what: "transports", formats: orRemote("transport", "map", "csv", "regexp", "inline"), values: true}
	default:
		return use{what: "addresses", formats: orRemote("list", "map", "virtual", "transport", "csv", "regexp", "inline")}
	}
}

// orRemote adds the kinds of tables that are asked, and the files that a program
// makes: what they answer is not known before.
func orRemote(formats ...string) []string {
	formats = append(formats, packedKinds()...)
	for _, k := range remoteKinds() {
		formats = append(formats, k.name)
	}
	return formats
}

// table reads a reference to a table that can serve for an attribute.
func (l *loader) table(e hclsyntax.Expression, attribute string) (decide.TableID, bool) {
	r, ok := l.reference(e, "table")
	if !ok {
		return decide.NoTable, false
	}
	return l.tableID(r), l.fits(r, useOf(attribute))
}

// fits holds the format of a table against its use.
func (l *loader) fits(r ref, u use) bool {
	format := l.tableFormat(r)
	if format == "" { // not built, or wrong in itself
		return true
	}
	if !slices.Contains(u.formats, format) {
		l.errorf(r.at, "table %q cannot hold %s: its format is %s", r.name, u.what, format).
			detail("formats that can are %s", strings.Join(u.formats, ", "))
		return false
	}
	if set, _ := r.block.values["entries"].v.(inlineEntries); u.values && format == "inline" && set.keysOnly {
		l.errorf(r.at, "table %q cannot hold %s: its keys have no values", r.name, u.what)
		return false
	}
	return true
}

// tableFormat gives the format of a table, the kind where that says it, "" when
// it is not known.
func (l *loader) tableFormat(r ref) string {
	if r.block == nil || r.block.bad {
		return ""
	}
	if kind := r.block.kind.name; kind != "file" {
		return kind
	}
	return get[string](r.block, "format")
}

func (l *loader) tableID(r ref) decide.TableID {
	if id, there := l.tableIDs[r.name]; there {
		return id
	}
	return decide.NoTable
}
