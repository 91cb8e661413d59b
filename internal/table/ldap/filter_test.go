package ldap

import (
	"errors"
	"slices"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/postroad/postroad/internal/table/tabletest"
)

func TestParseFilter(t *testing.T) {
	for text, want := range map[string][]comparison{
		"(mail={key})":                                        {{"mail", "{key}"}},
		"(proxyAddresses=smtp:{key})":                         {{"proxyAddresses", "smtp:{key}"}},
		"(&(objectClass=person)(mail={key}))":                 {{"mail", "{key}"}},
		"(&(mail={key})(!(blocked={key})))":                   {{"mail", "{key}"}},
		"(|(mail={key})(alias={key}))":                        {{"mail", "{key}"}, {"alias", "{key}"}},
		"(&(|(mail={key})(alias={key}))(!(accountStatus=x)))": {{"mail", "{key}"}, {"alias", "{key}"}},
		// Found otherwise than by a comparison for equality.
		"(|(mail={key})(mail=*@{key}))":      nil,
		"(|(mail={key})(objectClass=rest))":  nil,
		"(mail=*{key}*)":                     nil,
		"(mail={key}*)":                      nil,
		"(!(mail={key}))":                    nil,
		"(mail~={key})":                      nil,
		"(mail>={key})":                      nil,
		"(mail:caseExactMatch:={key})":       nil,
		"(&(mail=*)(memberOf:dn:=cn={key}))": nil,
	} {
		f, err := ParseFilter(text, "{key}")
		if err != nil || !slices.Equal(f.proofs, want) {
			t.Errorf("%s: %v, %+v", text, err, f)
		}
	}
	for text, want := range map[string]error{
		"": errFilter, "mail={key}": errFilter, "(mail={key}": errFilter, "(mail={key}))": errFilter, "({key})": errFilter, "(&": errFilter,
		"(((": errFilter, "(mail=\\zz{key})": errFilter, "(mail=*)": errNoKey, "({key}=ann)": errNoKey, "({key}=*)": errNoKey,
		"({key}=a*b)": errNoKey, "({key}={key})": errNoKey, "(mail:{key}:=ann)": errNoKey, "(mail=\\7bkey})": errNoKey,
	} {
		if f, err := ParseFilter(text, "{key}"); !errors.Is(err, want) {
			t.Errorf("%s: %v, %+v", text, err, f)
		}
	}
}

// A key is one value, whatever stands in it.
func TestHostileKeysAreValues(t *testing.T) {
	f, err := ParseFilter("(&(objectClass=person)(mail={key}))", "{key}")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range append(tabletest.HostileKeys(), tabletest.Raw()...) {
		isValue(t, f, key)
	}
}

func isValue(t *testing.T, f *Filter, key string) {
	t.Helper()
	p, err := ldap.CompileFilter(f.With(key))
	if err != nil {
		t.Errorf("%q: %v", key, err)
		return
	}
	var texts []string
	if p.Tag == ldap.FilterAnd && len(p.Children) == 2 && p.Children[1].Tag == ldap.FilterEqualityMatch {
		texts = []string{textOf(p.Children[0].Children[1]), textOf(p.Children[1].Children[0]), textOf(p.Children[1].Children[1])}
	}
	if !slices.Equal(texts, []string{"person", "mail", key}) {
		t.Errorf("%q: %q", key, texts)
	}
}

func TestJudge(t *testing.T) {
	f, err := ParseFilter("(|(mail={key})(alias=smtp:{key}))", "{key}")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value, key string
		want             verdict
	}{
		{"mail", "Ann@Example.com", "ann@example.com", mine},
		{"MAIL;lang-de", "ann@example.com", "ann@example.com", mine},
		{"alias", "SMTP:Ann@example.com", "ann@example.com", mine},
		{"mail", "ann@example.com", "ann@example.com ", another},
		{"mail", "a b", "a  b", another},
		{"alias", "ann@example.com", "ann@example.com", another},
		{"mail", "straße", "strasse", another},
		{"uid", "ann@example.com", "ann@example.com", untold},
	} {
		e := ldap.NewEntry("cn=x", map[string][]string{c.name: {"other", c.value}, "cn": {"x"}})
		if got := f.judge(e, c.key); got != c.want {
			t.Errorf("%s: %s for %q: %d", c.name, c.value, c.key, got)
		}
	}
}

func TestPlain(t *testing.T) {
	for key, want := range map[string]bool{"ann@example.com": true, "a b": true, "": true, "a  b": false, " a": false, "a ": false, "é": false, "a\tb": false, "a\u00adb": false} {
		if plain(key) != want {
			t.Errorf("%q", key)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"(mail={key})", "(&(a=b)(|(c={key})(d=*{key})))", "(!(a~={key}))", "(a:dn:2.4:={key})", "((("} {
		f.Add(s, "ann*)(uid=*")
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		whole, err := ParseFilter("(&(objectClass=person)(mail={key}))", "{key}")
		if err != nil {
			t.Fatal(err)
		}
		isValue(t, whole, key)
		any, err := ParseFilter(text, "{key}")
		if err != nil || key == "" {
			return
		}
		// Whatever the filter is, a key changes values and not its shape.
		if one, other := shape(any.With("x")), shape(any.With(key)); one != other {
			t.Errorf("%s with %q: %s, not %s", text, key, other, one)
		}
	})
}

// shape is a filter without its values.
func shape(filter string) string {
	p, err := ldap.CompileFilter(filter)
	if err != nil || p == nil {
		return "none"
	}
	var b strings.Builder
	var walk func(*ber.Packet)
	walk = func(p *ber.Packet) {
		b.WriteString(string(rune('a' + p.Tag)))
		for i, c := range p.Children {
			if p.Tag == ldap.FilterEqualityMatch && i == 0 {
				b.WriteString(textOf(c))
			}
			walk(c)
		}
	}
	walk(p)
	return b.String()
}
