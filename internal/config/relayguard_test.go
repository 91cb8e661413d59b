package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/table/file"
)

// A cidr table that grants relay may change, but not so far that everybody may
// relay: neither alone nor together with another one.
func TestRelayTablesDoNotOpenTheRelay(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("postroad.hcl", `hostname = "mx.test"
relay "a" {
  client = table.a
}
relay "b" {
  client = table.b
}
table "file" "a" {
  path   = "a"
  format = "cidr"
}
table "file" "b" {
  path   = "b"
  format = "cidr"
}
`)
	write("a", "192.0.2.0/24\n")
	write("b", "198.51.100.0/24\n")
	c, ds := config.Load(dir, config.Options{})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	defs := c.Definitions()
	for _, step := range []struct {
		table, content string
		taken          bool
	}{
		{"a", "0.0.0.0/0\n", false},
		{"a", "!192.0.2.0/24\n", false},
		{"a", "20.0.0.0/9\n", true},
		{"b", "21.0.0.0/8\n", false}, // too much together
		{"b", "21.0.0.0/9\n", true},
	} {
		for _, d := range defs {
			if d.Name != step.table {
				continue
			}
			content, err := file.Parse(d.Format, d.Shown, strings.NewReader(step.content))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Check(content); (err == nil) != step.taken {
				t.Errorf("%s: %q: %v", step.table, step.content, err)
			}
		}
	}
}
