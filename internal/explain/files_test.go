package explain_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/postroad/postroad/internal/explain"
	"github.com/postroad/postroad/internal/server"
)

// What the operating system and the TLS library say of files is not ours to
// hold still, so these look at rules and summaries only.
func TestCheckFiles(t *testing.T) {
	const door = `hostname = "mx.test"
data     = "/nonexistent"
listener "public" {
  bind        = ["127.0.0.1:0"]
  tls         = "offer"
  certificate = "mx.pem"
}
`
	cases := []struct {
		name, config, rule, summary string
		files                       map[string]string
	}{
		{"no certificate", door, "listener.public", "certificate cannot be used", nil},
		{"broken certificate", door, "listener.public", "certificate cannot be used", map[string]string{"mx.pem": "nonsense"}},
		{"no table", door[:len(door)-len("  tls         = \"offer\"\n  certificate = \"mx.pem\"\n}\n")] + `}
table "file" "users" {
  path   = "users"
  format = "list"
}
`, "table.users", "table cannot be read", nil},
		{"no directory", `hostname = "mx.test"
data     = "/nonexistent"
directory "file" "staff" {
  path = "staff"
}
`, "directory.staff", "directory cannot be read", nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			tc.files = mapWith(tc.files, "postroad.hcl", tc.config)
			for name, content := range tc.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r := explain.Check(server.OpenOffline(t.Context(), dir).Subject())
			if len(r.Errors) != 1 || r.Errors[0].Rule != tc.rule || r.Errors[0].Summary != tc.summary {
				t.Errorf("errors: %+v, want %s: %s", r.Errors, tc.rule, tc.summary)
			}
			for _, w := range r.Warnings {
				if w.Rule == tc.rule && w.Summary != "unused table" {
					t.Errorf("told twice: %+v", w)
				}
			}
		})
	}
}

// A pipe is no directory, and nobody waits for one.
func TestCheckDirectoryThatIsAPipe(t *testing.T) {
	dir := t.TempDir()
	const config = "hostname = \"mx.test\"\ndata = \"/nonexistent\"\ndirectory \"file\" \"staff\" {\n  path = \"staff\"\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "postroad.hcl"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "staff"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := explain.Check(server.OpenOffline(t.Context(), dir).Subject())
	if len(r.Errors) != 1 || r.Errors[0].Rule != "directory.staff" {
		t.Errorf("errors: %+v", r.Errors)
	}
}

func mapWith(m map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// writeConfig writes a configuration that relays by MX.
func writeConfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "postroad.hcl")
	const config = `hostname = "mx.test"
data     = "/nonexistent"
listener "public" {
  bind = ["127.0.0.1:0"]
}
relay "office" {
  client = ["10.0.0.0/8"]
}
`
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A directory that is asked over a network is no file that could be missing.
func TestCheckAsksNoDirectory(t *testing.T) {
	dir := t.TempDir()
	content := `hostname = "mx.test"
data     = "/nonexistent"
directory "dovecot" "staff" {
  address = "127.0.0.1:1"
}
directory "ldap" "people" {
  url  = "ldaps://ldap.test"
  bind = "uid={name}"
}
`
	if err := os.WriteFile(filepath.Join(dir, "postroad.hcl"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := explain.Check(server.OpenOffline(t.Context(), dir).Subject()); len(r.Errors) != 0 {
		t.Errorf("errors: %+v", r.Errors)
	}
}
