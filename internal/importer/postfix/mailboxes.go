package postfix

import (
	"path"
	"strings"
)

// localMailboxes is local(8): postroad has Maildirs by address, and knows no
// users of the system.
func (im *importer) localMailboxes(d destination) string {
	if to := im.Main.Get("mailbox_transport"); to != "" {
		im.use("mailbox_transport")
		transport, nexthop := parseWay(to)
		return im.via(destination{transport: transport, nexthop: nexthop, from: im.place("mailbox_transport")})
	}
	name := "local"
	if im.transports[name] {
		return name
	}
	im.transports[name] = true
	b := im.doc.add(sectionTransports, &block{head: `transport "maildir" "local"`, from: d.from})
	b.set("path", quote(path.Join(im.Main.Get("mail_spool_directory"), "postroad/{local}")), im.place("mail_spool_directory"))
	im.use("mail_spool_directory", "home_mailbox")
	im.differ(Left{What: "local(8)", Place: d.from, Why: "it delivers to the users of the system; postroad keeps a Maildir for each local part"})
	return name
}

// virtualMailboxes is virtual(8), where its files are named by the address.
func (im *importer) virtualMailboxes(d destination) string {
	name := "virtual"
	if im.transports[name] {
		return name
	}
	im.transports[name] = true
	b := im.doc.add(sectionTransports, &block{head: `transport "maildir" "virtual"`, from: d.from})
	base := im.Main.Get("virtual_mailbox_base")
	im.use("virtual_mailbox_base", "virtual_uid_maps", "virtual_gid_maps", "virtual_minimum_uid")
	pattern, ok := im.mailboxPattern()
	if !ok {
		im.result.shapes["virtual mailboxes"] = im.differ(Left{What: "the paths of virtual_mailbox_maps", Place: im.place("virtual_mailbox_maps"),
			Why: "they are not made of the address in one way: move the mailboxes to " + path.Join(base, pattern)})
	}
	b.set("path", quote(path.Join("/", base, pattern)), im.place("virtual_mailbox_base"))
	im.sharedMailboxes()
	return name
}

// sharedMailboxes lists the mailboxes that take the mail of a whole domain.
func (im *importer) sharedMailboxes() {
	for _, t := range im.model.mailboxes.List {
		for _, e := range t.Entries {
			if strings.HasPrefix(e.Key, "@") {
				im.result.excuse[e.name()] = im.differ(Left{What: e.Key + " " + e.Value, Place: t.Place(e.Line),
					Why: "each address of the domain has a mailbox of its own; name one in catch_all to have them in one"})
			}
		}
	}
}

// mailboxPattern finds how the values of virtual_mailbox_maps are made of their
// keys. Without one way for all the usual one is given, and false.
func (im *importer) mailboxPattern() (string, bool) {
	const usual = "{domain}/{local}"
	found := ""
	for _, t := range im.model.mailboxes.List {
		for _, e := range t.Entries {
			local, domain, ok := cut(strings.ToLower(e.Key))
			if !ok || local == "" {
				continue
			}
			p := mailboxPath(e.Value, local, domain)
			if p == "" || found != "" && p != found {
				return usual, false
			}
			found = p
		}
	}
	if found == "" {
		return usual, false
	}
	return found, true
}

// mailboxPath tells how one value is made; "" when it is a file, or is not.
func mailboxPath(value, local, domain string) string {
	if !strings.HasSuffix(value, "/") {
		return ""
	}
	for _, p := range []string{"{domain}/{local}", "{local}", "{domain}/{local}/Maildir", "{local}/Maildir"} {
		if strings.EqualFold(strings.TrimSuffix(value, "/"), strings.NewReplacer("{domain}", domain, "{local}", local).Replace(p)) {
			return p
		}
	}
	return ""
}
