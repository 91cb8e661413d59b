package postfix

import (
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/mail"
)

// mapping is one parameter that changes addresses.
type mapping struct {
	parameter string
	label     string
	tables    Tables
	envelope  []string
	headers   []string
	leaving   bool
}

// senderFields and recipientFields are the header fields of the classes
// header_sender and header_recipient.
func senderFields() []string {
	return []string{"From", "Sender", "Reply-To", "Errors-To", "Resent-From", "Resent-Sender", "Resent-Reply-To"}
}

func recipientFields() []string {
	return []string{"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"}
}

// rewriting turns canonical, generic and masquerading into rewrite blocks, in the
// order of cleanup(8).
func (im *importer) rewriting() {
	im.use("canonical_classes", "sender_canonical_classes", "recipient_canonical_classes", "masquerade_classes")
	m := im.model
	all := []mapping{
		im.classes(mapping{parameter: "sender_canonical_maps", label: "sender_canonical", tables: m.senderCanon}, "sender_canonical_classes"),
		im.classes(mapping{parameter: "recipient_canonical_maps", label: "recipient_canonical", tables: m.rcptCanon}, "recipient_canonical_classes"),
		im.classes(mapping{parameter: "canonical_maps", label: "canonical", tables: m.canonical}, "canonical_classes"),
	}
	for _, p := range all {
		im.mapping(p)
	}
	im.masquerade()
	im.foreignAliases()
	im.mapping(mapping{parameter: "smtp_generic_maps", label: "generic", tables: m.generic, leaving: true,
		envelope: []string{"sender", "recipient"}, headers: append(senderFields(), recipientFields()...)})
	if !m.generic.IsEmpty() && len(im.domainsOf(classRelay)) > 0 {
		im.result.shapes[genericAtHome] = im.differ(Left{What: "smtp_generic_maps", Place: im.place("smtp_generic_maps"), Why: "mail for hosted domains keeps its addresses, also where it leaves by SMTP"})
	}
}

// classes fills in what a list of address classes names.
func (im *importer) classes(p mapping, parameter string) mapping {
	for _, c := range im.Main.Items(parameter) {
		switch c {
		case "envelope_sender":
			p.envelope = append(p.envelope, "sender")
		case "envelope_recipient":
			p.envelope = append(p.envelope, "recipient")
		case "header_sender":
			p.headers = append(p.headers, senderFields()...)
		case "header_recipient":
			p.headers = append(p.headers, recipientFields()...)
		}
	}
	return p
}

// mapping writes the blocks of one parameter.
func (im *importer) mapping(p mapping) {
	im.use(p.parameter)
	if p.tables.IsEmpty() {
		return
	}
	if ref, ok := im.asked(p.tables); ok {
		im.rewriteBlocks(p, ref)
		return
	}
	im.unreadable(p.tables)
	if p.tables.hasPatterns() {
		im.leave(p.parameter, p.parameter, "tables of expressions are not carried over to rewrite blocks")
		return
	}
	lines := im.mappingLines(p)
	if len(lines) == 0 {
		return
	}
	im.rewriteBlocks(p, im.fileTable(p.label, "virtual", fileLines(lines, false), im.places(p.tables)))
}

// mappingLines are the entries of one-to-one tables, each followed to its end,
// as cleanup(8) asks again for what it got.
func (im *importer) mappingLines(p mapping) []string {
	var lines []string
	seen := map[string]bool{}
	for _, t := range p.tables.List {
		for _, e := range t.Entries {
			for _, key := range im.siteKeys(e.Key) {
				to := im.mappedTo(p, e)
				if seen[key] || to == "" {
					continue
				}
				seen[key] = true
				lines = append(lines, "# "+t.Place(e.Line), quotedKey(key)+" "+to)
			}
		}
	}
	return lines
}

// siteKeys writes a bare local part with each domain of our own.
func (im *importer) siteKeys(key string) []string {
	key = strings.ToLower(key)
	if strings.Contains(key, "@") {
		return []string{key}
	}
	sites := append(im.domainsOf(classLocal), strings.ToLower(im.Main.Get("myorigin")))
	slices.Sort(sites)
	var out []string
	for _, d := range slices.Compact(sites) {
		out = append(out, key+"@"+d)
	}
	return out
}

// mappedTo is what becomes of an entry's addresses in the end.
func (im *importer) mappedTo(p mapping, e Entry) string {
	list := targets(e.Value)
	if len(list) == 0 {
		return ""
	}
	to := list[0]
	if strings.HasPrefix(to, "@") {
		return to
	}
	im.model.notes = map[string]bool{}
	to = im.Main.completed(to)
	if !p.leaving {
		to = im.model.mapped(p.parameter, p.tables, to)
	}
	if _, err := mail.ParseAddress(to); err != nil {
		return ""
	}
	return to
}

// rewriteBlocks writes one block for the envelope and one for the header, which
// Postfix changes only for clients of its own (local_header_rewrite_clients).
func (im *importer) rewriteBlocks(p mapping, table string) {
	im.use("local_header_rewrite_clients")
	if len(p.envelope) > 0 {
		b := im.doc.add(sectionRewrite, &block{head: "rewrite " + quote(p.label), from: im.place(p.parameter)})
		b.set("envelope", quoteList(p.envelope), "").set("map", table, "")
		if p.leaving {
			b.set("when", `"leaving"`, "").set("headers", quoteList(p.headers), "")
		}
	}
	if p.leaving || len(p.headers) == 0 || len(p.envelope) == 0 {
		return
	}
	b := im.doc.add(sectionRewrite, &block{head: "rewrite " + quote(p.label+"_headers"), from: im.place(p.parameter)})
	clients := []string{"127.0.0.0/8", "::1/128"}
	if strings.Contains(im.Main.Get("local_header_rewrite_clients"), "permit_mynetworks") {
		nets, _ := im.model.mynetworks.networks()
		for _, n := range nets {
			clients = append(clients, n.String())
		}
	}
	b.set("client", quoteList(unique(clients)), im.place("local_header_rewrite_clients"))
	b.set("envelope", quoteList(p.envelope), "").set("headers", quoteList(p.headers), "").set("map", table, "")
}
