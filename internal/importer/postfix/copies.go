package postfix

import (
	"strings"
)

// copies are always_bcc, sender_bcc_maps and recipient_bcc_maps. A copy of ours
// is not expanded, so that what the aliases make of its address stands here.
func (im *importer) copies() {
	im.use("always_bcc", "sender_bcc_maps", "recipient_bcc_maps")
	taken := names{}
	if to := im.Main.Get("always_bcc"); to != "" {
		for _, target := range im.copyTargets(to) {
			b := im.doc.add(sectionCopies, &block{head: "copy " + quote(taken.take("always_bcc")), from: im.place("always_bcc")})
			b.set("to", quote(target), "")
		}
	}
	for _, by := range [][2]string{{"sender_bcc_maps", "sender"}, {"recipient_bcc_maps", "original"}} {
		ts := im.Tables(by[0])
		im.unreadable(ts)
		if ts.hasPatterns() {
			im.leave(by[0], by[0], "tables of expressions cannot be turned into copies")
		}
		im.copyTables(ts, by[1], taken)
	}
}

// copyTargets are the final recipients of a copy.
func (im *importer) copyTargets(to string) []string {
	im.model.notes = map[string]bool{}
	list, _ := im.model.expand(im.model.canonicalRecipient(im.Main.completed(to)))
	return list
}

// copyKeys are the patterns that are copied to one address.
type copyKeys struct {
	to       string
	patterns []string
	lines    []string
	wild     bool // the patterns are domains
}

// copyTables writes a copy for each address to which a table sends, addresses
// apart from domains, from which the addresses are taken out.
func (im *importer) copyTables(ts Tables, attribute string, taken names) {
	var all []*copyKeys
	var addresses []string
	for _, t := range ts.List {
		for _, e := range t.Entries {
			key := strings.ToLower(e.Key)
			local, domain, full := cut(key)
			if !full {
				for _, d := range im.domainsOf(classLocal) {
					all = addCopy(all, copyKeys{to: e.Value, patterns: []string{key + "@" + d}, lines: []string{t.Place(e.Line)}})
					addresses = append(addresses, key+"@"+d)
				}
				continue
			}
			k := copyKeys{to: e.Value, patterns: []string{key}, lines: []string{t.Place(e.Line)}}
			if local == "" {
				k.patterns, k.wild = []string{domain}, true
			} else {
				addresses = append(addresses, key)
			}
			all = addCopy(all, k)
		}
	}
	for _, k := range all {
		im.copy(k, attribute, ofDomains(addresses, k), taken)
	}
}

func addCopy(all []*copyKeys, k copyKeys) []*copyKeys {
	for _, have := range all {
		if have.to == k.to && have.wild == k.wild {
			have.patterns, have.lines = append(have.patterns, k.patterns...), append(have.lines, k.lines...)
			return all
		}
	}
	return append(all, &k)
}

// ofDomains are the addresses in the domains of k.
func ofDomains(addresses []string, k *copyKeys) []string {
	if !k.wild {
		return nil
	}
	var out []string
	for _, a := range addresses {
		_, domain, _ := cut(a)
		for _, p := range k.patterns {
			if p == domain {
				out = append(out, a)
			}
		}
	}
	return unique(out)
}

func (im *importer) copy(k *copyKeys, attribute string, without []string, taken names) {
	for _, target := range im.copyTargets(k.to) {
		b := im.doc.add(sectionCopies, &block{head: "copy " + quote(taken.take("to_"+target)), from: firstLines(k.lines)})
		b.set(attribute, quoteList(unique(k.patterns)), "").set("to", quote(target), "")
		if len(without) > 0 {
			b.except().set(attribute, quoteList(without), "")
		}
	}
}
