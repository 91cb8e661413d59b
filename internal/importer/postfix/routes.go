package postfix

import (
	"slices"
	"strings"
)

// transportRoute is transport_maps: a look-up that comes before all other
// routes. Tables of expressions stand between whole addresses and the rest, as
// Postfix asks them.
func (im *importer) transportRoute() {
	im.programRoutes()
	ts := im.model.transport
	im.use("transport_maps")
	if ts.IsEmpty() {
		return
	}
	if ref, ok := im.asked(ts); ok {
		im.addLookup(ref, im.place(ts.Parameter))
		im.differ(Left{What: "values of transport_maps", Place: im.place(ts.Parameter),
			Why: "they are read as they come: of Postfix's services smtp, relay, lmtp, discard and error are known, others need a transport of their name"})
		return
	}
	im.unreadable(ts)
	parts := ts.List
	if ts.hasPatterns() {
		im.lookupRoute(ts, parts, func(key string) bool { return !strings.HasPrefix(key, "@") && strings.Contains(key, "@") })
		for _, t := range parts {
			if t.isPattern() {
				lines := im.ruleLines(ts.Parameter, t, func(v string) string { return strings.ReplaceAll(im.wayValue(v, t.Shown), "$", "$$") })
				im.addLookup(im.fileTable(t.base(), "regexp", fileLines(lines, false), t.Shown), t.Shown)
			}
		}
		im.lookupRoute(ts, parts, func(key string) bool { return !strings.Contains(key, "@") })
		return
	}
	im.lookupRoute(ts, parts, func(string) bool { return true })
}

// lookupRoute writes one table of the keyed entries that hold, and its route.
func (im *importer) lookupRoute(ts Tables, parts []*Table, holds func(string) bool) {
	seen := map[string]bool{}
	var lines []string
	for _, t := range parts {
		if t.static != nil {
			im.leave(ts.Parameter, ts.Parameter+" = "+t.String(), "one way for everybody: write it as a route")
			continue
		}
		for _, e := range t.Entries {
			for _, key := range im.transportKeys(e.Key) {
				if seen[key] || !holds(key) {
					continue
				}
				seen[key] = true
				if v := im.wayValue(e.Value, t.Place(e.Line)); v != "" {
					lines = append(lines, "# "+t.Place(e.Line), quotedKey(key)+" "+v)
				}
			}
		}
	}
	if len(lines) > 0 {
		im.addLookup(im.fileTable("transport_map", "transport", fileLines(lines, false), im.places(ts)), im.place(ts.Parameter))
	}
}

// transportKeys writes a key so that parents are named with their dot.
func (im *importer) transportKeys(key string) []string {
	key = strings.ToLower(key)
	if im.model.isIn("parent_domain_matches_subdomains", "transport_maps") && !strings.ContainsAny(key, "@*") && !strings.HasPrefix(key, ".") {
		return []string{key, "." + key}
	}
	return []string{key}
}

func (im *importer) addLookup(table, from string) {
	b := im.doc.add(sectionRoutes, &block{head: "route " + quote(im.routes.take(strings.TrimPrefix(table, "table."))), from: from})
	b.set("lookup", table, "")
}

// wayValue writes a value of transport(5) with the names of our transports.
func (im *importer) wayValue(value, place string) string {
	if !strings.Contains(value, ":") {
		im.leave("transport_maps", "transport_maps: "+value, "it has no colon ("+place+")")
		return ""
	}
	transport, nexthop := parseWay(value)
	if strings.HasPrefix(value, "[") {
		transport, nexthop = "", value
	}
	if transport == "" {
		return ":" + nexthop
	}
	s := im.service(transport)
	d := destination{transport: transport, nexthop: nexthop, from: place}
	switch {
	case s.Command == "error":
		return failingValue(s, nexthop)
	case s.Command == "discard":
		return "discard:"
	case s.Command == "local" || s.Command == "virtual":
		d.nexthop = ""
	case s.Command == "smtp" && nexthop != "" && !im.isSpecial(d):
		d.nexthop = ""
		return im.via(d) + ":" + nexthop
	}
	return im.via(d) + ":"
}

// isSpecial tells whether a next hop has a login or a policy of its own.
func (im *importer) isSpecial(d destination) bool {
	user, _, _ := im.login(d)
	_, _, policy := im.policy(d.nexthop)
	return user != "" || policy
}

// failingValue is error(8) as transport "error" reads it, whose status says
// whether it is for good.
func failingValue(s Service, text string) string {
	word, rest, _ := strings.Cut(text, " ")
	status := len(word) >= 5 && word[1] == '.' && isDigits(strings.ReplaceAll(word, ".", ""))
	switch {
	case s.Name != "retry":
		return "error:" + text
	case !status:
		return strings.TrimSpace("error:4.0.0 " + text)
	}
	return "error:4" + word[1:] + " " + rest
}

