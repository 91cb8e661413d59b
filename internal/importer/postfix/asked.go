package postfix

import (
	"errors"
	"net"
	"strings"
)

// askedWhy is what the report says where a table cannot stand with others.
const askedWhy = "it is asked when mail comes; postroad takes one such table here, alone"

// isAsked tells types that are asked at run time, for which postroad has kinds.
func (s spec) isAsked() bool {
	switch s.kind {
	case "pgsql", "mysql", "sqlite", "ldap", "socketmap", "tcp":
		return true
	}
	return false
}

// hasUnread tells that no answer is known from the files alone.
func (ts Tables) hasUnread() bool {
	for _, t := range ts.List {
		if t.Why != "" {
			return true
		}
	}
	return false
}

// asked gives the table that is asked in the place of a parameter's, where that
// names it and no other. What it answers is not in the report.
func (im *importer) asked(ts Tables) (ref string, ok bool) {
	if len(ts.List) != 1 || !ts.List[0].isAsked() {
		return "", false
	}
	t := ts.List[0]
	if ref, ok = im.askedTable(ts.Parameter, t); !ok {
		return "", false
	}
	im.use(ts.Parameter)
	im.result.unasked[ts.Parameter] = im.differ(Left{What: ts.Parameter + " = " + t.String(), Place: im.place(ts.Parameter),
		Why: "it is asked when mail comes, and was not asked for this report"})
	return ref, true
}

// askedTable writes the block of a table, once.
func (im *importer) askedTable(parameter string, t *Table) (string, bool) {
	if ref, done := im.askedRefs[t.String()]; done {
		return ref, ref != ""
	}
	im.askedRefs[t.String()] = ""
	label := t.base()
	if t.kind == "tcp" || t.kind == "socketmap" {
		label = parameter
	}
	label = im.tableNames.take(label)
	b := &block{from: t.Shown}
	var err error
	switch t.kind {
	case "pgsql", "mysql", "sqlite":
		err = im.sqlTable(b, t, label)
	case "ldap":
		err = im.ldapTable(b, t, label)
	case "socketmap":
		err = socketTable(b, t.name, label)
	case "tcp":
		b.head = `table "tcp" ` + quote(label)
		b.set("address", quote(t.name), "")
	}
	if err != nil {
		t.Why = err.Error()
		return "", false
	}
	im.doc.add(sectionTables, b)
	im.askedRefs[t.String()] = "table." + label
	return "table." + label, true
}

// settings reads the *.cf file of a table.
func (im *importer) settings(t *Table) (*Parameters, error) {
	text, err := readText(im.locate(t.name))
	if err != nil {
		return nil, errors.New("its file cannot be read")
	}
	t.Shown = im.shown(t.name)
	p := ParseMain(t.Shown, text)
	if f := p.raw("result_format"); f != "" && f != "%s" {
		return nil, errors.New("result_format " + f + " has no place in a query: write it into the columns")
	}
	if p.raw("domain") != "" {
		return nil, errors.New("its domain parameter bounds what is asked: write it into the query")
	}
	return p, nil
}

func (im *importer) sqlTable(b *block, t *Table, label string) error {
	p, err := im.settings(t)
	if err != nil {
		return err
	}
	d := dialects()[t.kind]
	query, ok := d.translated(sqlQuery(p))
	if !ok {
		return errors.New("its query has more than %s, %u and %d, or none of them")
	}
	b.head, b.from = `table "sql" `+quote(label), t.Shown
	b.set("driver", quote(d.driver), "")
	if t.kind == "sqlite" {
		b.set("dsn", quote(p.raw("dbpath")), p.Place("dbpath"))
	} else {
		secret := "secrets/dsn_" + label
		im.file(File{Name: secret, Secret: true, Content: d.source(p) + "\n"})
		b.set("dsn", "file("+quote(secret)+")", p.Place("hosts"))
	}
	b.set("query", quote(query), p.Place("query"))
	return nil
}

// sqlQuery is the query, or what the parameters of old files say.
func sqlQuery(p *Parameters) string {
	if q := p.raw("query"); q != "" {
		return q
	}
	if p.raw("select_field") == "" || p.raw("table") == "" || p.raw("where_field") == "" {
		return ""
	}
	return strings.TrimSpace("select " + p.raw("select_field") + " from " + p.raw("table") + " where " + p.raw("where_field") + " = '%s' " +
		p.raw("additional_conditions"))
}

// source is the data source name; of several hosts the first.
func (d dialect) source(p *Parameters) string {
	host := "localhost"
	if hosts := items(p.raw("hosts")); len(hosts) > 0 {
		host = hosts[0]
	}
	host = strings.TrimPrefix(host, "inet:")
	path, local := strings.CutPrefix(host, "unix:")
	if d.driver == "mysql" {
		where := "tcp(" + withPort(host, "3306") + ")"
		if local || host == "localhost" {
			where = "unix(" + orElse(path, "/run/mysqld/mysqld.sock") + ")"
			if !local {
				where = "unix(/run/mysqld/mysqld.sock)"
			}
		}
		return p.raw("user") + ":" + p.raw("password") + "@" + where + "/" + p.raw("dbname")
	}
	if strings.HasPrefix(host, "postgresql://") || strings.HasPrefix(host, "postgres://") {
		return host
	}
	out := []string{"host=" + dsnValue(path)}
	if !local {
		name, port, _ := net.SplitHostPort(withPort(host, "5432"))
		out = []string{"host=" + dsnValue(name), "port=" + port}
	}
	for _, f := range [][2]string{{"user", "user"}, {"password", "password"}, {"dbname", "dbname"}} {
		if v := p.raw(f[1]); v != "" {
			out = append(out, f[0]+"="+dsnValue(v))
		}
	}
	return strings.Join(out, " ")
}

// dsnValue quotes as libpq's connection strings do.
func dsnValue(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(host, port)
}

// socketTable is socketmap:inet:host:port:map or socketmap:unix:path:map.
func socketTable(b *block, name, label string) error {
	i := strings.LastIndexByte(name, ':')
	network, address, ok := strings.Cut(name[:max(i, 0)], ":")
	if i < 0 || !ok {
		return errors.New("it is no socketmap:inet:host:port:name")
	}
	if network == "unix" {
		address = "unix:" + address
	}
	b.head = `table "socketmap" ` + quote(label)
	b.set("address", quote(address), "").set("map", quote(name[i+1:]), "")
	return nil
}
