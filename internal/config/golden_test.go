package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// A case is an archive of the files of a configuration folder with what Load
// makes of them: in "want" the diagnostics as a person sees them (bad/), or
// what the configuration holds (good/). The folder has base.hcl beside the files
// unless the comment on top says "alone"; "serving" asks for Options.Serving.
// `go test -rewrite` writes "want" anew; the difference is to be read.
var rewrite = flag.Bool("rewrite", false, "write the expected results anew")

const base = `hostname = "mx1.example.com"
data     = "spool"

listener "public" {
  bind = ["127.0.0.1:25"]
}
`

// scenario is one archive.
type scenario struct {
	path    string
	archive *txtar.Archive
	folder  string
}

func scenarios(t *testing.T, kind string) []scenario {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", kind, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in testdata/%s: %v", kind, err)
	}
	var out []scenario
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := scenario{path: path, archive: a, folder: t.TempDir()}
		s.write(t)
		out = append(out, s)
	}
	return out
}

func (s scenario) has(word string) bool {
	return slices.Contains(strings.Fields(string(s.archive.Comment)), word)
}

func (s scenario) write(t *testing.T) {
	t.Helper()
	files := s.archive.Files
	if !s.has("alone") {
		files = append(slices.Clone(files), txtar.File{Name: "base.hcl", Data: []byte(base)})
	}
	for _, f := range files {
		if f.Name == "want" {
			continue
		}
		if err := os.WriteFile(filepath.Join(s.folder, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// compare holds got against "want", or writes it.
func (s scenario) compare(t *testing.T, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, s.folder, "FOLDER")
	i := slices.IndexFunc(s.archive.Files, func(f txtar.File) bool { return f.Name == "want" })
	if *rewrite {
		if i < 0 {
			i = len(s.archive.Files)
			s.archive.Files = append(s.archive.Files, txtar.File{Name: "want"})
		}
		s.archive.Files[i].Data = []byte(got)
		if err := os.WriteFile(s.path, txtar.Format(s.archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if i < 0 {
		t.Fatalf("%s has no want; got:\n%s", s.path, got)
	}
	if want := string(s.archive.Files[i].Data); got != want {
		t.Errorf("%s\n--- got\n%s--- want\n%s", s.path, got, want)
	}
}

func TestBad(t *testing.T) {
	for _, s := range scenarios(t, "bad") {
		t.Run(filepath.Base(s.path), func(t *testing.T) {
			c, diags := Load(s.folder, Options{Serving: s.has("serving")})
			if diags.HasErrors() == s.has("warnings") {
				t.Errorf("errors: %v", diags.HasErrors())
			}
			if diags.HasErrors() && c.Snapshot != nil {
				t.Error("a configuration with errors has a snapshot")
			}
			var b bytes.Buffer
			if err := diags.Render(&b, c.Sources); err != nil {
				t.Fatal(err)
			}
			s.compare(t, b.String())
		})
	}
}

func TestGood(t *testing.T) {
	for _, s := range scenarios(t, "good") {
		t.Run(filepath.Base(s.path), func(t *testing.T) {
			c, diags := Load(s.folder, Options{Serving: true})
			if len(diags) > 0 || c.Snapshot == nil {
				t.Fatalf("diagnostics: %v", diags)
			}
			var b strings.Builder
			dump(&b, "Hostname", reflect.ValueOf(c.Hostname))
			dump(&b, "Data", reflect.ValueOf(c.Data))
			dump(&b, "Addresses", reflect.ValueOf(c.Addresses))
			c.Rules.Generation = ""
			dump(&b, "Rules", reflect.ValueOf(*c.Rules))
			dump(&b, "Listeners", reflect.ValueOf(c.Listeners))
			dump(&b, "Transports", reflect.ValueOf(c.Transports))
			dump(&b, "Resolvers", reflect.ValueOf(c.Resolvers))
			dump(&b, "Retries", reflect.ValueOf(c.Retries))
			dump(&b, "Directories", reflect.ValueOf(c.Directories))
			dump(&b, "Tables", reflect.ValueOf(c.Tables))
			dump(&b, "Console", reflect.ValueOf(c.Console))
			dump(&b, "Log", reflect.ValueOf(c.Log))
			s.compare(t, b.String())
		})
	}
}

// dump writes what is not zero in v, a line each; built-in things are left out
// but where a case is about them.
func dump(b *strings.Builder, path string, v reflect.Value) {
	if s, is := v.Interface().(fmt.Stringer); is && v.Kind() != reflect.Pointer {
		if !v.IsZero() {
			fmt.Fprintf(b, "%s = %s\n", path, s)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			if v.Elem().Kind() != reflect.Struct {
				fmt.Fprintf(b, "%s = &%v\n", path, v.Elem())
				return
			}
			dump(b, path, v.Elem())
		}
	case reflect.Struct:
		if isBuiltin(v) {
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Content" {
				dump(b, path+"."+f.Name, v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			dump(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			dump(b, path+"."+k.String(), v.MapIndex(k))
		}
	default:
		if !v.IsZero() {
			fmt.Fprintf(b, "%s = %#v\n", path, v)
		}
	}
}

func isBuiltin(v reflect.Value) bool {
	f := v.FieldByName("Source")
	return f.IsValid() && f.Kind() == reflect.String && f.String() == builtinSource
}
