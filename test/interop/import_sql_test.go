package interop

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/postroad/postroad/internal/importer/postfix"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/test/peer"
)

// Two tables of one database in one parameter are one query: the second is asked
// where the first has nothing, in whatever collation the columns are.
func TestImportedQueriesStandTogether(t *testing.T) {
	for kind, start := range map[string]func(*testing.T) *peer.Database{"mysql": peer.StartMariaDB, "pgsql": peer.StartPostgres} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := start(t)
			types := map[string][]string{"pgsql": {"text", "varchar(99)"},
				"mysql": {"varchar(99) character set latin1", "varchar(99) character set utf8mb4 collate utf8mb4_unicode_ci"}}[kind]
			for i, column := range types {
				d.Exec(fmt.Sprintf("create table aliases%d (source %s, destination %s)", i, column, column))
				d.Exec(fmt.Sprintf("create table users%d (email %s)", i, column))
				d.Exec(fmt.Sprintf("insert into aliases%d values ('info@x', 'ann@x'), ('info@x', 'bob@x'), ('moved@x', 'y@z')", i))
				d.Exec(fmt.Sprintf("insert into users%d values ('ann@x'), ('moved@x')", i))
				a := sqlAsker(t, map[string]string{"mysql": "mysql", "pgsql": "postgres"}[kind], d.DSN, importedQuery(t, kind, d.Addr, i))
				for key, want := range map[string][]string{"info@x": {"ann@x", "bob@x"}, "moved@x": {"y@z"}, "ann@x": {"ann@x"}, "nobody@x": nil} {
					got := a.Lookup(t.Context(), key)
					if got.Status == table.TryLater || !slices.Equal(got.Values, want) {
						t.Errorf("%s: %s: %+v, want %q", column, key, got, want)
					}
				}
			}
		})
	}
}

// importedQuery is the query that the import makes of two.
func importedQuery(t *testing.T, kind, addr string, n int) string {
	t.Helper()
	dir := peer.Dir(t)
	host, _, _ := net.SplitHostPort(addr)
	source := "hosts = " + host + "\nuser = root\ndbname = x\nquery = "
	peer.Write(t, dir, "a.cf", source+fmt.Sprintf("SELECT destination FROM aliases%d WHERE source='%%s'\n", n))
	peer.Write(t, dir, "b.cf", source+fmt.Sprintf("SELECT email FROM users%d WHERE email='%%s';\n", n))
	peer.Write(t, dir, "main.cf", fmt.Sprintf("myhostname = a.test\nvirtual_alias_domains = x.test\nvirtual_alias_maps = %[1]s:%[2]s, %[1]s:%[3]s\n",
		kind, filepath.Join(dir, "a.cf"), filepath.Join(dir, "b.cf")))
	in, err := postfix.Read(dir, postfix.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config := postfix.Import(in).Config
	m := regexp.MustCompile(`(?m)^ *query += (".*") *$`).FindStringSubmatch(config)
	if m == nil {
		t.Fatalf("no query in\n%s", config)
	}
	query, err := strconv.Unquote(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return query
}
