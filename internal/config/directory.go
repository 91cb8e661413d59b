package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/postroad/postroad/internal/decide"
)

// Directory is a source of logins. Of the definitions at its end one is there,
// that of its kind.
type Directory struct {
	Name        string
	Source      string
	Kind        string        // file, sql, ldap, dovecot, http
	Timeout     time.Duration // for one answer; 0: none
	Connections int           // attempts at once
	Cache       time.Duration // how long a yes is believed; 0: not at all

	Path    string     // file: name:hash a line; $argon2id$… or $2y$…
	SQL     *SQL       // the query gives a hash, and the name if it likes
	LDAP    *LDAPLogin // ldap
	Address string     // dovecot: unix:/path or host:port
	HTTP    *HTTPLogin // http
}

// LDAPLogin is a directory that is bound to as the user: by the DN of Bind, or
// by one that Filter finds below Base.
type LDAPLogin struct {
	LDAPServer
	Bind      string // a DN with {name}
	Base      string
	Filter    string // with {name}
	Attribute string // that spells the name; "": as it was given
}

// HTTPLogin is a service that is asked by POST.
type HTTPLogin struct {
	URL    string
	Secret *Secret // nil: none
	CA     string  // PEM file; "": the system's
}

// PlaceName is the placeholder of a login's name.
const PlaceName = "{name}"

// Equal tells whether two definitions mean the same directory.
func (d *Directory) Equal(other *Directory) bool {
	a, b := *d, *other
	a.Source, b.Source = "", "" // a line above it changes nothing
	return reflect.DeepEqual(a, b)
}

// maxCache bounds how long a directory is believed that may have changed its mind.
const maxCache = time.Hour

func (l *loader) buildDirectories(rules *decide.Rules) {
	l.config.Directories = map[string]*Directory{}
	for _, b := range l.blocks["directory"] {
		l.config.Directories[b.name] = l.directory(b)
		d := decide.Directory{Name: b.name, Tenant: b.tenant, Owns: decide.NoTable, Source: b.source()}
		if b.given("owns") {
			t := get[ref](b, "owns")
			d.Owns = l.tableID(t)
			if t.typ != "" {
				l.fits(t, useOf("owns"))
			}
		}
		through := get[[]string](b, "owns_through")
		d.Through = decide.OwnsThrough{AliasOf: slices.Contains(through, "alias_of"), Aliases: slices.Contains(through, "aliases")}
		if len(through) > 0 && !b.given("owns") && !b.bad {
			l.errorf(b.place("owns_through"), "owns_through without owns: a login may use any sender")
		}
		rules.Directories = append(rules.Directories, d)
	}
}

func (l *loader) directory(b *block) *Directory {
	d := &Directory{
		Name: b.name, Source: b.source(), Kind: b.kind.name,
		Timeout: get[time.Duration](b, "timeout"), Cache: get[time.Duration](b, "cache"), Connections: get[int](b, "connections"),
	}
	l.positive(b, "timeout")
	if d.Cache > maxCache {
		l.errorf(b.place("cache"), "a password that was changed would be good for too long").detail("at most 1h")
	}
	switch d.Kind {
	case "file":
		path := get[filePath](b, "path")
		l.needFile(b, "path", path)
		d.Path = path.path
	case "sql":
		r := &Remote{}
		l.sqlTable(b, r)
		d.SQL = r.SQL
	case "ldap":
		d.LDAP = l.ldapLogin(b)
	case "dovecot":
		d.Address = l.dovecotAddress(b)
	case "http":
		d.HTTP = l.httpLogin(b)
	}
	return d
}

func (l *loader) httpLogin(b *block) *HTTPLogin {
	h := &HTTPLogin{URL: l.url(b, "url", "https", "http"), Secret: get[*Secret](b, "secret"), CA: get[filePath](b, "ca").path}
	l.needFile(b, "ca", get[filePath](b, "ca"))
	if h.Secret != nil {
		l.needSecret(b, "secret", h.Secret)
	}
	return h
}

func (l *loader) ldapLogin(b *block) *LDAPLogin {
	d := &LDAPLogin{
		LDAPServer: l.ldapServer(b),
		Bind:       get[string](b, "bind"), Base: get[string](b, "base"), Filter: get[string](b, "filter"), Attribute: get[string](b, "attribute"),
	}
	if !b.bad {
		l.waysToBind(b, d)
	}
	return d
}

// waysToBind: a DN of the name, or a search for it.
func (l *loader) waysToBind(b *block, d *LDAPLogin) {
	search := b.given("base") || b.given("filter")
	switch {
	case b.given("bind") == search:
		l.errorf(b.at, "ldap directory %q has either bind, or base and filter", b.name)
	case search && (d.Base == "" || d.Filter == ""):
		l.errorf(b.at, "base and filter belong together")
	case search:
		l.ldapFilter(b, d.Filter, PlaceName)
	case !search && !strings.Contains(d.Bind, PlaceName):
		l.errorf(b.place("bind"), "the DN does not hold {name}")
	case b.given("user") || b.given("attribute"):
		l.errorf(b.at, "user, pass and attribute are for a search")
	}
}

// dovecotAddress is that of a service which is told passwords.
func (l *loader) dovecotAddress(b *block) string {
	s := l.address(b)
	if host, _, err := net.SplitHostPort(s); !b.bad && err == nil && !strings.HasPrefix(s, "unix:") && !isLoopback(host) {
		l.warnf(b.place("address"), "passwords go to another machine in clear")
	}
	return s
}

// address reads unix:/path or host:port.
func (l *loader) address(b *block) string {
	s := get[string](b, "address")
	if path, is := strings.CutPrefix(s, "unix:"); is {
		if path != "" && !filepath.IsAbs(path) {
			l.errorf(b.place("address"), "the path of a socket file starts with /")
		}
		return s
	}
	if host, port, err := net.SplitHostPort(s); !b.bad && (err != nil || host == "" || port == "") {
		l.errorf(b.place("address"), `%q is neither "unix:/path" nor "host:port"`, s)
	}
	return s
}

// url reads a URL whose scheme is one of those that are known; the first of them
// is the encrypted one.
func (l *loader) url(b *block, name string, schemes ...string) string {
	s := get[string](b, name)
	u, err := url.Parse(s)
	switch {
	case b.bad:
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		l.errorf(b.place(name), "%q is no URL of %s", s, strings.Join(schemes, " or "))
	case u.User != nil:
		l.errorf(b.place(name), "a password never stands in the configuration")
	case u.Fragment != "":
		l.errorf(b.place(name), "a URL that is asked has no fragment")
	case u.Scheme != schemes[0] && !isLoopback(u.Hostname()) && !get[bool](b, "starttls"):
		l.warnf(b.place(name), "what is sent to another machine goes in clear").hint("write " + schemes[0] + "://")
	}
	return s
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
