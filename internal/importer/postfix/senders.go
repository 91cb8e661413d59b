package postfix

import (
	"slices"
	"strings"
)

// sending is the senders that go one way.
type sending struct {
	class    class
	d        destination
	patterns []string
	lines    []string
}

// senderRoutes are the sender-dependent tables: relayhosts, default transports
// and logins. Addresses come before domains, as Postfix asks them.
func (im *importer) senderRoutes() {
	im.use("sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps")
	ts := []Tables{im.model.senderRelay, im.model.senderVia}
	if isYes(im.Main.Get("smtp_sender_dependent_authentication")) {
		ts = append(ts, im.Tables("smtp_sasl_password_maps"))
	}
	for _, t := range ts {
		im.unreadable(t)
		if t.hasPatterns() {
			im.leave(t.Parameter, t.Parameter, "tables of expressions cannot be turned into routes by sender")
		}
	}
	addresses, domains := im.senders(ts)
	classes := []class{classDefault}
	if len(im.domainsOf(classRelay)) > 0 {
		classes = []class{classRelay, classDefault}
	}
	for _, c := range classes {
		if c == classDefault {
			im.relaySubdomains()
		}
		im.sendings(c, addresses, domains)
		im.sendings(c, domains, nil)
	}
}

// senders are the keys of tables: addresses, and "@domain".
func (im *importer) senders(all []Tables) (addresses, domains []Entry) {
	seen := map[string]bool{}
	for _, ts := range all {
		for _, t := range ts.List {
			for _, e := range t.Entries {
				key := strings.ToLower(e.Key)
				_, _, full := cut(key)
				if seen[key] || !full && key != "<>" {
					continue
				}
				seen[key] = true
				e = Entry{Key: key, Value: t.Place(e.Line)}
				if strings.HasPrefix(key, "@") {
					domains = append(domains, e)
				} else {
					addresses = append(addresses, e)
				}
			}
		}
	}
	return addresses, domains
}

// sendings writes a route for each way that senders go. A sender that goes the
// way of everybody needs one only where its domain goes another.
func (im *importer) sendings(c class, keys, domains []Entry) {
	usual := im.outward(c, noSender)
	var all []*sending
	for _, e := range keys {
		sender := e.Key
		if strings.HasPrefix(sender, "@") {
			sender = "nobody-at-all" + sender
		}
		if sender == "<>" {
			sender = ""
		}
		im.model.notes = map[string]bool{}
		d := im.outward(c, sender)
		d.from = e.Value
		im.senderLogin(&d, sender)
		_, domain, _ := cut(e.Key)
		same := d.transport == usual.transport && d.nexthop == usual.nexthop && d.user == ""
		if same && !slices.ContainsFunc(domains, func(o Entry) bool { return o.Key == "@"+domain }) {
			continue
		}
		all = addSending(all, sending{class: c, d: d, patterns: []string{senderPattern(e.Key)}, lines: []string{e.Value}})
	}
	for _, s := range all {
		im.sending(s)
	}
}

func senderPattern(key string) string { return strings.TrimPrefix(key, "@") }

func addSending(all []*sending, s sending) []*sending {
	for _, have := range all {
		if have.d.transport == s.d.transport && have.d.nexthop == s.d.nexthop && have.d.user == s.d.user {
			have.patterns, have.lines = append(have.patterns, s.patterns...), append(have.lines, s.lines...)
			return all
		}
	}
	return append(all, &s)
}

// senderLogin is smtp_sender_dependent_authentication.
func (im *importer) senderLogin(d *destination, sender string) {
	if sender == "" || !isYes(im.Main.Get("smtp_sender_dependent_authentication")) || !isYes(im.Main.Get("smtp_sasl_auth_enable")) {
		return
	}
	if e, t, ok := im.model.findSender(im.Tables("smtp_sasl_password_maps"), sender); ok {
		d.user, d.pass, _ = strings.Cut(e.Value, ":")
		d.from = t.Place(e.Line)
	}
}

func (im *importer) sending(s *sending) {
	label := "from_" + s.patterns[0]
	b := &block{head: "route " + quote(im.routes.take(label)), from: firstLines(s.lines)}
	b.set("sender", quoteList(s.patterns), "")
	if s.class == classRelay {
		b.set("recipient", quoteList(im.relayPatterns()), im.place("relay_domains"))
	}
	s.d.from = firstLines(s.lines)
	b.set("via", "transport."+im.via(s.d), "")
	im.doc.add(sectionRoutes, b)
}
