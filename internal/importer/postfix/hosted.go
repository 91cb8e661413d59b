package postfix

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// findHosted collects the domains of each class, the first class that has one
// keeping it (trivial-rewrite(8)).
func (im *importer) findHosted() {
	seen := map[string]bool{}
	for _, c := range []struct {
		class     class
		parameter string
		list      matchList
	}{
		{classLocal, "mydestination", im.model.mydestination}, {classAlias, "virtual_alias_domains", im.model.virtualAlias},
		{classMailbox, "virtual_mailbox_domains", im.model.virtualMailbox}, {classRelay, "relay_domains", im.model.relay},
	} {
		im.use(c.parameter)
		im.askedDomains(c.class, c.parameter, c.list)
		im.unlistable(c.parameter, c.list)
		for _, it := range c.list.domains() {
			d, err := mail.ParseDomain(it.text)
			_, literal := d.Literal()
			switch {
			case c.class == classAlias && !strings.Contains(it.text, "."):
				// A bare local part of virtual_alias_maps, which is their list of domains too.
			case literal:
			case err != nil || strings.HasPrefix(it.text, "."):
				im.leave(c.parameter, c.parameter+": "+it.text, "a domain block names one domain")
			case seen[string(d)]:
				im.leaveOnly(Left{What: it.text + " in " + c.parameter, Place: it.place, Why: "it stands in a class that comes before, too"})
			default:
				seen[string(d)] = true
				h := hosted{name: string(d), class: c.class, place: it.place}
				im.hosted, im.byName[h.name] = append(im.hosted, h), h
			}
		}
	}
	for _, t := range im.model.virtual.List {
		for _, e := range t.Entries {
			if strings.HasPrefix(e.Key, "@") {
				im.catchAll[strings.ToLower(e.Key[1:])] = true
			}
		}
	}
}

// unlistable lists the parts of a list of domains that name no domains one by
// one.
func (im *importer) unlistable(parameter string, list matchList) {
	for _, it := range list.items {
		switch {
		case it.negated:
			im.leave(parameter, parameter+": !"+it.text, "an exception from a list of domains")
		case it.table != nil && im.askedRefs[it.table.String()] != "":
		case it.table != nil && it.table.isAsked() && parameter == "virtual_alias_domains" && !im.Main.IsSet(parameter):
			// The table of the aliases, which stands for the list of their domains too.
		case it.table != nil && it.table.Why != "":
			im.leave(parameter, parameter+" = "+it.table.String(), it.table.Why)
		case it.table != nil && (it.table.isPattern() || it.table.static != nil):
			if parameter != "virtual_alias_domains" || im.Main.IsSet(parameter) {
				im.leave(parameter, parameter+" = "+it.table.String(), "a domain block names one domain")
			}
		}
	}
}

// askedDomains makes templates of the tables that name domains at run time.
func (im *importer) askedDomains(c class, parameter string, list matchList) {
	for _, it := range list.items {
		if it.negated || it.table == nil || !it.table.isAsked() || c == classLocal || parameter == "virtual_alias_domains" && !im.Main.IsSet(parameter) {
			continue
		}
		ref, ok := im.asked(Tables{Parameter: parameter, List: []*Table{it.table}})
		if ok {
			im.templates = append(im.templates, template{class: c, from: ref, place: it.place})
		}
	}
}

// isHosted tells whether a domain has a block, and of which class.
func (im *importer) isHosted(domain string) (hosted, bool) {
	h, ok := im.byName[domain]
	return h, ok
}

// domainsOf gives the names of classes.
func (im *importer) domainsOf(classes ...class) []string {
	var out []string
	for _, h := range im.hosted {
		if slices.Contains(classes, h.class) {
			out = append(out, h.name)
		}
	}
	return out
}

// domainBlocks writes a block for each domain.
func (im *importer) domainBlocks() {
	im.use("recipient_delimiter", "local_transport", "virtual_transport", "relay_transport", "relayhost", "virtual_mailbox_maps",
		"relay_recipient_maps", "local_recipient_maps", "smtpd_reject_unlisted_recipient", "propagate_unmatched_extensions")
	for _, h := range im.hosted {
		im.domainLines(im.doc.add(sectionDomains, &block{head: "domain " + quote(h.name), from: h.place}), h)
		im.result.excuse["postmaster@"+h.name] = im.differ(Left{What: "postmaster", Place: "", Why: "every hosted domain takes mail for its postmaster (RFC 5321 s4.5.1)"})
	}
	for _, t := range im.templates {
		label := map[class]string{classAlias: "virtual_alias", classMailbox: "virtual_mailbox", classRelay: "relay"}[t.class]
		b := im.doc.add(sectionDomains, &block{head: "domains " + quote(label), from: t.place})
		b.set("from", t.from, t.place)
		im.domainLines(b, hosted{class: t.class})
	}
	if len(im.hosted) > 0 {
		im.differ(Left{What: "unknown targets of aliases", Place: "", Why: "mail whose every recipient is found to be unknown is refused at RCPT, where Postfix takes it and sends it back"})
	}
}

