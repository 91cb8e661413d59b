package file

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/postroad/postroad/internal/table"
)

// The files in testdata are postmap's, of testdata/small: two with values, one
// that is long, and a domain.
func TestPacked(t *testing.T) {
	for _, format := range []string{"cdb", "lmdb"} {
		src, err := os.ReadFile(filepath.Join("testdata", "small."+format))
		if err != nil {
			t.Fatal(err)
		}
		content, err := Parse(format, "t", bytes.NewReader(src))
		if err != nil {
			t.Fatal(format, err)
		}
		for key, want := range map[string]string{"ann@example.com": "x, y", "bob@example.com": "z", "@dom.example": "w"} {
			if got := content.Lookup(key); got.Status != table.Found || got.Values[0] != want || got.Source != "t" {
				t.Errorf("%s: %s: %+v", format, key, got)
			}
		}
		if long := content.Lookup("long@example.com"); len(long.Values) != 1 || len(long.Values[0]) != 6000 {
			t.Errorf("%s: %+v", format, long)
		}
		if got := content.Lookup("Ann@example.com"); got.Status != table.NotFound || content.Len() != 4 {
			t.Errorf("%s: %+v of %d", format, got, content.Len())
		}
	}
}

// A file that lost its end is not taken, wherever it was cut.
func TestPackedThatIsCutOff(t *testing.T) {
	for _, format := range []string{"cdb", "lmdb"} {
		src, err := os.ReadFile(filepath.Join("testdata", "small."+format))
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(src); n += 1 + n/200 {
			p := new(Problems)
			if _, err := Parse(format, "t", bytes.NewReader(src[:n])); !errors.As(err, &p) {
				t.Fatalf("%s of %d octets: %v", format, n, err)
			}
		}
	}
}

// Without NULs, as some systems have Postfix write them, and with an entry that
// no text can have.
func TestPackedEntries(t *testing.T) {
	for _, c := range []struct {
		key, value string
		want       string
		bad        bool
	}{
		{key: "Ann@Example.com", value: "x", want: "x"},
		{key: "ann@example.com\x00", value: "x\x00", want: "x"},
		{key: "ann@example.com\x00", value: "x", want: "x"},
		{key: "ann@example.com", value: ""},
		{key: "", value: "x", bad: true},
		{key: "\x00", value: "x", bad: true},
		{key: "ann\x00@example.com", value: "x", bad: true},
		{key: "ann@example.com", value: "\xff", bad: true},
	} {
		p := &parser{problems: &Problems{}, shown: "t"}
		b := &builder{shown: "t"}
		p.pack(b, []byte(c.key), []byte(c.value))
		if (len(p.problems.List) > 0) != c.bad {
			t.Errorf("%q: %v", c.key, p.problems)
		}
		if c.bad {
			continue
		}
		got := b.build(p.problems).Lookup("ann@example.com")
		if got.Status != table.Found || c.want == "" && len(got.Values) > 0 || c.want != "" && got.Values[0] != c.want {
			t.Errorf("%q: %+v", c.key, got)
		}
	}
}
