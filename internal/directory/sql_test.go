package directory

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// hashTable is a SQLite file with users(name, hash, spelled).
func hashTable(t *testing.T) (*sql.DB, *config.Directory) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("create table users (name text primary key collate nocase, hash text, spelled text)"); err != nil {
		t.Fatal(err)
	}
	return db, &config.Directory{Name: "staff", Kind: "sql", Connections: 4, SQL: &config.SQL{
		Driver: "sqlite", DSN: &config.Secret{Text: path}, Query: "select hash, spelled from users where name = ?",
	}}
}

func user(t *testing.T, db *sql.DB, name string, hash, spelled any) {
	t.Helper()
	if _, err := db.Exec("insert into users values (?, ?, ?)", name, hash, spelled); err != nil {
		t.Fatal(err)
	}
}

func TestSQL(t *testing.T) {
	db, dir := hashTable(t)
	user(t, db, "ann", argonPassword, nil)
	user(t, db, "Bob", "{BLF-CRYPT}"+bcryptOf(t, "password"), "bob@example.com")
	user(t, db, "locked", nil, nil)
	user(t, db, "broken", "secret", nil)
	user(t, db, "odd", argonPassword, "a\nb")
	a := ask(t, dir)
	a.expect("ann", "password", "staff/ann")
	a.expect("ANN", "password", "staff/ANN") // who wants one spelling gives it in the second column
	a.expect("BOB", "password", "staff/bob@example.com")
	for _, name := range []string{"ann", "Bob", "nobody", "locked"} {
		before := a.hasher.computed.Load()
		a.expect(name, "wrong", ErrWrong)
		if n := a.hasher.computed.Load() - before; n != 1 {
			t.Errorf("%s: %d hashes computed", name, n)
		}
	}
	a.expect("broken", "secret", ErrUnavailable)
	a.expect("odd", "password", ErrUnavailable)
	if _, err := db.Exec("drop table users"); err != nil {
		t.Fatal(err)
	}
	a.expect("ann", "password", ErrUnavailable)
	a.expect("nobody", "password", ErrUnavailable)
}

func TestSQLWithMoreThanOneRow(t *testing.T) {
	db, dir := hashTable(t)
	user(t, db, "ann", argonPassword, "ann")
	user(t, db, "bob", argonPassword, "bob")
	dir.SQL.Query = "select hash, spelled from users where ? <> ''"
	ask(t, dir).expect("ann", "password", ErrUnavailable)
}

// Whatever a name holds, it is that name and no other.
func TestHostileNamesInSQL(t *testing.T) {
	t.Parallel()
	db, dir := hashTable(t)
	user(t, db, "ann", argonPassword, nil)
	keys := tabletest.HostileKeys()
	for i, name := range keys {
		if i%2 == 0 && plausible(Attempt{Name: name, Password: "x"}) {
			user(t, db, name, argonPassword, name)
		}
	}
	a := ask(t, dir)
	tried := 0
	for i, name := range keys {
		if !plausible(Attempt{Name: name, Password: "x"}) {
			a.expect(name, "password", ErrWrong)
			continue
		}
		tried++
		a.from = everywhere(i)
		if i%2 == 0 {
			a.expect(name, "password", "staff/"+name)
		} else {
			a.expect(name, "password", ErrWrong)
		}
	}
	if tried < 200 {
		t.Errorf("only %d names", tried)
	}
	for _, name := range tabletest.Raw() {
		a.expect(name, "password", ErrWrong)
	}
}
