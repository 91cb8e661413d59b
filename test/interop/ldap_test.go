package interop

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/dial"
	"github.com/postroad/postroad/internal/table/ldap"
	"github.com/postroad/postroad/internal/table/remote"
	"github.com/postroad/postroad/internal/table/tabletest"
	"github.com/postroad/postroad/test/peer"
)

const peopleDN = "ou=people,dc=example,dc=com"

// entry is an inetOrgPerson with these attributes, of whatever octets.
func entry(name string, attributes ...[2]string) string {
	out := fmt.Sprintf("dn: cn=%s,%s\nobjectClass: inetOrgPerson\ncn: %s\nsn: x\n", name, peopleDN, name)
	for _, a := range attributes {
		out += a[0] + ":: " + base64.StdEncoding.EncodeToString([]byte(a[1])) + "\n"
	}
	return out + "\n"
}

func ldapServer(s *peer.Slapd) ldap.Server {
	return ldap.Server{
		Server: dial.Server{Network: "tcp", Address: s.Addr, Name: "127.0.0.1"},
		User:   "cn=reader,dc=example,dc=com", Password: secret("reader"),
	}
}

func secret(s string) func() (string, error) { return func() (string, error) { return s, nil } }

func ldapAsker(t *testing.T, s ldap.Server, filter string, attributes ...string) remote.Batcher {
	t.Helper()
	a, err := ldap.New(ldap.Options{Server: s, Base: peopleDN, Filter: filter, Attributes: attributes, Connections: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// Every other hostile key is the uid of an entry; each finds its own or nothing,
// also where the server takes two for the same.
func TestLDAPHostileKeys(t *testing.T) {
	t.Parallel()
	keys := append(tabletest.HostileKeys(), tabletest.Raw()...)
	stored := func(i int) bool { return i%2 == 0 && keys[i] != "" && utf8.ValidString(keys[i]) }
	var ldif strings.Builder
	for i, k := range keys {
		if stored(i) {
			ldif.WriteString(entry(fmt.Sprint("p", i), [2]string{"uid", k}, [2]string{"description", fmt.Sprint(i)}))
		}
	}
	s := peer.StartSlapd(t, ldif.String())
	for _, filter := range []string{"(uid={key})", "(&(objectClass=*)(|(uid={key})(mail={key})))"} {
		a := ldapAsker(t, ldapServer(s), filter, "description")
		together := a.LookupAll(t.Context(), keys)
		for i, k := range keys {
			for _, got := range []table.Answer{a.Lookup(t.Context(), k), together[i]} {
				switch {
				case stored(i) && (got.Status != table.Found || !slices.Equal(got.Values, []string{fmt.Sprint(i)})):
					t.Errorf("%s: %q: %+v, want %d", filter, k, got, i)
				case !stored(i) && got.Status != table.NotFound:
					t.Errorf("%s: %q: %+v, want not found", filter, k, got)
				}
			}
		}
	}
}

func TestLDAPTable(t *testing.T) {
	t.Parallel()
	var ldif strings.Builder
	ldif.WriteString(entry("known", [2]string{"mail", "Known@out.test"}, [2]string{"uid", "b"}, [2]string{"uid", "a"}, [2]string{"telephoneNumber", "12 34"}))
	ldif.WriteString(entry("second", [2]string{"mail", "known@out.test"}, [2]string{"uid", "c"}, [2]string{"uid", "a"}, [2]string{"telephoneNumber", "99"}))
	for i := range 60 {
		ldif.WriteString(entry(fmt.Sprintf("m%02d", i), [2]string{"employeeType", "many"}, [2]string{"uid", fmt.Sprintf("u%02d", i)}))
	}
	s := peer.StartSlapd(t, ldif.String())
	ldapAnswers(t, ldapServer(s))
	ldapSecurity(t, s)
	pass := peer.Write(t, peer.Dir(t), "pass", "reader\n")
	throughOutages(t, fmt.Sprintf(`table "ldap" "users" {
  url          = "ldap://%s"
  starttls     = true
  ca           = %q
  user         = "cn=reader,dc=example,dc=com"
  pass         = file(%q)
  base         = %q
  filter       = "(mail={key})"
  ttl          = "0s"
  negative_ttl = "0s"
  timeout      = "1s"
}
`, s.Addr, s.CA, pass, peopleDN), s.Process, s.Wait)
}

// ldapAnswers: case, several entries, values of which there are more than the server
// gives at once, and what cannot be told.
func ldapAnswers(t *testing.T, s ldap.Server) {
	t.Helper()
	mail := ldapAsker(t, s, "(mail={key})", "uid")
	if got := mail.Lookup(t.Context(), "known@out.test"); !slices.Equal(got.Values, []string{"a", "b", "c"}) {
		t.Errorf("%+v", got)
	}
	if got := ldapAsker(t, s, "(mail={key})").Lookup(t.Context(), "known@out.test"); got.Status != table.Found || len(got.Values) != 0 {
		t.Errorf("%+v", got)
	}
	if got := ldapAsker(t, s, "(mail={key})", "title").Lookup(t.Context(), "known@out.test"); got.Status != table.Found || len(got.Values) != 0 {
		t.Errorf("without the attribute: %+v", got)
	}
	many := ldapAsker(t, s, "(employeeType={key})", "uid")
	if got := many.Lookup(t.Context(), "many"); len(got.Values) != 60 || got.Values[0] != "u00" || got.Values[59] != "u59" {
		t.Errorf("%+v", got)
	}
	part := ldapAsker(t, s, "(mail=*@{key})", "uid")
	for key, want := range map[string]table.Status{"out.test": table.Found, "other.test": table.NotFound, "out.test ": table.TryLater} {
		if got := part.Lookup(t.Context(), key); got.Status != want {
			t.Errorf("%q: %+v", key, got)
		}
	}
	// The reader may search for numbers and not see them.
	hidden := ldapAsker(t, s, "(telephoneNumber={key})", "uid")
	for key, want := range map[string]table.Status{"12 34": table.Found, "12  34": table.TryLater, "13": table.NotFound} {
		if got := hidden.Lookup(t.Context(), key); got.Status != want {
			t.Errorf("%q: %+v", key, got)
		}
	}
	if got := ldapAsker(t, s, "(rfc822Mailbox={key})", "uid").Lookup(t.Context(), "known@out.test"); got.Status != table.TryLater || !errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("an attribute of two names: %+v", got)
	}
}

// ldapSecurity: who is not let in, and what does not prove who it is, answers no
// key.
func ldapSecurity(t *testing.T, s *peer.Slapd) {
	t.Helper()
	otherRoots, _ := peer.Certificates(t, peer.Dir(t))
	plain := ldapServer(s)
	over := func(change func(*ldap.Server)) ldap.Server {
		c := plain
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		server ldap.Server
		want   table.Status
	}{
		"StartTLS":              {over(func(c *ldap.Server) { c.StartTLS, c.Roots = true, s.CA }), table.Found},
		"ldaps":                 {over(func(c *ldap.Server) { c.TLS, c.Roots, c.Address = true, s.CA, s.TLS }), table.Found},
		"StartTLS, other roots": {over(func(c *ldap.Server) { c.StartTLS, c.Roots = true, otherRoots }), table.TryLater},
		"ldaps, other roots":    {over(func(c *ldap.Server) { c.TLS, c.Roots, c.Address = true, otherRoots, s.TLS }), table.TryLater},
		"the system's roots":    {over(func(c *ldap.Server) { c.StartTLS = true }), table.TryLater},
		"another name":          {over(func(c *ldap.Server) { c.StartTLS, c.Roots, c.Name = true, s.CA, "127.0.0.2" }), table.TryLater},
		"a wrong password":      {over(func(c *ldap.Server) { c.Password = secret("wrong") }), table.TryLater},
		"no password":           {over(func(c *ldap.Server) { c.Password = secret("") }), table.TryLater},
		"ldaps where it is not": {over(func(c *ldap.Server) { c.TLS, c.Roots = true, s.CA }), table.TryLater},
	} {
		for _, key := range []string{"known@out.test", "unknown@out.test"} {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			got := ldapAsker(t, c.server, "(mail={key})").Lookup(ctx, key)
			cancel()
			want := c.want
			if want == table.Found && key[0] == 'u' {
				want = table.NotFound
			}
			if got.Status != want || strings.Contains(fmt.Sprint(got.Cause), "wrong") {
				t.Errorf("%s: %s: %+v", name, key, got)
			}
		}
	}
	nowhere, err := ldap.New(ldap.Options{Server: plain, Base: "ou=nowhere,dc=example,dc=com", Filter: "(mail={key})", Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	if got := nowhere.Lookup(t.Context(), "x"); got.Status != table.TryLater || errors.Is(got.Cause, remote.ErrKey) {
		t.Errorf("no such base: %+v", got)
	}
}
