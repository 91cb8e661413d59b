package mail_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/mail"
)

func TestMailboxes(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"ann@example.com", "ann@example.com"},
		{"Ann <ann@example.com>, bob@example.com", "ann@example.com bob@example.com"},
		{`"Ann, the <first>" <ann@example.com>`, "ann@example.com"},
		{`"Ann"<ann@example.com>`, "ann@example.com"},
		{"=?utf-8?Q?J=C3=BCrg?= <j@example.com>", "j@example.com"},
		{"ann@example.com (Ann (the \\) first), x@y)", "ann@example.com"},
		{"(a@b) Ann (c@d)\r\n <ann@example.com> (e@f)", "ann@example.com"},
		{"Friends: ann@example.com, B <bob@example.com>;", "ann@example.com bob@example.com"},
		{"undisclosed-recipients:;", ""},
		{"A:;, ann@example.com, B: bob@example.com;", "ann@example.com bob@example.com"},
		{"ann@example.com,,\r\n\tbob@example.com,", "ann@example.com bob@example.com"},
		{`"a b"@example.com`, `"a b"@example.com`},
		{"ann@[192.0.2.1]", "ann@[192.0.2.1]"},
		{"<>", ""},
		{"root, ann@example.com", "ann@example.com"},
		{"Ann B, ann@example.com", "ann@example.com"},
		{"ann @ example.com, bob@example.com", "bob@example.com"},
		{"Ann <@route.example:ann@example.com>, bob@example.com", "bob@example.com"},
		{"Ann <@r1.example,@r2.example:ann@example.com>", ""},
		{"", ""},
		// What is no list.
		{"Ann <ann@example.com", "-"},
		{"Ann <ann@example.com> Bob <bob@example.com>", "-"},
		{"ann@example.com>", "-"},
		{`"Ann <ann@example.com>`, "-"},
		{"ann@example.com (no end", "-"},
		{"ann@example.com)", "-"},
		{"A: B: ann@example.com;", "-"},
		{"A: ann@example.com", "-"},
		{"ann@example.com;", "-"},
		{"ann@[192.0.2.1", "-"},
		{"ann\x00@example.com", "-"},
	} {
		f := mail.Field{Name: "To", Raw: []byte("To: " + c.value + "\r\n")}
		list, ok := f.Mailboxes()
		var got []string
		for _, m := range list {
			got = append(got, m.Address.String())
		}
		text := strings.Join(got, " ")
		if !ok {
			text = "-"
		}
		if text != c.want {
			t.Errorf("%q: %q, want %q", c.value, text, c.want)
		}
	}
}

// FuzzMailboxes: what is found is an address, stands where it is said to stand, and
// no two share an octet.
func FuzzMailboxes(f *testing.F) {
	for _, s := range []string{"To: Ann <ann@example.com>, G: b@c.d;\r\n", "From:\"a\\\"b\" (c) <d@e.f>", "Cc: <@a:b@c>", "x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		list, _ := mail.Field{Name: "To", Raw: raw}.Mailboxes()
		last := bytes.IndexByte(raw, ':')
		for _, m := range list {
			if m.Start <= last || m.End <= m.Start || m.End > len(raw) {
				t.Fatalf("%q: an address at %d to %d behind %d", raw, m.Start, m.End, last)
			}
			if a, err := mail.ParseAddress(string(raw[m.Start:m.End])); err != nil || a != m.Address {
				t.Fatalf("%q: %q is not %v", raw, raw[m.Start:m.End], m.Address)
			}
			last = m.End - 1
		}
		if !bytes.Equal(before, raw) {
			t.Fatal("the field was changed")
		}
	})
}