// domainLines are those of a domain, and of many of one class.
func (im *importer) domainLines(b *block, h hosted) {
	if _, done := im.deliveries[h.class]; !done {
		im.deliveries[h.class] = im.deliver(h.class)
	}
	if m := im.mailboxesOf(h); m != "" {
		b.set("mailboxes", m, im.place(im.mapsOf(h.class).Parameter))
	}
	if ref := im.aliasRefOf(h.class); ref != "" {
		b.set("aliases", ref, im.aliasPlace(h.class))
	}
	if im.model.delimiters != "" {
		b.set("subaddress", quote(im.model.delimiters), im.place("recipient_delimiter"))
	}
	b.set("deliver", "transport."+im.deliveries[h.class], im.place(transportParameter(h.class)))
}

// aliasRefOf is the table of aliases of a class: that of aliases(5) stands apart
// where virtual aliases are asked.
func (im *importer) aliasRefOf(c class) string {
	if c == classLocal && im.localRef != "" {
		return im.localRef
	}
	return im.aliasRef
}

// aliasPlace is where the aliases of a class come from.
func (im *importer) aliasPlace(c class) string {
	if c == classLocal && im.model.virtual.IsEmpty() {
		return im.place("alias_maps")
	}
	return im.place("virtual_alias_maps")
}

func transportParameter(c class) string {
	return map[class]string{classLocal: "local_transport", classAlias: "virtual_alias_domains", classMailbox: "virtual_transport", classRelay: "relay_transport"}[c]
}

// mapsOf are the tables of the recipients of a class.
func (im *importer) mapsOf(c class) Tables {
	return map[class]Tables{classLocal: im.model.localRcpts, classMailbox: im.model.mailboxes, classRelay: im.model.relayRcpts}[c]
}

// deliver is the transport of a class.
func (im *importer) deliver(c class) string {
	p := transportParameter(c)
	if c == classAlias {
		return im.via(destination{transport: "error", nexthop: "5.1.1 User unknown", from: im.place(p)})
	}
	transport, nexthop := parseWay(im.Main.Get(p))
	if command := im.service(transport).Command; command == "local" || command == "virtual" {
		nexthop = ""
	}
	if c == classRelay && nexthop == "" {
		nexthop = im.Main.Get("relayhost")
	}
	return im.via(destination{transport: transport, nexthop: nexthop, from: im.place(p)})
}

// mailboxesOf writes the mailboxes of a domain: "any" where nothing lists them,
// nothing where an alias takes all that has no name.
func (im *importer) mailboxesOf(h hosted) string {
	if h.class == classAlias || im.catchAll[h.name] {
		return ""
	}
	ts := im.mapsOf(h.class)
	if im.listRefs[h.class] == "" {
		im.listRefs[h.class] = im.recipientTable(h.class, ts)
	}
	return im.listRefs[h.class]
}

// recipientTable makes one table of those that list the recipients of a class.
func (im *importer) recipientTable(c class, ts Tables) string {
	if ref, ok := im.asked(ts); ok && isYes(im.Main.Get("smtpd_reject_unlisted_recipient")) {
		return ref
	}
	if ts.IsEmpty() || im.unreadable(ts) || !isYes(im.Main.Get("smtpd_reject_unlisted_recipient")) {
		return `"any"`
	}
	label := map[class]string{classLocal: "local_users", classMailbox: "mailboxes", classRelay: "relay_recipients"}[c]
	if ts.hasPatterns() {
		return im.fileTable(label, "regexp", fileLines(im.patternLines(ts, func(string) string { return "x" }), false), im.places(ts))
	}
	var lines []string
	for _, t := range ts.List {
		if t.static != nil {
			return `"any"`
		}
		for _, e := range t.Entries {
			key := strings.ToLower(e.Key)
			if im.isRecipientKey(c, t, key) {
				lines = append(lines, quotedKey(key))
			}
		}
	}
	if c == classLocal {
		for _, p := range im.programs {
			lines = append(lines, p.local)
		}
	}
	return im.fileTable(label, "list", fileLines(lines, true), im.places(ts))
}

// isRecipientKey leaves out keys that mean nothing in the class, names that
// aliases(5) expand and catch-alls.
func (im *importer) isRecipientKey(c class, t *Table, key string) bool {
	_, _, full := cut(key)
	switch {
	case !full:
		return c == classLocal && !(im.aliases[t.String()] && im.expandsLocally())
	case strings.HasPrefix(key, "@"):
		return !im.catchAll[key[1:]]
	}
	return true
}

// expandsLocally tells whether local(8), which reads aliases(5), delivers.
func (im *importer) expandsLocally() bool {
	transport, _ := parseWay(im.Main.Get("local_transport"))
	return transport == "local"
}

// quotedKey writes a key of a table so that white space in it stays.
func quotedKey(key string) string {
	local, domain, ok := cut(key)
	if !ok || !strings.ContainsAny(local, " \t") || strings.HasPrefix(local, `"`) {
		return key
	}
	return `"` + local + `"@` + domain
}
