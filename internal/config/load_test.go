package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/table"
)

// load writes files into a new folder and loads it.
func load(t *testing.T, files map[string]string) (*Config, Diagnostics) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(folder, Options{})
}

func good(t *testing.T, text string) *Config {
	t.Helper()
	c, diags := load(t, map[string]string{"base.hcl": base, "postroad.hcl": text})
	if diags.HasErrors() {
		t.Fatalf("diagnostics: %v", diags)
	}
	return c
}

func TestBuiltins(t *testing.T) {
	c := good(t, "")
	for name, kind := range map[string]string{
		decide.BuiltinMX: "mx", decide.BuiltinSMTP: "mx", decide.BuiltinRelay: "mx",
		decide.BuiltinLMTP: "lmtp", decide.BuiltinError: "reject", decide.BuiltinDiscard: "discard",
	} {
		tr := c.Transports[name]
		if tr == nil || tr.Kind != kind || tr.Source != "builtin" || tr.Resolver != "default" || tr.Retry != "default" || tr.Connections != 20 {
			t.Errorf("transport %s: %+v", name, tr)
		}
	}
	if tr := c.Transports["mx"]; tr.Port != 25 || tr.TLS != TLSOffer || tr.DataTimeout != 10*time.Minute || !tr.Reuse || tr.Private {
		t.Errorf("mx: %+v", tr)
	}
	if r := c.Transports["error"].Reply; r.Code != 550 || r.Enhanced != "5.7.1" {
		t.Errorf("error: %v", r)
	}
	if r := c.Resolvers["default"]; r == nil || r.Servers != nil || r.TrustAD || r.Timeout != 5*time.Second {
		t.Errorf("resolver: %+v", r)
	}
	r := c.Retries["default"]
	if r == nil || len(r.After) != 4 || r.After[3] != time.Hour || r.Then != 4*time.Hour || r.Warn != 4*time.Hour || r.GiveUp != 120*time.Hour {
		t.Errorf("retry: %+v", r)
	}
	if len(c.Rules.Transports) != len(builtinTransports())+3 { // reinject, list and expanded are nobody's to name
		t.Errorf("%d transports in the rules", len(c.Rules.Transports))
	}
}

// TestGeneration: the same sources have the same generation wherever they stand,
// and any change has another.
func TestGeneration(t *testing.T) {
	a, b, other := good(t, "max_received = 50"), good(t, "max_received = 50"), good(t, "max_received = 51")
	if a.Generation != b.Generation || len(a.Generation) < 12 || a.Rules.Generation != a.Generation {
		t.Errorf("%q and %q", a.Generation, b.Generation)
	}
	if a.Generation == other.Generation {
		t.Error("a change does not change the generation")
	}
}

func TestFileAndFolder(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"a.hcl": base, "b.hcl": "max_received = 7", "c.txt": "no hcl", ".hidden.hcl": "= no hcl"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, diags := Load(folder, Options{})
	if len(diags) > 0 || c.Rules.Limits.MaxReceived != 7 {
		t.Errorf("folder: %v", diags)
	}
	c, diags = Load(filepath.Join(folder, "a.hcl"), Options{})
	if len(diags) > 0 || c.Rules.Limits.MaxReceived != 100 || c.Data != filepath.Join(folder, "spool") {
		t.Errorf("file: %v, data %s", diags, c.Data)
	}
	for _, path := range []string{filepath.Join(folder, "none.hcl"), t.TempDir()} {
		if c, diags := Load(path, Options{}); !diags.HasErrors() || c == nil {
			t.Errorf("%s: %v", path, diags)
		}
	}
}

func TestLocate(t *testing.T) {
	c := good(t, "# one\nroute \"a\" {\n\tvia = transport.mx\n}\n")
	for source, want := range map[string]string{
		"postroad.hcl:2":  `route "a"`,
		"postroad.hcl:3":  `via = transport.mx`,
		"postroad.hcl:1":  `# one`,
		"base.hcl:4":      `listener "public"`,
		"postroad.hcl:99": "",
		"postroad.hcl:0":  "",
		"builtin":         "",
		"aliases:12":      "",
	} {
		r, ok := c.Locate(source)
		if ok != (want != "") {
			t.Errorf("%s: %v", source, ok)
			continue
		}
		if ok && string(c.Sources[r.File][r.Start.Byte:r.End.Byte]) != want {
			t.Errorf("%s: %q", source, c.Sources[r.File][r.Start.Byte:r.End.Byte])
		}
	}
}

func TestSecrets(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "pass")
	if err := os.WriteFile(path, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("POSTROAD_TEST_PASS", "swordfish")
	for _, c := range []struct {
		secret Secret
		want   string
	}{
		{Secret{File: path}, "hunter2"},
		{Secret{File: path + "x"}, ""},
		{Secret{File: folder}, ""},
		{Secret{File: "/dev/zero"}, ""},
		{Secret{Env: "POSTROAD_TEST_PASS"}, "swordfish"},
		{Secret{Env: "POSTROAD_TEST_NO_PASS"}, ""},
	} {
		got, err := c.secret.Read()
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v", c.secret, got, err)
		}
	}
}

