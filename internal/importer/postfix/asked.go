package postfix

import (
	"errors"
	"net"
	"strings"
)

// askedWhy is what the report says where a table cannot stand with others.
const askedWhy = "it is asked when mail comes; postroad takes one such table here, alone, or several of one database that give one column"

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
	switch {
	case ts.IsEmpty() || !ts.List[0].isAsked():
		return "", false
	case len(ts.List) == 1:
		ref, ok = im.askedTable(ts.Parameter, ts.List[0])
	default:
		ref, ok = im.askedTogether(ts)
	}
	if !ok {
		return "", false
	}
	im.use(ts.Parameter)
	im.result.unasked[ts.Parameter] = im.differ(Left{What: ts.Parameter + " = " + ts.words(), Place: im.place(ts.Parameter),
		Why: "it is asked when mail comes, and was not asked for this report"})
	return ref, true
}

// askedTogether makes one table of several of one database, once: each query is
// asked for what those before it do not have.
func (im *importer) askedTogether(ts Tables) (string, bool) {
	key := ts.words()
	if ref, done := im.askedRefs[key]; done {
		return ref, ref != ""
	}
	im.askedRefs[key] = ""
	d := dialects()[ts.List[0].kind]
	var queries, places []string
	source := ""
	for _, t := range ts.List {
		p, err := im.settings(t)
		if err != nil || d.driver == "" || t.kind != ts.List[0].kind || source != "" && d.source(p) != source {
			return "", false
		}
		source = d.source(p)
		queries, places = append(queries, sqlQuery(p)), append(places, t.Shown)
	}
	query, ok := d.firstOf(queries)
	if !ok {
		return "", false
	}
	p, _ := im.settings(ts.List[0]) // it was read before
	label := im.tableNames.take(ts.Parameter)
	b := &block{head: `table "sql" ` + quote(label), from: strings.Join(places, ", ")}
	im.sqlSource(b, d, p, label)
	b.set("query", quote(query), "")
	im.doc.add(sectionTables, b)
	im.askedRefs[key] = "table." + label
	return im.askedRefs[key], true
}

// words are the tables as main.cf names them.
func (ts Tables) words() string {
	out := make([]string, len(ts.List))
	for i, t := range ts.List {
		out[i] = t.String()
	}
	return strings.Join(out, ", ")
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
	im.sqlSource(b, d, p, label)
	b.set("query", quote(query), p.Place("query"))
	return nil
}

// sqlSource sets where a database is; what may hold a password goes to a file.
func (im *importer) sqlSource(b *block, d dialect, p *Parameters, label string) {
	b.set("driver", quote(d.driver), "")
	if d.driver == "sqlite" {
		b.set("dsn", quote(d.source(p)), p.Place("dbpath"))
		return
	}
	secret := "secrets/dsn_" + label
	im.file(File{Name: secret, Secret: true, Content: d.source(p) + "\n"})
	b.set("dsn", "file("+quote(secret)+")", p.Place("hosts"))
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
	if d.driver == "sqlite" {
		return p.raw("dbpath")
	}
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
