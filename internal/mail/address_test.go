package mail_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in    string
		local string
		dom   mail.Domain
		out   string
	}{
		{"ann@example.com", "ann", "example.com", "ann@example.com"},
		{"Ann@EXAMPLE.com", "Ann", "example.com", "Ann@example.com"},
		{`"ann"@example.com`, "ann", "example.com", "ann@example.com"},
		{`"a b"@example.com`, "a b", "example.com", `"a b"@example.com`},
		{`"a\"b"@example.com`, `a"b`, "example.com", `"a\"b"@example.com`},
		{`"a\b"@example.com`, "ab", "example.com", "ab@example.com"},
		{`"a@b"@example.com`, "a@b", "example.com", `"a@b"@example.com`},
		{`"a>b"@example.com`, "a>b", "example.com", `"a>b"@example.com`},
		{"a%b@example.com", "a%b", "example.com", "a%b@example.com"},
		{"b!a@example.com", "b!a", "example.com", "b!a@example.com"},
		{"ann@[192.0.2.1]", "ann", "[192.0.2.1]", "ann@[192.0.2.1]"},
		{"ann@[IPv6:2001:DB8::0:1]", "ann", "[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]"},
		{"ann@bücher.example", "ann", "xn--bcher-kva.example", "ann@xn--bcher-kva.example"},
		{"ann@BÜCHER.example", "ann", "xn--bcher-kva.example", "ann@xn--bcher-kva.example"},
		{"ann@例え。example", "ann", "xn--r8jz45g.example", "ann@xn--r8jz45g.example"},
		{"jürgen@example.com", "jürgen", "example.com", "jürgen@example.com"},
		{"ann@_dmarc.example", "ann", "_dmarc.example", "ann@_dmarc.example"},
		{"ann@com", "ann", "com", "ann@com"},
		{strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64), "example.com", strings.Repeat("a", 64) + "@example.com"},
	} {
		a, err := mail.ParseAddress(c.in)
		if err != nil {
			t.Errorf("ParseAddress(%q): %v", c.in, err)
			continue
		}
		if a.Local != c.local || a.Domain != c.dom || a.String() != c.out {
			t.Errorf("ParseAddress(%q) = %q at %q, as %q", c.in, a.Local, a.Domain, a)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, c := range []struct {
		in  string
		why error
	}{
		{"", mail.ErrSyntax},
		{"ann", mail.ErrSyntax},
		{"@example.com", mail.ErrSourceRoute},
		{"@a.example,@b.example:ann@example.com", mail.ErrSourceRoute},
		{"ann@b.example@example.com", mail.ErrDomain},
		{"ann@", mail.ErrDomain},
		{"ann@example.com.", mail.ErrDomain},
		{"ann@.example.com", mail.ErrDomain},
		{"ann@example..com", mail.ErrDomain},
		{"ann@-example.com", mail.ErrDomain},
		{"ann@example-.com", mail.ErrDomain},
		{"ann@exa mple.com", mail.ErrDomain},
		{"ann@exa/mple.com", mail.ErrDomain},
		{"ann@" + strings.Repeat("a", 64) + ".com", mail.ErrDomain},
		{"ann@[192.0.2.256]", mail.ErrDomain},
		{"ann@[192.0.2.01]", mail.ErrDomain},
		{"ann@[2001:db8::1]", mail.ErrDomain},
		{"ann@[IPv6:192.0.2.1]", mail.ErrDomain},
		{"ann@[IPv6:fe80::1%eth0]", mail.ErrDomain},
		{"ann@[192.0.2.1", mail.ErrDomain},
		{"ann@[]", mail.ErrDomain},
		{".ann@example.com", mail.ErrSyntax},
		{"ann.@example.com", mail.ErrSyntax},
		{"an..n@example.com", mail.ErrSyntax},
		{"an n@example.com", mail.ErrSyntax},
		{"an,n@example.com", mail.ErrSyntax},
		{`""@example.com`, mail.ErrSyntax},
		{`"ann@example.com`, mail.ErrSyntax},
		{`"an"n@example.com`, mail.ErrSyntax},
		{`"ann\`, mail.ErrSyntax},
		{"\"a\\é\"@example.com", mail.ErrSyntax},
		{"a\xffb@example.com", mail.ErrSyntax},
		{"\"a\xffb\"@example.com", mail.ErrSyntax},
		{"a\u0085b@example.com", mail.ErrSyntax},
		{"a\u2028b@example.com", mail.ErrSyntax},
		{"\"a\nb\"@example.com", mail.ErrSyntax},
		{"a\x00b@example.com", mail.ErrSyntax},
		{"(c)ann@example.com", mail.ErrSyntax},
		{strings.Repeat("a", 65) + "@example.com", mail.ErrTooLong},
		{"ann@" + strings.Repeat("a.", 130) + "example", mail.ErrTooLong},
		// Short as letters, too long as A-labels.
		{strings.Repeat("a", 60) + "@" + strings.Repeat("üäößé.", 15) + "example", mail.ErrTooLong},
	} {
		a, err := mail.ParseAddress(c.in)
		if !errors.Is(err, c.why) || !a.IsZero() {
			t.Errorf("ParseAddress(%q) = %q, %v; want %v", c.in, a, err, c.why)
		}
	}
}

func TestParsePath(t *testing.T) {
	for _, null := range []string{"", "<>"} {
		if p, err := mail.ParsePath(null); err != nil || !p.IsNull() || p.String() != "<>" {
			t.Errorf("ParsePath(%q) = %v, %v; want the null path", null, p, err)
		}
	}
	if p, err := mail.ParsePath("a@b.example"); err != nil || p.IsNull() || p.String() != "a@b.example" {
		t.Errorf("ParsePath = %v, %v", p, err)
	}
}

func TestKeyFoldsCase(t *testing.T) {
	a := mail.Address{Local: "Ann.B", Domain: "example.com"}
	if a.Key() != "ann.b@example.com" {
		t.Errorf("Key = %q", a.Key())
	}
}

func TestDomainParts(t *testing.T) {
	if p := mail.Domain("a.b.example").Parent(); p != "b.example" {
		t.Errorf("Parent = %q", p)
	}
	for _, d := range []mail.Domain{"example", "[192.0.2.1]", ""} {
		if p := d.Parent(); p != "" {
			t.Errorf("Parent of %q = %q", d, p)
		}
	}
	if a, ok := mail.Domain("[IPv6:2001:db8::1]").Literal(); !ok || a.String() != "2001:db8::1" {
		t.Errorf("Literal = %v, %v", a, ok)
	}
	for _, d := range []mail.Domain{"example.com", "[", "[]", ""} {
		if _, ok := d.Literal(); ok {
			t.Errorf("%q is no literal", d)
		}
	}
}

// FuzzParseAddress: what is read is written so that it reads the same, and
// nothing that is read can leave its line or its brackets.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"ann@example.com", `"a\"b\\ c@>"@example.com`, "ann@[IPv6:::1]", "é@bücher.example", "@a:b@c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := mail.ParseAddress(s)
		if err != nil {
			if !a.IsZero() {
				t.Fatalf("%q: %v together with %q", s, err, a)
			}
			return
		}
		again, err := mail.ParseAddress(a.String())
		if err != nil || again != a {
			t.Fatalf("%q reads as %#v, is written %q, and reads as %#v, %v", s, a, a, again, err)
		}
		if len(a.String()) > 254 || strings.ContainsAny(a.String(), "\r\n\x00") {
			t.Fatalf("%q is written %q", s, a)
		}
	})
}

// FuzzParseDomain: a domain is in its final form, and holds the letters of names.
func FuzzParseDomain(f *testing.F) {
	for _, s := range []string{"example.com", "bücher.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "xn--a.b", "a。b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := mail.ParseDomain(s)
		if err != nil {
			if d != "" {
				t.Fatalf("%q: %v together with %q", s, err, d)
			}
			return
		}
		again, err := mail.ParseDomain(string(d))
		if err != nil || again != d {
			t.Fatalf("%q reads as %q and then as %q, %v", s, d, again, err)
		}
		_, literal := d.Literal()
		if literal != (s[0] == '[') {
			t.Fatalf("%q reads as %q, literal %v", s, d, literal)
		}
		if !literal && strings.Trim(string(d), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			t.Fatalf("%q reads as %q", s, d)
		}
	})
}