// TestMissing: what is named and not there is told, and only when asked.
func TestMissing(t *testing.T) {
	c := good(t, `
transport "smtp" "hub" {
  to   = ["hub.example"]
  tls  = "verify"
  user = "u"
  pass = env("POSTROAD_TEST_NO_PASS")
}
table "file" "here" {
  path   = "postroad.hcl"
  format = "list"
}
table "file" "gone" {
  path   = "gone"
  format = "list"
}
listener "second" {
  bind        = ["127.0.0.1:26"]
  certificate = "gone.pem"
  key         = "gone.key"
}
`)
	var got []string
	for _, d := range c.Missing() {
		if d.Severity != Warning {
			t.Errorf("%v", d)
		}
		what, _, _ := strings.Cut(d.Summary, ":")
		got = append(got, fmt.Sprintf("%d %s", d.Range.Start.Line, what))
	}
	want := "6 pass of transport.hub,13 path of table.gone,18 certificate of listener.second,19 key of listener.second"
	if strings.Join(got, ",") != want {
		t.Errorf("got %v", got)
	}
}

// TestInlineAnswers: an answer of an inline table names its line.
func TestInlineAnswers(t *testing.T) {
	c := good(t, "table \"inline\" \"homes\" {\n  entries = {\n    \"a.example\" = \"fra\"\n    \"B.example\" = [\"x\", \"y\"]\n  }\n}\n")
	defs := c.Definitions()
	a := defs[0].Content.Lookup("b.example")
	if a.Status != table.Found || len(a.Values) != 2 || a.Source != "postroad.hcl:4" {
		t.Errorf("%+v", a)
	}
}

func TestJSON(t *testing.T) {
	_, diags := load(t, map[string]string{"postroad.hcl": "hostnam = 1\n"})
	out, err := json.Marshal(diags[len(diags)-1])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"severity":"error","range":{"file":"postroad.hcl","start":{"line":1,"column":1,"byte":0},"end":{"line":1,"column":8,"byte":7}},` +
		`"summary":"the top level has no attribute \"hostnam\"","hint":"did you mean hostname?"}`
	if string(out) != want {
		t.Errorf("got  %s\nwant %s", out, want)
	}
}

// TestRenderIsSafe: what a file holds does not steer the terminal, and columns
// are those that a person sees.
func TestRenderIsSafe(t *testing.T) {
	src := []byte("\tä = \"\x1b[2J\" # x\n")
	d := Diagnostic{Severity: Error, Range: Range{File: "f", Start: Pos{1, 2, 1}, End: Pos{1, 3, 3}}, Summary: "s\x07"}
	var b bytes.Buffer
	if err := d.Render(&b, map[string][]byte{"f": src}); err != nil {
		t.Fatal(err)
	}
	want := "f:1:2: error: s\ufffd\n    1 | \tä = \"\ufffd[2J\" # x\n      | \t^\n"
	if b.String() != want {
		t.Errorf("%q", b.String())
	}
}

// TestManyDomains: a host of ten thousand domains loads within seconds.
func TestManyDomains(t *testing.T) {
	c := good(t, manyDomains(10_000))
	if len(c.Rules.Domains) != 10_000 {
		t.Errorf("%d domains", len(c.Rules.Domains))
	}
}

func manyDomains(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "domain \"d%d.example\" {\n  mailboxes = [\"ann\", \"bob\"]\n  aliases = { \"sales\" = [\"ann\", \"bob\"] }\n  deliver = transport.mx\n}\n\n", i)
	}
	return b.String()
}

func BenchmarkLoad10000Domains(b *testing.B) {
	path := filepath.Join(b.TempDir(), "postroad.hcl")
	if err := os.WriteFile(path, []byte(base+manyDomains(10_000)), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, diags := Load(path, Options{}); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}

// TestManyErrors: a configuration in which everything is wrong is judged in
// reasonable time too.
func TestManyErrors(t *testing.T) {
	_, diags := load(t, map[string]string{"postroad.hcl": strings.ReplaceAll(manyDomains(3000), "transport.mx", "transport.mmx") + manyTransports(300)})
	if len(diags) < 3000 {
		t.Errorf("%d diagnostics", len(diags))
	}
}

func manyTransports(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "transport \"mx\" \"t%d\" {}\n", i)
	}
	return b.String()
}

// FuzzLoad: no text brings the loader down.
func FuzzLoad(f *testing.F) {
	for _, kind := range []string{"good", "bad"} {
		paths, _ := filepath.Glob(filepath.Join("testdata", kind, "*.txtar"))
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			_, text, _ := strings.Cut(string(src), "-- postroad.hcl --\n")
			text, _, _ = strings.Cut(text, "\n-- ")
			f.Add([]byte(text))
		}
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, src []byte) {
		path := filepath.Join(folder, "postroad.hcl")
		if err := os.WriteFile(path, src, 0o600); err != nil {
			t.Fatal(err)
		}
		c, diags := Load(path, Options{})
		if (c.Snapshot == nil) != diags.HasErrors() {
			t.Errorf("snapshot %v with diagnostics %v", c.Snapshot, diags)
		}
		var b bytes.Buffer
		if err := diags.Render(&b, c.Sources); err != nil {
			t.Fatal(err)
		}
	})
}
