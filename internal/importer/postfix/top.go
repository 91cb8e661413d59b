package postfix

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// top is what stands outside of blocks.
func (im *importer) top() {
	b := im.doc.add(sectionTop, &block{})
	b.set("hostname", quote(im.Main.Get("myhostname")), im.place("myhostname"))
	b.set("data", `"/var/lib/postroad"`, "postroad's own")
	im.use("myhostname", "mydomain", "myorigin", "config_directory", "compatibility_level", "append_at_myorigin", "append_dot_mydomain",
		"parent_domain_matches_subdomains", "mydestination", "inet_interfaces", "proxy_interfaces")
	if limit := im.Main.Get("hopcount_limit"); isDigits(limit) {
		b.set("max_received", limit, im.place("hopcount_limit"))
		im.use("hopcount_limit")
	}
	var own []string
	for _, a := range im.Main.Items("proxy_interfaces") {
		if ip, err := netip.ParseAddr(strings.Trim(a, "[]")); err == nil {
			own = append(own, ip.String())
		}
	}
	if len(own) > 0 {
		b.set("addresses", quoteList(own), im.place("proxy_interfaces"))
	}
	for _, s := range im.Main.Overridden {
		im.leaveOnly(Left{What: s.Name, Place: s.Place(), Why: "a later line sets it again: " + im.place(s.Name)})
	}
	for _, s := range im.Broken {
		im.leaveOnly(Left{What: "a line", Place: s.Place(), Why: "it is no setting and no service"})
	}
}

// listeners are the services that take mail from the network.
func (im *importer) listeners() {
	taken := names{}
	for _, s := range im.Services {
		if s.isSMTPServer() {
			im.listener(s, taken)
			continue
		}
		im.overridesLeft(s, nil)
	}
	if len(taken) == 0 {
		im.listener(Service{Name: "smtp", Type: "inet", Command: "smtpd"}, taken)
	}
}

func (im *importer) listener(s Service, taken names) {
	p := im.Main.With(s.Overrides)
	from := im.place("inet_interfaces")
	if s.Line > 0 {
		from = (&Table{Shown: s.File}).Place(s.Line)
	}
	label := s.Name[strings.LastIndexByte(s.Name, ':')+1:]
	if s.Name == "smtp" || label == "25" {
		label = "public"
	}
	if isDigits(label) {
		label = "port_" + label
	}
	b := im.doc.add(sectionDoors, &block{head: "listener " + quote(taken.take(label)), from: from})
	binds := im.binds(s.Name)
	if len(binds) == 0 {
		b.note("the addresses of inet_interfaces are names: write them as numbers")
		binds = []string{"127.0.0.1:" + orElse(portNumber(s.Name), "25")}
	}
	b.set("bind", quoteList(binds), im.place("inet_interfaces"))
	if n := p.Get("message_size_limit"); isDigits(n) && n != "0" {
		b.set("max_message_size", quote(n+"B"), p.Place("message_size_limit"))
	}
	b.set("max_recipients", p.Get("smtpd_recipient_limit"), p.Place("smtpd_recipient_limit"))
	im.use("message_size_limit", "smtpd_recipient_limit", "inet_protocols")
	im.serverTLS(b, p)
	carried := []string{"smtpd_tls_security_level", "smtpd_tls_wrappermode", "smtpd_tls_cert_file", "smtpd_tls_key_file",
		"smtpd_tls_chain_files", "message_size_limit", "smtpd_recipient_limit", "smtpd_sasl_auth_enable", "syslog_name"}
	im.overridesLeft(s, append(carried, im.serverLogin(b, p)...))
}

// overridesLeft lists the -o of a service that nothing was made of.
func (im *importer) overridesLeft(s Service, carried []string) {
	if s.isClient() {
		carried = []string{"syslog_name"}
		for _, n := range []string{"bind_address", "bind_address6", "helo_name", "tls_security_level", "tls_wrappermode", "connect_timeout",
			"data_done_timeout", "use_tls", "enforce_tls"} {
			carried = append(carried, "smtp_"+n, "lmtp_"+n)
		}
	}
	for _, o := range s.Overrides {
		if !slices.Contains(carried, o.Name) {
			im.leaveOnly(Left{What: s.Name + " -o " + o.Name + "=" + o.Value, Place: o.Place(), Why: "a setting of this service alone, with no place in postroad's blocks"})
		}
	}
}

