package postfix_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/importer/postfix"
	"github.com/postroad/postroad/internal/server"
)

var update = flag.Bool("update", false, "write the golden files")

// unpack writes the files of an archive into a folder.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func importDir(t *testing.T, dir string) *postfix.Result {
	t.Helper()
	in, err := postfix.Read(dir, postfix.Options{Hostname: "this.machine.example"})
	if err != nil {
		t.Fatal(err)
	}
	return postfix.Import(in)
}

func archives(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(list) < 20 {
		t.Fatalf("%d archives: %v", len(list), err)
	}
	return list
}

// written writes the result and loads it as a server would.
func written(t *testing.T, r *postfix.Result) *server.Offline {
	t.Helper()
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	o := server.OpenOffline(context.Background(), filepath.Join(dir, postfix.ConfigName))
	report := explain.Check(o.Subject())
	if !report.OK() {
		var b strings.Builder
		report.Text(&b, explain.Palette{}, o.Config.Sources)
		t.Fatalf("the configuration has errors:\n%s\n%s", b.String(), r.Config)
	}
	return o
}

func equivalence(t *testing.T, r *postfix.Result) postfix.Equivalence {
	t.Helper()
	src, err := written(t, r).Source()
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Compare(context.Background(), func(ctx context.Context, q explain.Query) (explain.Result, error) {
		return explain.Route(ctx, src, q)
	}, r.Probes())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each configuration gives the same blocks, maps and report as before, passes
// check, and answers as the model of Postfix does but where the report says why.
func TestImport(t *testing.T) {
	for _, archive := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			r := importDir(t, unpack(t, archive))
			e := equivalence(t, r)
			for _, d := range e.Unlisted() {
				t.Errorf("<%s> to <%s> from %s\n Postfix:  %s\n postroad: %s", d.Question.Sender, d.Question.Recipient, d.Question.Client, d.Postfix, d.Postroad)
			}
			var report strings.Builder
			if err := r.Report(&report, e); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(archive, ".txtar")+".golden", r, report.String())
		})
	}
}

// golden holds all that an import writes against the file that was read in
// review. Passwords are not in it, since they must stand in files of their own
// only.
func golden(t *testing.T, path string, r *postfix.Result, report string) {
	t.Helper()
	a := &txtar.Archive{Files: []txtar.File{{Name: postfix.ConfigName, Data: []byte(r.Config)}}}
	for _, f := range r.Files {
		a.Files = append(a.Files, txtar.File{Name: f.Name, Data: []byte(f.Content)})
	}
	a.Files = append(a.Files, txtar.File{Name: "report.txt", Data: []byte(report)})
	got := txtar.Format(a)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs (run with -update and read the difference):\n%s", path, got)
	}
}
