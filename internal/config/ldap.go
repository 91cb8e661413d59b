package config

import (
	"strings"

	"github.com/postroad/postroad/internal/table/ldap"
)

// LDAPServer is one that speaks LDAP, and who searches there.
type LDAPServer struct {
	URL      string // ldap://host:port, ldaps://host:port
	StartTLS bool
	CA       string  // PEM file; "": the system's
	User     string  // a DN; "": nobody
	Pass     *Secret // nil: none
}

// LDAP is a search, the values of which are those of a table.
type LDAP struct {
	LDAPServer
	Base       string
	Filter     string   // with {key}
	Attributes []string // whose values are taken; none: an entry is found
}

// ldapServerFields are shared by tables and directories.
func ldapServerFields() []field {
	return []field{
		{name: "url", typ: typeText, required: true, doc: "`ldaps://host` or `ldap://host`, with a port where it is another.", example: `"ldaps://ldap.example.com"`},
		{name: "starttls", typ: typeBool, def: "false", doc: "Encrypt an `ldap://` connection.", example: "true"},
		caField(),
		{name: "user", typ: typeText, doc: "DN of who searches; `pass` belongs to it. Absent: nobody binds.", example: `"cn=postroad,dc=example,dc=com"`},
		{name: "pass", typ: typeSecret, doc: "Password of who searches, read at each new connection.", example: `env("LDAP_PASS")`},
	}
}

func ldapFields() []field {
	return remoteFields(append(ldapServerFields(),
		field{name: "base", typ: typeText, required: true, doc: "Where to search: there and below.", example: `"dc=example,dc=com"`},
		field{name: "filter", typ: typeText, required: true, doc: "What to search for, with `{key}` for the key that is looked up.", example: `"(mail={key})"`},
		field{name: "attribute", typ: typeTexts, doc: "Attributes of the entries whose values are taken. Absent: an entry is found, without values.", example: `"uid"`},
	)...)
}

func (l *loader) ldapTable(b *block, r *Remote) {
	r.LDAP = &LDAP{LDAPServer: l.ldapServer(b), Base: get[string](b, "base"), Filter: get[string](b, "filter")}
	for _, a := range get[[]text](b, "attribute") {
		if !isAttribute(a.s) {
			l.errorf(a.at, "%q is no name of an attribute", a.s)
		}
		r.LDAP.Attributes = append(r.LDAP.Attributes, a.s)
	}
	if !b.bad {
		l.ldapFilter(b, r.LDAP.Filter, keyMark)
	}
}

func (l *loader) ldapServer(b *block) LDAPServer {
	errors := l.errors
	s := LDAPServer{
		URL: l.url(b, "url", "ldaps", "ldap"), StartTLS: get[bool](b, "starttls"), CA: l.ca(b),
		User: get[string](b, "user"), Pass: get[*Secret](b, "pass"),
	}
	l.needSecret(b, "pass", s.Pass)
	if b.bad || l.errors > errors {
		return s
	}
	if _, err := ldap.Parse(s.URL); err != nil {
		l.errorf(b.place("url"), "%v", err).detail("base says where to search")
	}
	if s.StartTLS && strings.HasPrefix(s.URL, "ldaps:") {
		l.errorf(b.place("starttls"), "ldaps is encrypted from the first octet")
	}
	if (s.User == "") != (s.Pass == nil) {
		l.errorf(b.at, "%s %q has one of user and pass, which belong together", b.title(), b.name)
	}
	return s
}

// ldapFilter holds that a filter is one, and that it asks for what the mark stands for.
func (l *loader) ldapFilter(b *block, filter, mark string) {
	if _, err := ldap.ParseFilter(filter, mark); err != nil {
		l.errorf(b.place("filter"), "%v", err).detail("as in (mail=%s)", mark)
	}
}

// isAttribute is a name without options (RFC 4512 s2.5). A server answers with
// names when it is asked by number.
func isAttribute(s string) bool {
	return s != "" && (s[0]|0x20) >= 'a' && (s[0]|0x20) <= 'z' && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
	})
}