// outward is the way of mail that leaves by the class's transport.
func (im *importer) outward(c class, sender string) destination {
	var d destination
	if c == classRelay {
		d.transport, d.nexthop = parseWay(im.Main.Get("relay_transport"))
		d.from = im.place("relay_transport")
	} else {
		d.transport, d.nexthop = im.model.defaultTransport(sender)
		d.from = im.place("default_transport")
	}
	if d.nexthop != "" {
		return d
	}
	w := way{}
	im.model.relayhost(&w, sender, "")
	if d.nexthop = w.nexthop; d.nexthop != "" {
		d.from = im.place("relayhost")
	}
	return d
}

// defaultRoute is default_transport and relayhost.
func (im *importer) defaultRoute() {
	im.use("default_transport", "relayhost")
	im.model.notes = map[string]bool{}
	d := im.outward(classDefault, noSender)
	b := im.doc.add(sectionRoutes, &block{head: `route "default"`, from: d.from})
	b.set("via", "transport."+im.via(d), "")
}

// noSender is an address that no table of senders has.
const noSender = "nobody@no-such-sender.invalid"

// relayPatterns are relay_domains, with their subdomains where Postfix takes them
// too.
func (im *importer) relayPatterns() []string {
	out := im.domainsOf(classRelay)
	for _, d := range im.domainsOf(classRelay) {
		if im.model.relay.subdomains {
			out = append(out, "."+d)
		}
	}
	return out
}

// relaySubdomains lets mail for subdomains of relay_domains in, which Postfix
// takes with the domain itself. Where recipients are listed nobody may send to
// others there.
func (im *importer) relaySubdomains() {
	all := im.relayPatterns()[len(im.domainsOf(classRelay)):]
	if len(all) == 0 {
		return
	}
	from, known := im.place("relay_domains")+" relay_domains", all
	if ts := im.model.relayRcpts; !ts.IsEmpty() {
		known = im.subdomainRecipients(ts)
		b := im.doc.add(sectionDeny, &block{head: `deny "relay_subdomains"`, from: im.place(ts.Parameter)})
		b.set("recipient", quoteList(all), "").set("text", `"User unknown in relay recipient table"`, "")
		b.exceptions(permits{"recipient": append(slices.Clone(known), im.hostedBelow(all)...)})
	}
	if len(known) == 0 {
		return
	}
	b := im.doc.add(sectionRelay, &block{head: `relay "relay_subdomains"`, from: from})
	b.set("recipient", quoteList(known), "")
	b = im.doc.add(sectionRoutes, &block{head: "route " + quote(im.routes.take("relay_subdomains")), from: from})
	b.set("recipient", quoteList(known), "").set("hosted", "false", "").set("via", "transport."+im.deliver(classRelay), "")
}

// hostedBelow are the domains with a block of their own below ".domain".
func (im *importer) hostedBelow(suffixes []string) []string {
	var out []string
	for _, h := range im.hosted {
		if slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(h.name, s) }) {
			out = append(out, h.name)
		}
	}
	return out
}

// subdomainRecipients are those of relay_recipient_maps in domains that have no
// block.
func (im *importer) subdomainRecipients(ts Tables) []string {
	var out []string
	for _, t := range ts.List {
		for _, e := range t.Entries {
			local, domain, ok := cut(strings.ToLower(e.Key))
			if _, has := im.isHosted(domain); !ok || has || im.model.classOf(domain) != classRelay {
				continue
			}
			if local == "" {
				out = append(out, domain)
			} else {
				out = append(out, local+"@"+domain)
			}
		}
	}
	return unique(out)
}

// policyRoutes are the domains of smtp_tls_policy_maps, where mail goes to the
// MX of its own domain.
func (im *importer) policyRoutes() {
	ts := im.Tables("smtp_tls_policy_maps")
	im.use("smtp_tls_policy_maps")
	im.unreadable(ts)
	im.model.notes = map[string]bool{}
	d := im.outward(classDefault, noSender)
	if d.nexthop != "" || im.service(d.transport).Command != "smtp" {
		return
	}
	var levels []string
	patterns, from := map[string][]string{}, map[string][]string{}
	for _, t := range ts.List {
		for _, e := range t.Entries {
			if strings.HasPrefix(e.Key, "[") || strings.Contains(e.Key, ":") {
				continue // a next hop: its transport has it
			}
			word, _, _ := strings.Cut(e.Value, " ")
			if patterns[word] == nil {
				levels = append(levels, word)
			}
			patterns[word] = append(patterns[word], strings.ToLower(e.Key))
			from[word] = append(from[word], t.Place(e.Line))
		}
	}
	for _, l := range levels {
		d.level, d.from = l, firstLines(from[l])
		b := im.doc.add(sectionRoutes, &block{head: "route " + quote(im.routes.take("tls_"+l)), from: d.from})
		b.set("recipient", quoteList(patterns[l]), "").set("via", "transport."+im.via(d), "")
		b.set("hosted", "false", "")
	}
}
