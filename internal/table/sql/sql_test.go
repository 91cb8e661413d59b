package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
)

// database makes a SQLite file and gives its path.
func database(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a b?c%d.db") // what a URI would take for something else
	change(t, path, statements...)
	return path
}

func change(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", uri(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(s, err)
		}
	}
}

func asker(t *testing.T, path, query string) remote.Asker {
	t.Helper()
	a, err := New(Options{Driver: "sqlite", DSN: func() (string, error) { return path, nil }, Query: query, Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestRowsAreValues(t *testing.T) {
	path := database(t, "create table users (k, a, b)", `insert into users values
		('one', 'x', null), ('two', 'x', 'y'), ('two', 'z', ''), ('null', null, null), ('number', 12, 1.5), ('blob', x'61', 1)`)
	a := asker(t, path, "select a, b from users where k = ? order by rowid")
	for key, want := range map[string][]string{
		"one": {"x"}, "two": {"x", "y", "z"}, "null": nil, "number": {"12", "1.5"}, "blob": {"a", "1"},
	} {
		if got := a.Lookup(t.Context(), key); got.Status != table.Found || !slices.Equal(got.Values, want) {
			t.Errorf("%s: %+v, want %q", key, got, want)
		}
	}
	if got := a.Lookup(t.Context(), "three"); got.Status != table.NotFound {
		t.Errorf("%+v", got)
	}
}

// The answer is that of the literal key: each hostile key finds its own row, and
// where that is missing, nothing.
func TestHostileKeysAreKeys(t *testing.T) {
	path := database(t, "create table users (k text primary key, v text)", "create table other (k text)")
	keys := append(tabletest.HostileKeys(), tabletest.Raw()...)
	db, err := sql.Open("sqlite", uri(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, k := range keys {
		if i%2 == 0 {
			if _, err := db.Exec("insert into users values (?, ?)", k, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	a := asker(t, path, "select v from users where k = ?")
	for i, k := range keys {
		got := a.Lookup(t.Context(), k)
		there := i%2 == 0 && isText(k)
		switch {
		case there && (got.Status != table.Found || !slices.Equal(got.Values, []string{fmt.Sprint(i)})):
			t.Errorf("%q: %+v, want %d", k, got, i)
		case !there && got.Status != table.NotFound:
			t.Errorf("%q: %+v, want not found", k, got)
		}
	}
}

func FuzzKey(f *testing.F) {
	for _, k := range append(tabletest.HostileKeys(), tabletest.Raw()...) {
		f.Add(k)
	}
	path := filepath.Join(f.TempDir(), "db")
	db, err := sql.Open("sqlite", uri(path))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := db.Exec("create table users (k text); insert into users values ('there')"); err != nil {
		f.Fatal(err)
	}
	db.Close()
	a, err := New(Options{Driver: "sqlite", DSN: func() (string, error) { return path, nil }, Query: "select 1 from users where k = ?"})
	if err != nil {
		f.Fatal(err)
	}
	defer a.Close()
	f.Fuzz(func(t *testing.T, key string) {
		want := table.NotFound
		if key == "there" {
			want = table.Found
		}
		if got := a.Lookup(t.Context(), key); got.Status != want {
			t.Errorf("%q: %+v", key, got)
		}
	})
}

func TestNothingIsWritten(t *testing.T) {
	path := database(t, "create table users (k)", "insert into users values ('x')")
	a := asker(t, path, "insert into users values (?) returning k")
	if got := a.Lookup(t.Context(), "y"); got.Status != table.TryLater {
		t.Errorf("%+v", got)
	}
	if got := asker(t, path, "select k from users where k = ?").Lookup(t.Context(), "y"); got.Status != table.NotFound {
		t.Errorf("%+v", got)
	}
}

// A file that is not there is no empty database, and is not made.
func TestMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	a := asker(t, path, "select 1 from users where k = ?")
	if got := a.Lookup(t.Context(), "x"); got.Status != table.TryLater || got.Cause == nil {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file was made")
	}
	change(t, path, "create table users (k)", "insert into users values ('x')")
	if got := a.Lookup(t.Context(), "x"); got.Status != table.Found {
		t.Errorf("the file is there now: %+v", got)
	}
}

func TestBrokenQueries(t *testing.T) {
	path := database(t, "create table users (k)")
	for _, query := range []string{"select 1 from nowhere where k = ?", "selec", "select ? + ?"} {
		if got := asker(t, path, query).Lookup(t.Context(), "x"); got.Status != table.TryLater || got.Cause == nil {
			t.Errorf("%q: %+v", query, got)
		}
	}
}

// A data source name may hold a password, which no explanation shows.
func TestErrorsHideTheDSN(t *testing.T) {
	for driver, dsn := range map[string]string{
		"postgres": "postgres://user:secret@[bad/mail", "mysql": "user:secret@tcp(127.0.0.1:1", "sqlite": "file:secret?%zz",
	} {
		a, err := New(Options{Driver: driver, DSN: func() (string, error) { return dsn, nil }, Query: "select 1"})
		if err != nil {
			t.Fatal(err)
		}
		got := a.Lookup(t.Context(), "x")
		if got.Status != table.TryLater || got.Cause == nil || strings.Contains(got.Cause.Error(), "secret") {
			t.Errorf("%s: %+v", driver, got)
		}
		a.Close()
	}
}

func TestDSNThatIsNotThere(t *testing.T) {
	missing := errors.New("not there")
	a, err := New(Options{Driver: "postgres", DSN: func() (string, error) { return "", missing }, Query: "select 1"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if got := a.Lookup(t.Context(), "x"); got.Status != table.TryLater || !errors.Is(got.Cause, missing) {
		t.Errorf("%+v", got)
	}
	if _, err := New(Options{Driver: "oracle"}); !errors.Is(err, errDriver) {
		t.Errorf("%v", err)
	}
}

func TestTooManyValues(t *testing.T) {
	path := database(t, "create table users (k)")
	a := asker(t, path, "with recursive n(i) as (select 1 union all select i+1 from n where i < 200000) select i, ? from n")
	if got := a.Lookup(t.Context(), "x"); got.Status != table.TryLater || !errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("%v %v", got.Status, got.Cause)
	}
}

func TestQueryThatTakesTooLong(t *testing.T) {
	path := database(t, "create table users (k)")
	a := asker(t, path, "with recursive n(i) as (select 1 union all select i+1 from n) select count(*) from n where ? = 'x'")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if got := a.Lookup(ctx, "x"); got.Status != table.TryLater {
		t.Errorf("%+v", got)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}
