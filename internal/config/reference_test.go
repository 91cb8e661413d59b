package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const manual = "../../docs/configuration.md"

// section of the manual that comes from the schema.
type section struct {
	name   string // "listener", "transport smtp"
	doc    string
	fields []field
	later  bool
}

// sections lists everything that the schema knows.
func sections() []section {
	s := newSchema()
	out := []section{{name: "top level", fields: s.root}}
	for _, b := range s.blocks {
		switch {
		case b.later:
			out = append(out, section{name: b.name, later: true})
		case len(b.kinds) > 0:
			for _, k := range b.kinds {
				out = append(out, section{name: b.name + " " + k.name, doc: k.doc, fields: k.fields, later: k.later})
			}
		case len(b.inner) > 0 && b.inner[0].name == "except":
			own := slices.DeleteFunc(slices.Clone(b.fields), func(f field) bool { return findField(matcherFields(), f.name) != nil })
			out = append(out, section{name: b.name, doc: b.doc, fields: own})
		default:
			out = append(out, section{name: b.name, doc: b.doc, fields: b.fields})
			for _, in := range b.inner {
				// Many domains have the same blocks as one.
				if in.single && !in.later && b.name != "domains" {
					out = append(out, section{name: b.name + " " + in.name, doc: in.doc, fields: in.fields})
				}
			}
		}
	}
	return append(out, section{name: "matchers", fields: matcherFields()})
}

// table is what stands in the manual.
func (s section) table() string {
	var b strings.Builder
	if s.doc != "" {
		b.WriteString(s.doc + "\n\n")
	}
	if len(s.fields) == 0 {
		return b.String()
	}
	b.WriteString("| attribute | value | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range s.fields {
		if f.typ == typeLater {
			fmt.Fprintf(&b, "| `%s` | | | Not built yet. %s |\n", f.name, f.doc)
			continue
		}
		fallback := "`" + f.def + "`"
		if f.def == "" {
			fallback = ""
		}
		if f.required {
			fallback = "required"
		}
		fmt.Fprintf(&b, "| `%s` | %s, as `%s` | %s | %s |\n", f.name, f.typ, f.example, fallback, f.doc)
	}
	return b.String()
}

// TestManualIsSchema holds the manual against the schema both ways: every block
// and attribute stands there with its type, default and meaning, and nothing else
// does. With -rewrite the tables are written anew.
func TestManualIsSchema(t *testing.T) {
	page, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	mark := regexp.MustCompile(`(?s)<!-- schema: ([a-z -]+) -->\n(.*?)<!-- end -->`)
	known := sections()
	var seen []string
	got := mark.ReplaceAllStringFunc(string(page), func(part string) string {
		m := mark.FindStringSubmatch(part)
		seen = append(seen, m[1])
		i := slices.IndexFunc(known, func(s section) bool { return s.name == m[1] })
		if i < 0 {
			t.Errorf("the manual has a section %q that the schema does not know", m[1])
			return part
		}
		return "<!-- schema: " + m[1] + " -->\n" + known[i].table() + "<!-- end -->"
	})
	for _, s := range known {
		if !s.later && !slices.Contains(seen, s.name) {
			t.Errorf("the manual has no section %q", s.name)
		}
		if word := "`" + strings.TrimSpace(s.name) + "`"; s.later && !strings.Contains(string(page), word) {
			t.Errorf("the manual does not name %s, which is not built yet", word)
		}
	}
	if got == string(page) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the schema says; go test -rewrite writes it", manual)
	}
	if err := os.WriteFile(manual, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestManualExamples: the pieces of configuration in the manual are one
// configuration, and it loads.
func TestManualExamples(t *testing.T) {
	page, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		all = append(all, m[1])
	}
	if len(all) < 10 {
		t.Fatalf("only %d examples", len(all))
	}
	c, diags := load(t, map[string]string{"manual.hcl": strings.Join(all, "\n")})
	if len(diags) > 0 {
		var b strings.Builder
		_ = diags.Render(&b, c.Sources)
		t.Error(b.String())
	}
}

// TestSchemaIsSound: every attribute has a meaning and an example of its type.
func TestSchemaIsSound(t *testing.T) {
	for _, s := range sections() {
		for _, f := range s.fields {
			if f.doc == "" || f.typ != typeLater && f.example == "" {
				t.Errorf("%s: %s has no meaning or no example", s.name, f.name)
			}
			if f.example == "" {
				continue
			}
			expr, diags := hclsyntax.ParseExpression([]byte(f.example), "example", hcl.InitialPos)
			if diags.HasErrors() {
				t.Errorf("%s: example of %s: %v", s.name, f.name, diags)
				continue
			}
			l := newLoader(".", Options{})
			for _, m := range regexp.MustCompile(`\b(transport|table|directory|listener|resolver|retry|srs)\.([a-z_]+)`).FindAllStringSubmatch(f.example, -1) {
				l.namesOf(m[1])[m[2]] = &declare{}
			}
			l.namesOf("directory")["staff"] = &declare{}
			if _, ok := l.valueOf(&f, expr); !ok || len(l.diags) > 0 {
				t.Errorf("%s: example of %s: %v", s.name, f.name, l.diags[0].Summary)
			}
		}
	}
}

// TestExamples: the configurations in examples/ load with nothing to say.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../../examples/*.hcl")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		c, diags := Load(path, Options{Serving: true})
		if len(diags) > 0 || c.Snapshot == nil {
			var b strings.Builder
			_ = diags.Render(&b, c.Sources)
			t.Errorf("%s:\n%s", path, b.String())
		}
	}
}
