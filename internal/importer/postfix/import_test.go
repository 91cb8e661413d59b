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
	var all []string
	for _, pattern := range []string{"testdata/*.txtar", "testdata/*/*.txtar"} {
		list, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	if len(all) < 20 {
		t.Fatalf("%d archives", len(all))
	}
	return all
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

// Every setting of main.cf is carried over or listed: one that nothing was made of
// never goes without a word.
func TestEverySettingIsToldOf(t *testing.T) {
	dir := t.TempDir()
	main := "myhostname = a.example\nmy_word = x\nmydestination = $my_word.example\nstrange_thing = 7\nmailbox_size_limit = 0\nsmtpd_milters = inet:x\nempty_headers =\n"
	if err := os.WriteFile(filepath.Join(dir, "main.cf"), []byte(main), 0o644); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, l := range importDir(t, dir).Left {
		listed[l.Place] = true
		if l.Why == "" {
			t.Errorf("%s: no reason", l.What)
		}
	}
	for _, place := range []string{"main.cf:2", "main.cf:4", "main.cf:5", "main.cf:6", "main.cf:7"} {
		if !listed[place] {
			t.Errorf("%s is not listed", place)
		}
	}
}

// A password stands in a file of its own only, which nobody but its owner reads.
func TestPasswordsStandApart(t *testing.T) {
	r := importDir(t, unpack(t, "testdata/smarthost-sasl.txtar"))
	for _, secret := range []string{"s3cret", "pa$$word", "with:colons", "mine"} {
		if strings.Contains(r.Config, secret) {
			t.Errorf("the configuration has %q", secret)
		}
		for _, f := range r.Files {
			if !f.Secret && strings.Contains(f.Content, secret) {
				t.Errorf("%s has %q", f.Name, secret)
			}
		}
	}
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "secrets", "*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
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
