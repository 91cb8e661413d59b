package postfix

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// aliasEntry is one line of the table of aliases.
type aliasEntry struct {
	key     string
	targets []string
	place   string
}

// aliasTable makes one table of virtual_alias_maps and, for domains whose mail
// local(8) would deliver, of aliases(5).
func (im *importer) aliasTable() {
	im.use("virtual_alias_maps", "alias_maps", "alias_database", "newaliases_path", "expand_owner_alias", "owner_request_special")
	ts := im.model.virtual
	if ref, ok := im.asked(ts); ok {
		im.aliasRef = ref
		im.localAliasTable()
		return
	}
	im.unreadable(ts)
	if ts.hasPatterns() {
		im.patternAliases(ts)
		return
	}
	entries := im.virtualEntries(ts)
	if im.expandsLocally() {
		im.unreadable(im.model.localAliases)
		entries = im.addLocalAliases(entries)
	}
	from := im.places(ts)
	if ts.IsEmpty() {
		from = im.places(im.model.localAliases)
	}
	im.aliasRef = im.aliasFile("aliases", entries, from)
	im.endlessAliases(entries)
	if !im.model.propagates["virtual"] && im.model.delimiters != "" {
		im.result.shapes["virtual_alias_maps"] = im.leaveOnly(Left{What: "propagate_unmatched_extensions", Place: im.place("propagate_unmatched_extensions"), Why: "a subaddress that no alias names always goes along"})
	}
}

// aliasFile writes entries as a table; "" where there are none.
func (im *importer) aliasFile(label string, entries []aliasEntry, from string) string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, "# "+e.place, quotedKey(e.key)+" "+strings.Join(e.targets, ", "))
	}
	if len(lines) == 0 {
		return ""
	}
	return im.fileTable(label, "virtual", fileLines(lines, false), from)
}

// localAliasTable is aliases(5) beside virtual aliases that are asked: those hold
// for local domains too, which have one table here.
func (im *importer) localAliasTable() {
	if !im.expandsLocally() || len(im.domainsOf(classLocal)) == 0 {
		return
	}
	im.unreadable(im.model.localAliases)
	im.localRef = im.aliasFile("local_aliases", im.addLocalAliases(nil), im.places(im.model.localAliases))
	if im.localRef != "" {
		im.leaveOnly(Left{What: "virtual_alias_maps of local domains", Place: im.place("virtual_alias_maps"), Why: "a domain has one table of aliases, and theirs is aliases(5)"})
	}
}

// endlessAliases lists those that lead in a circle, which is left out here and
// defers all mail for them in Postfix.
func (im *importer) endlessAliases(entries []aliasEntry) {
	for _, e := range entries {
		im.model.notes = map[string]bool{}
		if _, ok := im.model.expand(e.key); !ok {
			im.result.shapes[endlessAlias] = im.differ(Left{What: "aliases that lead in a circle", Place: im.place("virtual_alias_maps"), Why: "the circle is left out, where Postfix answers 451"})
			im.differ(Left{What: e.key, Place: e.place, Why: "its aliases lead in a circle: the circle is left out, where Postfix answers 451"})
		}
	}
}

// virtualEntries are those of keyed tables. Of two with one key the first table
// counts.
func (im *importer) virtualEntries(ts Tables) []aliasEntry {
	var out []aliasEntry
	seen := map[string]bool{}
	for _, t := range ts.List {
		if t.static != nil {
			im.leave(ts.Parameter, ts.Parameter+" = "+t.String(), "one alias for everybody")
			continue
		}
		for _, e := range t.Entries {
			for _, key := range im.aliasKeys(t, e) {
				if seen[key] {
					continue
				}
				seen[key] = true
				if to := im.completedTargets(t, e); len(to) > 0 {
					out = append(out, aliasEntry{key: key, targets: to, place: t.Place(e.Line)})
				}
			}
		}
	}
	return out
}

// aliasKeys gives the addresses that a key stands for: bare local parts are of
// our own sites, and a bare domain only says that it is one. Those of domains that
// are not hosted are rewritten, see foreignAlias.
func (im *importer) aliasKeys(t *Table, e Entry) []string {
	key := strings.ToLower(e.Key)
	_, domain, full := cut(key)
	if full {
		if _, ok := im.isHosted(domain); !ok {
			im.foreignAlias(t, e)
			return nil
		}
		return []string{key}
	}
	if strings.Contains(key, ".") {
		if _, ok := im.isHosted(key); ok {
			return nil
		}
	}
	var out []string
	for _, d := range im.domainsOf(classLocal, classAlias, classMailbox, classRelay) {
		if im.model.isSite(d) {
			out = append(out, key+"@"+d)
		}
	}
	return out
}

