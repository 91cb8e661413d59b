package postfix

import (
	"regexp"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// foreignAlias takes in a virtual alias of a domain that is not hosted, which has no
// table of aliases here: one that leads to one address is rewritten, others are
// listed.
func (im *importer) foreignAlias(t *Table, e Entry) {
	key := strings.ToLower(e.Key)
	to := im.onlyFinal(e)
	if to == "" {
		im.result.excuse[key] = im.leaveOnly(Left{What: "virtual alias " + e.Key, Place: t.Place(e.Line),
			Why: "its domain is not hosted here: it may lead to one address, and not to several"})
		return
	}
	im.foreign = append(im.foreign, aliasEntry{key: key, targets: []string{to}, place: t.Place(e.Line)})
}

// onlyFinal is the one target of an alias, followed through other domains that are
// not hosted; "" where there are several.
func (im *importer) onlyFinal(e Entry) string {
	list := targets(e.Value)
	if len(list) != 1 {
		return ""
	}
	if strings.HasPrefix(list[0], "@") {
		return list[0]
	}
	to := im.Main.completed(list[0])
	if _, err := mail.ParseAddress(to); err != nil {
		return ""
	}
	if list = im.beyond(to); len(list) != 1 {
		return ""
	}
	return list[0]
}

// beyond follows an address that aliases or clients name through the virtual
// aliases of domains that are not hosted, since only those of hosted ones are
// asked again.
func (im *importer) beyond(address string) []string {
	list := []string{address}
	done := map[string]bool{}
	for i := 0; i < len(list); {
		key := strings.ToLower(list[i])
		_, domain, _ := cut(key)
		if _, hosted := im.isHosted(domain); hosted || done[key] || len(list) > maxExpansions {
			i++
			continue
		}
		done[key] = true
		im.model.notes = map[string]bool{}
		to := im.model.look("virtual_alias_maps", im.model.virtual, list[i], im.model.propagates["virtual"])
		if len(to) == 0 {
			i++
			continue
		}
		list = append(append(list[:i:i], to...), list[i+1:]...)
	}
	return unique(list)
}

// foreignAliases rewrites recipients in domains that are not hosted. Subaddresses are
// known of hosted domains only, so that expressions say what they are.
func (im *importer) foreignAliases() {
	if len(im.foreign) == 0 {
		return
	}
	var whole, extended, wild []string
	for _, e := range im.foreign {
		local, domain, _ := cut(e.key)
		to := strings.ReplaceAll(e.targets[0], "$", "$$")
		at, site := "# "+e.place, "@"+slashed(regexp.QuoteMeta(domain))+"$/ "
		if local == "" {
			im.unknownBeyond(e)
			wild = append(wild, at, "/"+site+to)
			continue
		}
		begin := "/^" + slashed(regexp.QuoteMeta(local))
		whole = append(whole, at, begin+site+to)
		if delimiters := im.model.delimiters; delimiters != "" && split(local, delimiters) == 0 {
			extended = append(extended, at, begin+"("+delimiterClass(delimiters)+".*)"+site+im.withGroup(to))
		}
	}
	from := im.places(im.model.virtual)
	table := im.fileTable("foreign_aliases", "regexp", fileLines(slices.Concat(whole, extended, wild), false), from)
	b := im.doc.add(sectionRewrite, &block{head: `rewrite "foreign_aliases"`, from: im.place("virtual_alias_maps")})
	b.set("envelope", `["recipient"]`, "").set("map", table, "")
}

// withGroup lets the subaddress go along to a target.
func (im *importer) withGroup(to string) string {
	local, domain, ok := cut(to)
	if !ok || local == "" || !im.model.propagates["virtual"] {
		return to
	}
	return local + "${1}@" + domain
}

// unknownBeyond notes that all addresses of a domain lead into a hosted one, which
// may not know them.
func (im *importer) unknownBeyond(e aliasEntry) {
	if _, hosted := im.isHosted(strings.TrimPrefix(e.targets[0], "@")); hosted {
		im.result.excuse[e.key] = im.differ(Left{What: "virtual alias " + e.key, Place: e.place,
			Why: "an address that its target does not know is refused at RCPT, where Postfix takes it and sends it back"})
	}
}
