package postfix

import (
	"strings"
	"testing"
)

// A query of Postfix's becomes one with a parameter: the key is never a part of
// its text, and what cannot be said so is not carried over.
func TestQueriesAreTranslated(t *testing.T) {
	for _, c := range []struct{ kind, query, want string }{
		{"pgsql", "select a from t where b = '%s'", "select a from t where b = $1::text"},
		{"mysql", `select a from t where b = "%s" and c = '%%'`, "select a from t where b = ? and c = '%'"},
		{"sqlite", "select a from t where b = '@%d'", "with asked as (select ? as k) select a from t where b = ('@' || substr((select k from asked), nullif(instr((select k from asked), '@'), 0) + 1))"},
		{"mysql", "select a from t where b = '%U'", "select a from t where b = nullif(substring_index(?, '@', 1), '')"},
		{"mysql", "call it(%s)", "call it(?)"},
		{"pgsql", "select a from t where b = '%1'", ""},
		{"pgsql", "select a from t where b = '%", ""},
		{"mysql", `select a from t where b = 'it\'s %s'`, ""},
		{"pgsql", "select a from t", ""},
		{"pgsql", "", ""},
	} {
		got, ok := dialects()[c.kind].translated(c.query)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s\n got  %s, %v\n want %s", c.kind, c.query, got, ok, c.want)
		}
	}
}

// Several queries are one where each gives one column; else they stay apart.
func TestQueriesStandTogether(t *testing.T) {
	const first = "select a from t where b = '%s'"
	for _, c := range []struct {
		second string
		ok     bool
	}{
		{"select email from users where email='%u@%d';", true},
		{"select a, b from t where b = '%s'", false},
		{"select * from t where b = '%s'", false},
		{"select concat(a, b) from t where b = '%s'", false},
		{"select a from t", false},
		{"call it('%s')", false},
	} {
		for kind, d := range dialects() {
			out, ok := d.firstOf([]string{first, c.second})
			if ok != c.ok || strings.Count(out, d.key) > 1 || strings.Contains(out, ";") {
				t.Errorf("%s %s: %q, %v", kind, c.second, out, ok)
			}
		}
	}
}

// Whatever stands in a query, translating ends, and leaves no placeholder.
func FuzzTranslated(f *testing.F) {
	f.Add("select a from t where b = '%u@%d' and c = \"%s\"")
	f.Add("'%")
	f.Fuzz(func(t *testing.T, query string) {
		for _, d := range dialects() {
			if out, ok := d.translated(query); ok && out == "" {
				t.Errorf("%s: %q became nothing", d.driver, query)
			}
		}
	})
}