// completedTargets completes targets, and leaves out what is no address.
func (im *importer) completedTargets(t *Table, e Entry) []string {
	var out []string
	for i, to := range targets(e.Value) {
		if i == 0 && strings.HasPrefix(to, "@") {
			out = append(out, to)
			continue
		}
		to = im.Main.completed(to)
		if _, err := mail.ParseAddress(to); err != nil {
			im.result.excuse[strings.ToLower(e.Key)] = im.leaveOnly(Left{What: "target " + to + " of " + e.Key, Place: t.Place(e.Line), Why: "it is no address"})
			continue
		}
		out = append(out, im.beyond(to)...)
	}
	return unique(out)
}

// addLocalAliases adds aliases(5) for each local domain, where no virtual alias
// comes before.
func (im *importer) addLocalAliases(entries []aliasEntry) []aliasEntry {
	at := map[string]int{}
	for i, e := range entries {
		at[e.key] = i
	}
	for _, t := range im.model.localAliases.List {
		for _, e := range t.Entries {
			addresses, program := im.localTargets(t, e)
			for _, d := range im.domainsOf(classLocal) {
				key, to := e.name()+"@"+d, addresses
				if program {
					to = append(slices.Clone(addresses), key)
				}
				i, there := at[key]
				itself := there && slices.Equal(entries[i].targets, []string{key})
				switch {
				case len(to) == 0 || there && !itself || !there && im.catchAll[d]:
				case itself:
					entries[i].targets, entries[i].place = to, t.Place(e.Line)
				default:
					at[key] = len(entries)
					entries = append(entries, aliasEntry{key: key, targets: to, place: t.Place(e.Line)})
				}
			}
		}
	}
	return entries
}

// localTargets gives the addresses behind a line of aliases(5); itself tells that
// the address is one of them, for a program. Files and other programs are listed.
func (im *importer) localTargets(t *Table, e Entry) (out []string, itself bool) {
	addresses, others := im.AliasTargets(e.Value)
	if im.model.delimiters != "" && !im.model.virtual.hasPatterns() {
		im.result.shapes["alias_maps with an extension"] = im.differ(Left{What: "subaddresses of aliases(5)", Place: im.place("alias_maps"), Why: "they go along to the targets; local(8) drops them"})
	}
	for _, a := range addresses {
		a = im.Main.completed(strings.TrimPrefix(a, `\`))
		if _, err := mail.ParseAddress(a); err == nil {
			out = append(out, im.beyond(a)...)
		}
	}
	if len(others) > 0 {
		return out, im.aliasProgram(t, e, others) && len(out) > 0
	}
	if im.listOf(t, e, out) || im.isOwnerOfList(e.name()) {
		return nil, false
	}
	return out, false
}

// aliasProgram takes the program behind an alias over, where there is one and it
// needs no shell. It tells whether it did.
func (im *importer) aliasProgram(t *Table, e Entry, others []string) bool {
	p := aliasProgram{local: e.name(), place: t.Place(e.Line)}
	if len(others) == 1 && kindOf(others[0]) == targetCommand {
		if p.command, _ = plainCommand(others[0]); p.command != nil {
			im.result.unasked[beyondAddresses+e.name()] = im.differ(Left{What: "alias " + e.Key, Place: p.place, Why: "a program, which the report does not run"})
		}
	}
	if p.command == nil {
		for _, o := range others {
			im.result.shapes[beyondAddresses+e.name()] = im.leaveOnly(Left{What: "alias " + e.Key + ": " + o, Place: p.place, Why: "files, and programs for a shell, are not carried over"})
		}
	}
	if addresses, _ := im.AliasTargets(e.Value); p.command != nil || len(addresses) == 0 {
		im.programs = append(im.programs, p)
	}
	return p.command != nil
}

// patternAliases carries tables of expressions over, with keyed ones turned into
// expressions.
func (im *importer) patternAliases(ts Tables) {
	lines := im.patternLines(ts, func(v string) string {
		var out []string
		for i, to := range targets(v) {
			if i == 0 && strings.HasPrefix(to, "@") {
				out = append(out, to)
				continue
			}
			out = append(out, im.Main.completed(to))
		}
		return strings.Join(out, ", ")
	})
	lines = append(lines, im.localAliasLines()...)
	im.aliasRef = im.fileTable("aliases", "regexp", fileLines(lines, false), im.places(ts))
	im.result.shapes["virtual_alias_maps with an extension"] = im.differ(Left{What: "virtual_alias_maps", Place: im.place("virtual_alias_maps"), Why: "its expressions are written in one table with the other entries; a subaddress goes along only where an expression says so"})
}

// localAliasLines is aliases(5) as expressions. They come last, since local(8) has
// what virtual aliases leave.
func (im *importer) localAliasLines() (lines []string) {
	if !im.expandsLocally() {
		return nil
	}
	im.unreadable(im.model.localAliases)
	for _, e := range im.addLocalAliases(nil) {
		lines = append(lines, im.keyLines(e.key, strings.ReplaceAll(strings.Join(e.targets, ", "), "$", "$$"))...)
	}
	return lines
}
