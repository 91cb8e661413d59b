package explain_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
)

var update = flag.Bool("update", false, "write what is said into the test files")

// archives runs a test for each txtar file: its files but the expectations are
// the configuration in a folder.
func archives(t *testing.T, pattern string, run func(t *testing.T, a *archive)) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", pattern, err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			a := &archive{ar: ar, path: f, dir: t.TempDir()}
			a.extract(t)
			run(t, a)
		})
	}
}

type archive struct {
	ar   *txtar.Archive
	path string
	dir  string
}

func (a *archive) extract(t *testing.T) {
	for _, f := range a.ar.Files {
		if strings.HasPrefix(f.Name, "want") || f.Name == "query" {
			continue
		}
		if err := os.WriteFile(filepath.Join(a.dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (a *archive) file(name string) *txtar.File {
	for i := range a.ar.Files {
		if a.ar.Files[i].Name == name {
			return &a.ar.Files[i]
		}
	}
	return nil
}

// want holds got against the expectation; the folder's name is taken out.
func (a *archive) want(t *testing.T, name string, got []byte) {
	t.Helper()
	got = bytes.ReplaceAll(got, []byte(a.dir), []byte("DIR"))
	f := a.file(name)
	if *update {
		if f == nil {
			a.ar.Files = append(a.ar.Files, txtar.File{Name: name})
			f = a.file(name)
		}
		f.Data = got
		if err := os.WriteFile(a.path, txtar.Format(a.ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if f == nil {
		t.Fatalf("%s has no %q", a.path, name)
	}
	if !bytes.Equal(bytes.TrimSpace(f.Data), bytes.TrimSpace(got)) {
		t.Errorf("%s, %s\n--- want\n%s\n--- got\n%s", a.path, name, f.Data, got)
	}
}

func TestCheck(t *testing.T) {
	archives(t, "testdata/check/*.txtar", func(t *testing.T, a *archive) {
		o := server.OpenOffline(t.Context(), a.dir)
		report := explain.Check(o.Subject())
		var out bytes.Buffer
		if err := report.Text(&out, explain.Palette{}, o.Config.Sources); err != nil {
			t.Fatal(err)
		}
		a.want(t, "want", out.Bytes())
		if a.file("want.json") == nil {
			return
		}
		var js bytes.Buffer
		e := json.NewEncoder(&js)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(report); err != nil {
			t.Fatal(err)
		}
		a.want(t, "want.json", js.Bytes())
	})
}
