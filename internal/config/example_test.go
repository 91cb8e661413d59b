package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// contract is the page that fixes the language; it stands beside the repository.
const contract = "../../../shared/CONFIG.md"

// TestContractExample: the example of the contract is told precisely which kinds
// are not built yet, and nothing else.
func TestContractExample(t *testing.T) {
	page, err := os.ReadFile(contract)
	if err != nil {
		t.Skip("the contract is not beside this tree")
	}
	m := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("no example in the contract")
	}
	path := filepath.Join(t.TempDir(), "postroad.hcl")
	if err := os.WriteFile(path, m[1], 0o600); err != nil {
		t.Fatal(err)
	}
	c, diags := Load(path, Options{Serving: true})
	if len(diags) < 5 {
		t.Errorf("only %d diagnostics: were all kinds recognised?", len(diags))
	}
	for _, d := range diags {
		if !strings.HasSuffix(d.Summary, "is not built yet") {
			var b strings.Builder
			_ = d.Render(&b, c.Sources)
			t.Error(b.String())
		}
	}
}
