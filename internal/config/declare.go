package config

import (
	"iter"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
)

// declare sorts the blocks of all files by type and notes their names, before
// anything is decoded, so that references may lead forwards.
func (l *loader) declare(bodies []*hclsyntax.Body) {
	l.root = &block{spec: &blockSpec{name: "the configuration", fields: l.schema.root}, values: map[string]value{}}
	l.root.at = hcl.Range{Filename: l.names[0], Start: hcl.InitialPos, End: hcl.InitialPos}
	l.root.body = &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	for _, name := range builtinTransports() {
		l.namesOf("transport")[name] = &declare{}
	}
	for _, body := range bodies {
		l.mergeRoot(body)
		for _, b := range body.Blocks {
			l.declareBlock(b, l.schema.blocks, "")
		}
	}
}

// isOwnTransport tells the names of transports that are the server's own: no rule
// may name them, and no block may take their names.
func isOwnTransport(name string) bool {
	for own := range ownTransports() {
		if own == name {
			return true
		}
	}
	return false
}

// ownTransports gives their names and kinds.
func ownTransports() iter.Seq2[string, string] {
	return func(yield func(name, kind string) bool) {
		_ = yield(decide.BuiltinReinject, decide.KindReinject) &&
			yield(decide.BuiltinList, decide.KindReinject) &&
			yield(decide.BuiltinExpanded, decide.KindDiscard)
	}
}

func builtinTransports() []string {
	return []string{decide.BuiltinMX, decide.BuiltinSMTP, decide.BuiltinRelay, decide.BuiltinLMTP, decide.BuiltinError, decide.BuiltinDiscard}
}

// mergeRoot takes the top level attributes of one file.
func (l *loader) mergeRoot(body *hclsyntax.Body) {
	for name, a := range body.Attributes {
		if first, twice := l.root.body.Attributes[name]; twice {
			l.errorf(a.NameRange, "%q is set a second time", name).detail("first at %s", where(first.NameRange))
			continue
		}
		l.root.body.Attributes[name] = a
	}
}

func (l *loader) namesOf(typ string) map[string]*declare {
	m := l.declared[typ]
	if m == nil {
		m = map[string]*declare{}
		l.declared[typ] = m
	}
	return m
}

// declareBlock notes a block of the top level, or of a tenant.
func (l *loader) declareBlock(b *hclsyntax.Block, specs []*blockSpec, tenant string) {
	spec := findSpec(specs, b.Type)
	if spec == nil {
		n := l.errorf(b.TypeRange, "there is no block %q", b.Type)
		n.hint(didYouMean(b.Type, specNames(specs), quote))
		return
	}
	if spec.later {
		l.notBuilt(b.DefRange(), "%s", spec.name)
		return
	}
	d := &block{spec: spec, at: b.DefRange(), body: b.Body, tenant: tenant}
	if !l.labels(d, b) {
		return
	}
	if spec.name == tenantBlock {
		l.declareTenant(d)
	}
	if first, twice := l.namesOf(spec.name)[d.name]; twice {
		l.twice(d, first)
		return
	}
	known := &declare{at: d.at, block: d}
	if d.kind != nil && d.kind.later {
		known.block = nil
		l.notBuilt(b.LabelRanges[0], "%s %q", spec.name, d.kind.name)
	}
	l.namesOf(spec.name)[d.name] = known
	if spec.name == "table" {
		l.tableIDs[d.name] = decide.TableID(len(l.tableIDs))
	}
	l.config.places[d.source()] = rangeOf(d.at)
	if known.block != nil {
		l.blocks[spec.name] = append(l.blocks[spec.name], d)
	}
}

func (l *loader) twice(d *block, first *declare) {
	switch {
	case d.spec.single:
		l.errorf(d.at, "%s stands a second time", d.spec.name).detail("first at %s", where(first.at))
	case d.spec.name == "domain":
		l.errorf(d.nameAt, "domain %s is claimed a second time", d.name).detail("first at %s", where(first.at))
	case first.at.Filename == "":
		l.errorf(d.nameAt, "transport %q is always there; choose another name", d.name)
	default:
		l.errorf(d.nameAt, "%s %q is defined a second time", d.spec.name, d.name).detail("first at %s", where(first.at))
	}
}

// labels reads the kind and the name of a block.
func (l *loader) labels(d *block, b *hclsyntax.Block) bool {
	want := 1
	switch {
	case d.spec.single:
		want = 0
	case len(d.spec.kinds) > 0:
		want = 2
	}
	if len(b.Labels) != want {
		l.errorf(d.at, "a %s block is written %s", d.spec.name, d.spec.labels())
		return false
	}
	if want == 0 {
		return true
	}
	d.name, d.nameAt = b.Labels[want-1], b.LabelRanges[want-1]
	if want == 2 {
		if d.kind = d.spec.kind(b.Labels[0]); d.kind == nil {
			l.unknownKind(d.spec, b.Labels[0], b.LabelRanges[0])
			// The name is known all the same, so that references to it are not wrong too.
			l.namesOf(d.spec.name)[decide.Scoped(d.tenant, d.name)] = &declare{at: d.at}
			return false
		}
	}
	d.label = d.name
	switch {
	case d.spec.name == "domain":
		return l.domainName(d)
	case d.spec.name == "transport" && isOwnTransport(d.name):
		l.errorf(d.nameAt, "transport %q is the server's own; choose another name", d.name)
		return false
	}
	return l.validName(d)
}

// domainName turns the label of a domain into its canonical form, so that two
// spellings of one name are one.
func (l *loader) domainName(d *block) bool {
	name, err := parseDomain(d.name)
	if err != nil {
		l.errorf(d.nameAt, "%v", err)
		return false
	}
	d.name, d.label = string(name), string(name)
	return true
}

func (l *loader) unknownKind(spec *blockSpec, kind string, at hcl.Range) {
	var names []string
	for _, k := range spec.kinds {
		names = append(names, k.name)
	}
	n := l.errorf(at, "there is no %s kind %q", spec.name, kind)
	n.detail("kinds are %s", strings.Join(names, ", ")).hint(didYouMean(kind, names, quote))
}

// validName holds a name against what a reference can write and a log line can
// show.
func (l *loader) validName(d *block) bool {
	if hclsyntax.ValidIdentifier(d.name) && isASCII(d.name) {
		d.name = decide.Scoped(d.tenant, d.name)
		return true
	}
	l.errorf(d.nameAt, "%q is no name", d.name).detail("a name starts with a letter and goes on with letters, digits, _ and -")
	return false
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
