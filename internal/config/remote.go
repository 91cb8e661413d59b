package config

import (
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// remoteKind is a kind of table that is asked over something that can fail.
type remoteKind struct {
	name string
	// build fills in the kind's own definition.
	build func(l *loader, b *block, r *Remote)
}

// remoteKinds are all of them, in the order of the documentation. server/tables.go
// says how each is opened.
func remoteKinds() []remoteKind {
	return []remoteKind{
		{"sql", (*loader).sqlTable},
		{"redis", (*loader).redisTable},
		{"ldap", (*loader).ldapTable},
		{"http", (*loader).httpTable},
		{"socketmap", (*loader).postfixTable},
		{"tcp", (*loader).postfixTable},
	}
}

// remote builds what all kinds share, and what the kind has of its own.
func (l *loader) remote(b *block) *Remote {
	r := &Remote{
		Timeout:     get[time.Duration](b, "timeout"),
		Connections: get[int](b, "connections"),
		TTL:         get[time.Duration](b, "ttl"),
		NegativeTTL: get[time.Duration](b, "negative_ttl"),
		Stale:       get[time.Duration](b, "stale"),
		Cache:       get[int64](b, "cache"),
	}
	l.positive(b, "timeout")
	for _, k := range remoteKinds() {
		if k.name == b.kind.name {
			k.build(l, b, r)
		}
	}
	return r
}

// keyMark stands for the key where a text is made with it.
const keyMark = "{key}"

// ca is the file of a server's certificate authorities.
func (l *loader) ca(b *block) string {
	f := get[filePath](b, "ca")
	l.needFile(b, "ca", f)
	return f.path
}

func (l *loader) sqlTable(b *block, r *Remote) {
	d := &SQL{Driver: get[string](b, "driver"), DSN: get[*Secret](b, "dsn"), Query: get[string](b, "query")}
	r.SQL = d
	if b.bad {
		return
	}
	l.needSecret(b, "dsn", d.DSN)
	if holdsPassword(d.DSN.Text) {
		l.errorf(b.place("dsn"), "a password never stands in the configuration").detail(`write env("NAME") or file("path") for the whole dsn`)
	}
	if d.Driver == "sqlite" && d.DSN.Text != "" && !strings.HasPrefix(d.DSN.Text, "file:") && !filepath.IsAbs(d.DSN.Text) {
		d.DSN.Text = filepath.Join(l.folder, d.DSN.Text)
	}
	l.sqlQuery(b, d)
}

// holdsPassword finds a password in a data source name: user:pass@host, or
// password=.
func holdsPassword(dsn string) bool {
	return regexp.MustCompile(`^([a-z]+://)?[^:/@]*:[^/@].*@`).MatchString(dsn) ||
		regexp.MustCompile(`(?i)(^|[\s?&;])password\s*=`).MatchString(dsn)
}

// sqlQuery holds a query against the one parameter that it gets.
func (l *loader) sqlQuery(b *block, d *SQL) {
	mark, at := "?", b.place("query")
	if d.Driver == "postgres" {
		mark = "$1"
	}
	bare := regexp.MustCompile(`'[^']*'`).ReplaceAllString(d.Query, "''")
	count := strings.Count(bare, mark)
	switch {
	case strings.Contains(d.Query, "'"+mark+"'"), strings.Contains(d.Query, "'%s'"):
		l.errorf(at, "the key is a parameter, not a part of the query's text").detail("write %s, without quotes", mark)
	case count == 0:
		l.errorf(at, "the query does not ask for the key").detail("with driver %s it stands where %s is written", d.Driver, mark)
	case count > 1 && mark == "?":
		l.errorf(at, "the query has %d parameters, and the key is one", count).
			detail("to use it twice: select … from (select ? as k) as key join …")
	}
}
