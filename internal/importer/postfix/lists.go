package postfix

import "strings"

// aliasList is an alias with an owner: local(8) sends its mail on under the
// owner's address, as a list does.
type aliasList struct {
	name    string
	members []string
	owner   string
	place   string
}

// listOf makes a list of an alias, where its owner is one address and nothing
// but addresses stands behind it.
func (im *importer) listOf(t *Table, e Entry, members []string) bool {
	owner, _, ok := im.model.localAliases.find("owner-"+e.name(), true)
	if !ok || strings.HasPrefix(e.name(), "owner-") {
		return false
	}
	addresses, others := im.AliasTargets(owner.Value)
	if len(addresses) != 1 || len(others) > 0 {
		im.result.shapes[ownedAlias+e.name()] = im.differ(Left{What: "owner-" + e.Key, Place: t.Place(e.Line), Why: "the sender stays: the owner of a list is one address"})
		return false
	}
	im.lists = append(im.lists, aliasList{name: e.name(), members: members, owner: im.Main.completed(addresses[0]), place: t.Place(e.Line)})
	im.result.unasked[ownedAlias+e.name()] = im.differ(Left{What: "alias " + e.Key, Place: t.Place(e.Line),
		Why: "a list: its members get mail that is taken in again, which the report does not follow"})
	return true
}

// isOwnerOfList tells the aliases that lists answer for themselves.
func (im *importer) isOwnerOfList(name string) bool {
	list, is := strings.CutPrefix(name, "owner-")
	if !is {
		return false
	}
	e, _, ok := im.model.localAliases.find(list, true)
	if !ok {
		return false
	}
	addresses, others := im.AliasTargets(e.Value)
	own, _, _ := im.model.localAliases.find(name, true)
	owners, rest := im.AliasTargets(own.Value)
	return len(addresses) > 0 && len(others)+len(rest) == 0 && len(owners) == 1
}

// listBlocks writes a list for each local domain.
func (im *importer) listBlocks() {
	taken := names{}
	for _, l := range im.lists {
		members := ""
		for _, d := range im.domainsOf(classLocal) {
			if members == "" {
				members = im.fileTable("list_"+l.name, "list", fileLines(l.members, true), l.place)
			}
			b := im.doc.add(sectionDomains, &block{head: "list " + quote(taken.take(l.name)), from: l.place})
			b.set("address", quote(l.name+"@"+d), "").set("members", members, "").set("owner", quote(l.owner), "")
			if d != strings.ToLower(im.Main.Get("myorigin")) {
				im.result.excuse[l.name+"@"+d] = im.differ(Left{What: l.name + "@" + d, Place: l.place, Why: "its sender is the owner in this domain, that of Postfix in $myorigin"})
			}
		}
	}
}
