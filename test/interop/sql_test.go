package interop

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
	sqltable "github.com/postroad/postroad/internal/table/sql"
	"github.com/postroad/postroad/internal/table/tabletest"
	"github.com/postroad/postroad/test/peer"
)

// asker asks a database with one query.
func sqlAsker(t *testing.T, driver, dsn, query string) remote.Asker {
	t.Helper()
	a, err := sqltable.New(sqltable.Options{Driver: driver, DSN: func() (string, error) { return dsn, nil }, Query: query, Connections: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// users is table "users" of driver, asked each time.
func sqlUsers(driver, dsn, more string) string {
	mark := map[string]string{"postgres": "$1", "mysql": "?"}[driver]
	return fmt.Sprintf(`table "sql" "users" {
  driver       = %q
  dsn          = %s
  query        = "select k from users where k = %s"
  timeout      = "1s"
  negative_ttl = "0s"
  %s
}
`, driver, quoted(dsn), mark, more)
}

func TestPostgresTable(t *testing.T) {
	t.Parallel()
	d := peer.StartPostgres(t)
	d.Exec("create table users (k text primary key, v text)")
	hostile(t, d, "postgres", "select v from users where k = $1", "insert into users values ($1, $2)")
	postgresValues(t, d)
	d.Exec("insert into users values ('known@out.test')")
	throughOutages(t, sqlUsers("postgres", d.DSN, `ttl = "0s"`), d.Process, d.Wait)
}

func TestMariaDBTable(t *testing.T) {
	t.Parallel()
	d := peer.StartMariaDB(t)
	d.Exec("create table users (k varchar(2000) character set utf8mb4 collate utf8mb4_nopad_bin, v text, key (k(100)))")
	hostile(t, d, "mysql", "select v from users where k = ?", "insert into users values (?, ?)")
	d.Exec("insert into users values ('known@out.test', '1')")
	a := sqlAsker(t, "mysql", d.DSN, "insert into users values (?, 1)")
	if got := a.Lookup(t.Context(), "x"); got.Status != table.TryLater {
		t.Errorf("a session can write: %+v", got)
	}
	throughOutages(t, sqlUsers("mysql", d.DSN, `ttl = "0s"`), d.Process, d.Wait)
}

// hostile stores every other hostile key; each finds its own row or nothing.
func hostile(t *testing.T, d *peer.Database, driver, query, insert string) {
	t.Helper()
	keys := slices.DeleteFunc(append(tabletest.HostileKeys(), tabletest.Raw()...), func(k string) bool { return k == "" })
	db := d.Admin()
	defer db.Close()
	stored := map[string]string{}
	for i, k := range keys {
		if i%2 != 0 {
			continue
		}
		if _, err := db.Exec(insert, k, fmt.Sprint(i)); err == nil {
			stored[k] = fmt.Sprint(i)
		}
	}
	if len(stored) < len(tabletest.HostileKeys())/2 {
		t.Fatalf("only %d keys could be stored", len(stored))
	}
	a := sqlAsker(t, driver, d.DSN, query)
	check := func(k string, got table.Answer) {
		v, there := stored[k]
		switch {
		case there && (got.Status != table.Found || !slices.Equal(got.Values, []string{v})):
			t.Errorf("%s: %q: %+v, want %s", driver, k, got, v)
		case !there && got.Status != table.NotFound:
			t.Errorf("%s: %q: %+v, want not found", driver, k, got)
		}
	}
	for _, k := range keys {
		check(k, a.Lookup(t.Context(), k))
	}
	if b, can := a.(remote.Batcher); can {
		for i, got := range b.LookupAll(t.Context(), keys) {
			check(keys[i], got)
		}
	}
	var n int
	if err := db.QueryRow("select count(*) from users").Scan(&n); err != nil || n != len(stored) {
		t.Errorf("%s: %d rows, %v", driver, n, err)
	}
}

// postgresValues: types, NULL, several rows, read-only sessions, and a key that
// is wrong for the column next to one that is not.
func postgresValues(t *testing.T, d *peer.Database) {
	t.Helper()
	d.Exec("create table things (id int, a text, b numeric, c bool)")
	d.Exec("insert into things values (1, 'x', 1.5, true), (1, null, null, null), (2, null, null, null), (3, '', 7, false)")
	a := sqlAsker(t, "postgres", d.DSN, "select a, b, c from things where id::text = $1 order by a")
	for key, want := range map[string][]string{"1": {"x", "1.5", "true"}, "2": nil, "3": {"7", "false"}} {
		if got := a.Lookup(t.Context(), key); got.Status != table.Found || !slices.Equal(got.Values, want) {
			t.Errorf("%s: %+v, want %q", key, got, want)
		}
	}
	if got := sqlAsker(t, "postgres", d.DSN, "insert into things (a) values ($1) returning a").Lookup(t.Context(), "x"); got.Status != table.TryLater {
		t.Errorf("a session can write: %+v", got)
	}
	numbers := sqlAsker(t, "postgres", d.DSN, "select id from things where id = $1").(remote.Batcher)
	for i, got := range numbers.LookupAll(t.Context(), []string{"1", "ann", "9", "3"}) {
		if want := []table.Status{table.Found, table.TryLater, table.NotFound, table.Found}[i]; got.Status != want {
			t.Errorf("%d: %+v", i, got)
		}
	}
}

// With stale, who was known stays known while the database is away, and who was
// never asked for is deferred.
func TestStaleAnswersOverAnOutage(t *testing.T) {
	t.Parallel()
	d := peer.StartPostgres(t)
	d.Exec("create table users (k text primary key)")
	d.Exec("insert into users values ('known@out.test')")
	o := startOutage(t, sqlUsers("postgres", d.DSN, "ttl = \"1s\"\n  stale = \"1h\""))
	o.becomes(250, 550)
	d.End()
	time.Sleep(2 * time.Second)
	o.stays(2*time.Second, 250, 550)
	d.Start()
	d.Wait()
	o.becomes(250, 550)
}

// A SQLite file that is put in place of another is read, one that vanishes defers.
func TestSQLiteTable(t *testing.T) {
	t.Parallel()
	dir := peer.Dir(t)
	path := filepath.Join(dir, "users.db")
	write := func(path string, users ...string) {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("create table users (k text primary key)"); err != nil {
			t.Fatal(err)
		}
		for _, u := range users {
			if _, err := db.Exec("insert into users values (?)", u); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(path, "known@out.test")
	o := startOutage(t, fmt.Sprintf("table \"sql\" \"users\" {\n  driver = \"sqlite\"\n  dsn = %s\n  query = \"select 1 from users where k = ?\"\n  ttl = \"0s\"\n  negative_ttl = \"0s\"\n  timeout = \"1s\"\n}\n", quoted(path)))
	o.becomes(250, 550)
	peer.Run(t, "mv", path, path+".away")
	o.becomes(451, 451)
	write(path, "known@out.test", "other@out.test")
	o.becomes(250, 550)
}
