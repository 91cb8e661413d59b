package postfix

import (
	"net/netip"
	"strings"
)

// clientOptions sets what main.cf and the service's own -o say of a client.
func (im *importer) clientOptions(b *block, s Service, d destination) {
	p := im.Main.With(s.Overrides)
	prefix := s.Command + "_"
	im.clientTLS(b, p, prefix, d)
	im.clientLogin(b, p, prefix, d)
	var sources []string
	for _, n := range []string{"bind_address", "bind_address6"} {
		if a, err := netip.ParseAddr(p.Get(prefix + n)); err == nil && !a.IsUnspecified() {
			sources = append(sources, a.String())
			im.use(prefix + n)
		}
	}
	if len(sources) > 0 {
		b.set("source", quoteList(sources), p.Place(prefix+"bind_address"))
	}
	if helo := p.Get(prefix + "helo_name"); helo != "" && helo != p.Get("myhostname") {
		b.set("hostname", quote(helo), p.Place(prefix+"helo_name"))
	}
	im.use(prefix + "helo_name")
	for _, n := range [][2]string{{"connect_timeout", "connect_timeout"}, {"data_done_timeout", "data_timeout"}} {
		if t, ok := duration(p.Get(prefix+n[0]), "s"); ok && t != "0s" {
			b.set(n[1], quote(t), p.Place(prefix+n[0]))
			im.use(prefix + n[0])
		}
	}
	for _, n := range []string{s.Name + "_destination_concurrency_limit", "default_destination_concurrency_limit"} {
		if limit := p.Get(n); isDigits(limit) && limit != "0" {
			b.set("connections", limit, p.Place(n))
			im.use(n)
			break
		}
	}
}

// level is how an SMTP client of Postfix's treats TLS.
func level(s string) string {
	switch strings.ToLower(s) {
	case "may", "dane":
		return "offer"
	case "encrypt":
		return "require"
	case "verify", "secure", "fingerprint", "dane-only":
		return "verify"
	}
	return "none"
}

// clientTLS is the policy for the next hop, or the service's own level.
func (im *importer) clientTLS(b *block, p *Parameters, prefix string, d destination) {
	im.use(prefix+"tls_security_level", prefix+"tls_wrappermode", prefix+"use_tls", prefix+"enforce_tls")
	word, from := p.Get(prefix+"tls_security_level"), p.Place(prefix+"tls_security_level")
	if word == "" && isYes(p.Get(prefix+"use_tls")) {
		word = "may"
	}
	if d.level != "" {
		word, from = d.level, d.from
	} else if policy, place, ok := im.policy(d.nexthop); ok {
		word, from = policy, place
	}
	mode := level(word)
	if isYes(p.Get(prefix + "tls_wrappermode")) {
		mode, from = "implicit", p.Place(prefix+"tls_wrappermode")
	}
	switch strings.ToLower(word) {
	case "dane", "dane-only", "fingerprint":
		im.leaveOnly(Left{What: "TLS level " + word, Place: from, Why: "written as " + quote(mode) + ": DANE and fingerprints are not there"})
	}
	if user, _, _ := im.login(d); user != "" && mode == "none" {
		mode = "offer"
		im.differ(Left{What: "TLS to " + d.nexthop, Place: from, Why: "a password is never sent in clear: mail waits until the next hop offers TLS"})
	}
	b.set("tls", quote(mode), from)
}

// policy gives the level of smtp_tls_policy_maps for a next hop.
func (im *importer) policy(nexthop string) (word, place string, ok bool) {
	ts := im.Tables("smtp_tls_policy_maps")
	if nexthop == "" || ts.IsEmpty() {
		return "", "", false
	}
	im.use("smtp_tls_policy_maps")
	hop := strings.ToLower(items(nexthop)[0])
	for i, key := range append([]string{hop}, dotted(hop)...) {
		if e, t, found := ts.find(key, i == 0); found {
			word, _, _ = strings.Cut(e.Value, " ")
			return word, t.Place(e.Line), true
		}
	}
	return "", "", false
}

func dotted(domain string) []string {
	out := parents(domain)
	for i := range out {
		out[i] = "." + out[i]
	}
	return out
}

// login gives the user and password for a destination: the sender's own, or
// those of the next hop.
func (im *importer) login(d destination) (user, pass, place string) {
	if d.user != "" {
		return d.user, d.pass, d.from
	}
	if !isYes(im.Main.Get("smtp_sasl_auth_enable")) || d.nexthop == "" {
		return "", "", ""
	}
	ts := im.Tables("smtp_sasl_password_maps")
	hop := items(d.nexthop)[0]
	plain := strings.Trim(hop, "[]")
	if i := strings.LastIndexByte(hop, ':'); i > strings.LastIndexByte(hop, ']') {
		plain = strings.Trim(hop[:i], "[]")
	}
	for _, key := range []string{plain, hop} {
		if e, t, ok := ts.find(key, true); ok {
			user, pass, _ = strings.Cut(e.Value, ":")
			return user, pass, t.Place(e.Line)
		}
	}
	return "", "", ""
}

// clientLogin writes the user, and the password into a file of its own that only
// its owner may read.
func (im *importer) clientLogin(b *block, p *Parameters, prefix string, d destination) {
	im.use("smtp_sasl_auth_enable", "smtp_sasl_password_maps", "smtp_sender_dependent_authentication")
	if prefix != "smtp_" {
		return
	}
	user, pass, place := im.login(d)
	if user == "" {
		return
	}
	path := "secrets/" + im.tableNames.take("pass_"+user+"_"+d.nexthop)
	im.file(File{Name: path, Secret: true, Content: pass + "\n"})
	b.set("user", quote(user), place).set("pass", "file("+quote(path)+")", place)
}
