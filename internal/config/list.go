package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/mail"
)

func listSpec() *blockSpec {
	return &blockSpec{name: "list", doc: "An address whose mail goes to many members, under a sender of the list's own: what cannot be delivered is told to its owner.", fields: []field{
		{name: "address", typ: typeAddress, required: true, doc: "Address of the list, in a hosted domain that has a block.", example: `"all@example.com"`},
		{name: "members", typ: typeMany, required: true, doc: "A list of addresses; or a table: the keys of one of format list, or of a set, and else the values under the list's address.", example: `["ann@example.com", "bob@example.org"]`},
		{name: "owner", typ: typeAddress, required: true, doc: "Who gets mail for `owner-NAME`, and with it the reports.", example: `"ann@example.com"`},
		{name: "request", typ: typeAddress, doc: "Who gets mail for `NAME-request`. Absent: the owner.", example: `"ann@example.com"`},
	}}
}

// manyValue is the value of `members` of a list.
type manyValue struct {
	list  []mail.Address
	table ref
}

func (l *loader) many(e hclsyntax.Expression) (manyValue, bool) {
	if !isReference(e) {
		list, ok := each(items(e), parsed(l, parseAddress))
		if ok && len(list) == 0 {
			l.errorf(e.Range(), "a list without members")
			ok = false
		}
		return manyValue{list: list}, ok
	}
	r, ok := l.reference(e, "table")
	return manyValue{table: r}, ok && l.fits(r, useOf("members"))
}

// buildLists builds the lists.
func (l *loader) buildLists(rules *decide.Rules) {
	taken := map[string]*block{}
	for _, b := range l.blocks["list"] {
		m := get[manyValue](b, "members")
		one := decide.List{
			Ref: refOf(b), Tenant: b.tenant, Address: get[mail.Address](b, "address"), Owner: get[mail.Address](b, "owner"),
			Request: get[mail.Address](b, "request"), Members: m.list, Table: decide.NoTable,
		}
		if b.bad {
			continue
		}
		if m.table.typ != "" {
			one.Table, one.Listed = l.tableID(m.table), l.isSet(m.table)
		}
		key := one.Address.Key()
		d := l.declared["domain"][string(one.Address.Domain)]
		switch first := taken[key]; {
		case first != nil:
			l.errorf(b.place("address"), "%s is the address of another list", key).detail("first at %s", where(first.at))
		case d == nil || d.block == nil || d.block.given("alias_of"):
			l.errorf(b.place("address"), "%s is no hosted domain with a block of its own", one.Address.Domain)
		case d.block.tenant != b.tenant:
			l.reaches(b, b.place("address"), "domain "+string(one.Address.Domain)+" belongs to "+owner(d.block.tenant))
		case one.Owner == one.Address || one.Owner == one.Sender():
			l.errorf(b.place("owner"), "the owner of a list is not the list")
		default:
			taken[key] = b
			rules.Lists = append(rules.Lists, one)
		}
	}
}

// isSet tells whether the keys of a table are all it has.
func (l *loader) isSet(r ref) bool {
	if r.block == nil {
		return false
	}
	set, _ := r.block.values["entries"].v.(inlineEntries)
	return l.tableFormat(r) == "list" || set.keysOnly
}
