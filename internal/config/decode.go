package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// decodeAll decodes the attributes of all blocks by the schema; tables first,
// since who names one asks for its format.
func (l *loader) decodeAll() {
	l.decode(l.root)
	for _, b := range l.blocks["table"] {
		l.decode(b)
	}
	for _, spec := range l.schema.blocks {
		if spec.name == "table" {
			continue
		}
		for _, b := range l.blocks[spec.name] {
			l.decode(b)
		}
	}
}

// decode fills b.values and b.inner.
func (l *loader) decode(b *block) {
	before, scope := l.errors, l.scope
	l.scope = b.tenant
	defer func() { l.scope = scope }()
	fields := b.fields()
	b.values = make(map[string]value, len(fields))
	for name, a := range b.body.Attributes {
		f := findField(fields, name)
		if f == nil {
			l.unknownAttribute(b, a)
			continue
		}
		if f.typ == typeLater {
			l.notBuilt(a.NameRange, "%s attribute %q", b.title(), name)
			continue
		}
		at := hcl.RangeBetween(a.NameRange, a.Expr.Range())
		v, ok := l.valueOf(f, a.Expr)
		if !ok {
			v = nil // half a value would only lead to further errors
		}
		b.values[name] = value{v: v, at: at, given: true}
		b.bad = b.bad || !ok
	}
	for i := range fields {
		l.absent(b, &fields[i])
	}
	l.decodeInner(b)
	b.bad = b.bad || l.errors > before
}

// absent takes the default of an attribute that does not stand in b.
func (l *loader) absent(b *block, f *field) {
	if _, there := b.values[f.name]; there {
		return
	}
	if f.required {
		l.errorf(b.at, "%s has no %s", strings.TrimSuffix(b.title()+" "+quote(b.name), ` ""`), f.name)
		return
	}
	if f.def == "" {
		return
	}
	b.values[f.name] = value{v: l.defaultOf(f)}
}

// defaultOf decodes the default of a field as if it stood in a file.
func (l *loader) defaultOf(f *field) any {
	if v, there := l.defaults[f]; there {
		return v
	}
	expr, diags := hclsyntax.ParseExpression([]byte(f.def), "schema", hcl.InitialPos)
	if diags.HasErrors() {
		panic(fmt.Sprintf("config: default of %s: %v", f.name, diags))
	}
	v, ok := l.valueOf(f, expr)
	if !ok {
		panic(fmt.Sprintf("config: default of %s is not of its type", f.name))
	}
	l.defaults[f] = v
	return v
}

func (l *loader) unknownAttribute(b *block, a *hclsyntax.Attribute) {
	title := b.title() + " has"
	if b == l.root {
		title = "the top level has"
	}
	n := l.errorf(a.NameRange, "%s no attribute %q", title, a.Name)
	specs := b.spec.inner
	if b == l.root {
		specs = l.schema.blocks
	}
	if spec := findSpec(specs, a.Name); spec != nil {
		n.hint(fmt.Sprintf("it is a block: %s", spec.labels()))
		return
	}
	if hint := didYouMean(a.Name, fieldNames(b.fields()), bare); hint != "" {
		n.hint(hint)
		return
	}
	if b.kind == nil {
		return
	}
	for _, k := range b.spec.kinds {
		if findField(k.fields, a.Name) != nil {
			n.hint(fmt.Sprintf("%s %q has it", b.spec.name, k.name))
			return
		}
	}
}

// decodeInner decodes the blocks within b.
func (l *loader) decodeInner(b *block) {
	if b == l.root {
		return
	}
	for _, in := range b.body.Blocks {
		spec := findSpec(b.spec.inner, in.Type)
		switch {
		case spec != nil && b.spec.name == tenantBlock && !spec.single && !spec.later: // declared on its own
		case spec == nil:
			l.unknownInner(b, in)
		case spec.later:
			l.notBuilt(in.DefRange(), "%s", spec.name)
		case len(in.Labels) > 0:
			l.errorf(in.DefRange(), "%s has no name: it is written %s", spec.name, spec.labels())
		default:
			d := &block{spec: spec, at: in.DefRange(), body: in.Body, tenant: b.tenant}
			if spec.name == "except" && len(in.Body.Attributes) == 0 && len(in.Body.Blocks) == 0 {
				l.errorf(d.at, "an empty %s would except everything", spec.name)
			}
			l.decode(d)
			b.inner = append(b.inner, d)
		}
	}
}

func (l *loader) unknownInner(b *block, in *hclsyntax.Block) {
	n := l.errorf(in.TypeRange, "%s has no block %q", b.title(), in.Type)
	switch {
	case findField(b.fields(), in.Type) != nil:
		n.hint(fmt.Sprintf("it is an attribute: %s = …", in.Type))
	case findSpec(l.schema.blocks, in.Type) != nil:
		n.hint(fmt.Sprintf("%s stands at the top level; is a } missing before it?", in.Type))
	default:
		n.hint(didYouMean(in.Type, append(specNames(b.spec.inner), fieldNames(b.fields())...), bare))
	}
}