// binds are the addresses on which a service listens.
func (im *importer) binds(service string) []string {
	host, port := "", service
	if i := strings.LastIndexByte(service, ':'); i >= 0 {
		host, port = strings.Trim(service[:i], "[]"), service[i+1:]
	}
	if port = portNumber(port); port == "" {
		return nil
	}
	var hosts []string
	switch names := im.Main.Items("inet_interfaces"); {
	case host != "":
		hosts = []string{host}
	case slices.Contains(names, "all"):
		hosts = []string{"0.0.0.0", "::"}
	case slices.Contains(names, "loopback-only"):
		hosts = []string{"127.0.0.1", "::1"}
	default:
		hosts = names
	}
	protocols := im.Main.Get("inet_protocols")
	var out []string
	for _, h := range hosts {
		if h == "localhost" {
			h = "127.0.0.1"
		}
		a, err := netip.ParseAddr(strings.Trim(h, "[]"))
		if err != nil || protocols == "ipv4" && a.Is6() || protocols == "ipv6" && a.Is4() {
			continue
		}
		n, _ := strconv.ParseUint(port, 10, 16)
		out = append(out, netip.AddrPortFrom(a, uint16(n)).String())
	}
	return out
}

// serverTLS carries the certificate and the level of a door over.
func (im *importer) serverTLS(b *block, p *Parameters) {
	names := []string{"smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_key_file", "smtpd_tls_security_level", "smtpd_use_tls", "smtpd_tls_wrappermode"}
	im.use(names...)
	chains, keys := p.Items("smtpd_tls_chain_files"), []string(nil)
	if cert := p.Get("smtpd_tls_cert_file"); len(chains) == 0 && cert != "" && cert != "none" {
		chains = []string{cert}
		if key := p.Get("smtpd_tls_key_file"); key != "" && key != cert {
			keys = []string{key}
		}
	}
	if len(chains) == 0 {
		return
	}
	mode := map[string]string{"may": "offer", "encrypt": "require"}[p.Get("smtpd_tls_security_level")]
	switch {
	case isYes(p.Get("smtpd_tls_wrappermode")):
		mode = "implicit"
	case mode == "" && isYes(p.Get("smtpd_use_tls")):
		mode = "offer"
	case mode == "":
		mode = "none"
	}
	if mode == "none" {
		return
	}
	chains, keys = im.paths(chains), im.paths(keys)
	if missing := notThere(slices.Concat(chains, keys)); missing != "" {
		b.note("tls = %s, certificate = %s%s: %s is not on this machine", quote(mode), quoteList(chains), keyNote(keys), missing)
		im.leaveOnly(Left{What: "smtpd_tls_cert_file", Place: p.Place("smtpd_tls_cert_file"), Why: missing + " is not on this machine: the listener has the lines as a comment"})
		return
	}
	b.set("tls", quote(mode), p.Place("smtpd_tls_security_level"))
	b.set("certificate", quoteList(chains), p.Place("smtpd_tls_cert_file"))
	if len(keys) > 0 {
		b.set("key", quoteList(keys), p.Place("smtpd_tls_key_file"))
	}
}

func keyNote(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return ", key = " + quoteList(keys)
}

// notThere gives the first file that cannot be seen from here.
func notThere(paths []string) string {
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			return p
		}
	}
	return ""
}

// paths makes relative names absolute, as Postfix takes them.
func (im *importer) paths(list []string) []string {
	out := make([]string, len(list))
	for i, p := range list {
		if out[i] = p; !filepath.IsAbs(p) {
			out[i] = filepath.Join(im.Main.Get("config_directory"), p)
		}
	}
	return out
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
