package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// block is one block of the configuration, first as it stands, then decoded.
type block struct {
	spec   *blockSpec
	kind   *kindSpec // nil where blocks of the type have no kinds
	name   string    // scoped, but a domain's: "acme.out" for "out" in tenant acme
	label  string    // as it is written
	tenant string    // in which it stands; "": at the top level
	at     hcl.Range // of its header
	nameAt hcl.Range
	body   *hclsyntax.Body
	values map[string]value // by attribute; defaults included
	inner  []*block
	bad    bool // something in it is wrong: it is left out
}

// value is a decoded attribute.
type value struct {
	v     any
	at    hcl.Range
	given bool // it stands there; false: the default
}

// fields are the attributes that the block may have.
func (b *block) fields() []field {
	if b.kind != nil {
		return b.kind.fields
	}
	return b.spec.fields
}

// title names the block in messages: "transport", "mx transport".
func (b *block) title() string {
	if b.kind != nil {
		return b.kind.name + " " + b.spec.name
	}
	return b.spec.name
}

// ref is the name by which explanations and logs call it.
func (b *block) ref() string {
	if b.tenant == "" {
		return b.spec.name + "." + b.name
	}
	return "tenant." + b.tenant + "." + b.spec.name + "." + b.label
}

// source is the place by which they call it.
func (b *block) source() string { return where(b.at) }

// given tells whether an attribute stands in the block.
func (b *block) given(name string) bool { return b.values[name].given }

// at gives the place of an attribute, or of the block where it does not stand.
func (b *block) place(name string) hcl.Range {
	if v := b.values[name]; v.given {
		return v.at
	}
	return b.at
}

// get gives the value of an attribute, its default, or the zero value.
func get[T any](b *block, name string) T {
	v, _ := b.values[name].v.(T)
	return v
}

// declare is what a name stands for.
type declare struct {
	at    hcl.Range
	block *block // nil: not built yet, or always there
}

// text is a piece of text with its place.
type text struct {
	s  string
	at hcl.Range
}

// ref is a reference that leads somewhere.
type ref struct {
	typ, name string
	at        hcl.Range
	block     *block // nil: not built yet, or always there
}
