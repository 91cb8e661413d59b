package postfix

import (
	"errors"
	"net"
	"strings"
)

// ldapTable is ldap_table(5), as far as one filter and one attribute say it.
func (im *importer) ldapTable(b *block, t *Table, label string) error {
	p, err := im.settings(t)
	if err != nil {
		return err
	}
	filter := orElse(p.raw("query_filter"), "(mailacceptinggeneralid=%s)")
	attributes := items(orElse(p.raw("result_attribute"), "maildrop"))
	switch {
	case strings.Contains(strings.ReplaceAll(filter, "%s", ""), "%"):
		return errors.New("its query_filter has more than %s")
	case p.raw("special_result_attribute") != "" || p.raw("leaf_result_attribute") != "":
		return errors.New("it follows attributes to other entries")
	case p.raw("scope") != "" && p.raw("scope") != "sub":
		return errors.New("its scope is not all of the subtree")
	}
	b.head, b.from = `table "ldap" `+quote(label), t.Shown
	b.set("url", quote(ldapURL(p)), p.Place("server_host"))
	if isYes(p.raw("start_tls")) {
		b.set("starttls", "true", p.Place("start_tls"))
	}
	// Postfix 3.7 binds unless it is told not to.
	if dn := p.raw("bind_dn"); dn != "" && p.raw("bind") != "no" && p.raw("bind") != "none" {
		secret := "secrets/bind_" + label
		im.file(File{Name: secret, Secret: true, Content: p.raw("bind_pw") + "\n"})
		b.set("user", quote(dn), p.Place("bind_dn")).set("pass", "file("+quote(secret)+")", p.Place("bind_pw"))
	}
	b.set("base", quote(p.raw("search_base")), p.Place("search_base"))
	b.set("filter", quote(strings.ReplaceAll(filter, "%s", "{key}")), p.Place("query_filter"))
	b.set("attribute", quoteList(attributes), p.Place("result_attribute"))
	return nil
}

// ldapURL is the first server.
func ldapURL(p *Parameters) string {
	host := "localhost"
	if hosts := items(p.raw("server_host")); len(hosts) > 0 {
		host = hosts[0]
	}
	if strings.Contains(host, "://") {
		return strings.TrimSuffix(host, "/")
	}
	if port := p.raw("server_port"); port != "" && port != "389" {
		host = net.JoinHostPort(host, port)
	}
	return "ldap://" + host
}
