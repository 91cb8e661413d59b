package archtest

import (
	"strings"
	"testing"
)

// floors is the house from the top: a package may import packages that stand
// above it, and none that stands below. A sub-package stands on its parent's
// floor, and may import its parent.
var floors = []string{
	"internal/mail",
	"internal/table",
	"internal/trust/srs", // pure, and a part of what is decided
	"internal/decide",
	"internal/smtp",
	"internal/dns",
	"internal/trust",
	"internal/durable",
	"internal/spool",
	"internal/queue",
	"internal/filter",
	"internal/report",
	"internal/history",
	"internal/migrate",
	"internal/config",
	"internal/directory",
	"internal/receive",
	"internal/deliver",
	"internal/verify",
	"internal/explain",
	"internal/importer",
	"internal/console",
	"internal/server",
	"examples",
	"internal/lab",
	"cmd/postroad",
}

// forbidden imports need a reason of their own beside the order of the floors.
var forbidden = []struct{ from, imported, reason string }{
	{"internal/mail", "net", "the words of the house do no I/O"},
	{"internal/mail", "os", "the words of the house do no I/O"},
	{"internal/mail", "log/slog", "an error is returned, not logged, by the core"},
	{"internal/table", "os", "the contract reads no file; table/file does"},
	{"internal/decide", "time", "a decision is the same for ever: no clock"},
	{"internal/decide", "math/rand", "a decision is the same for ever: lots are drawn outside"},
	{"internal/decide", "math/rand/v2", "a decision is the same for ever: lots are drawn outside"},
	{"internal/decide", "crypto/rand", "a decision is the same for ever: lots are drawn outside"},
	{"internal/decide", "os", "values in, values out"},
	{"internal/decide", "net", "values in, values out; net/netip is a value"},
	{"internal/decide", "context", "nothing in a decision can block"},
	{"internal/decide", "sync", "a decision belongs to one goroutine"},
	{"internal/decide", "log/slog", "the trace says why; the caller logs it"},
	{"internal/smtp", "internal/decide", "the wire knows nothing of rules"},
	{"internal/spool", "internal/decide", "the spool does not know what a route means"},
	{"internal/spool", "internal/table", "the spool does not know what a route means"},
	{"internal/queue", "internal/decide", "when is not where"},
	{"internal/queue", "internal/smtp", "when is not how"},
	{"internal/report", "internal/decide", "a DSN tells what happened, it does not judge"},
	{"internal/dns", "internal/decide", "names are looked up without knowing why"},
}

// testTools are packages for tests below their parent; anything may use them
// in a test.
func isTestTool(pkg string) bool {
	return strings.HasSuffix(pkg, "test") && pkg != "internal/archtest"
}

// isLab tells the small internet for tests and the demo: it is made of test
// tools.
func isLab(pkg string) bool { return pkg == "internal/lab" || strings.HasPrefix(pkg, "internal/lab/") }

func floorOf(pkg string) int {
	for i, f := range floors {
		if pkg == f || strings.HasPrefix(pkg, f+"/") {
			return i
		}
	}
	return -1
}

func TestImportsFollowTheFloors(t *testing.T) {
	tr := load(t)
	for _, f := range tr.files {
		from := floorOf(f.pkg)
		if f.test || from < 0 || isTestTool(f.pkg) {
			continue
		}
		for _, imp := range f.imports() {
			pkg, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			if to := floorOf(pkg); to < 0 || to > from || isTestTool(pkg) && !isLab(f.pkg) {
				t.Errorf("%s imports %s, which does not stand above it", f.path, pkg)
			}
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	tr := load(t)
	for _, f := range tr.files {
		if f.test || isTestTool(f.pkg) {
			continue
		}
		for _, imp := range f.imports() {
			for _, rule := range forbidden {
				if f.pkg == rule.from && strings.TrimPrefix(imp, module) == rule.imported {
					t.Errorf("%s imports %s: %s", f.path, rule.imported, rule.reason)
				}
			}
		}
	}
}

func TestEveryPackageHasAFloor(t *testing.T) {
	tr := load(t)
	for _, f := range tr.files {
		if strings.HasPrefix(f.pkg, "internal/") && !f.test && floorOf(f.pkg) < 0 && f.pkg != "internal/archtest" {
			t.Errorf("%s stands on no floor: add the package to the table and to docs/architecture.md", f.path)
		}
	}
}

func TestArchitectureNamesEveryFloor(t *testing.T) {
	tr := load(t)
	doc := readFile(t, tr, "docs/architecture.md")
	for _, f := range floors {
		if hasPackage(tr, f) && !strings.Contains(doc, "`"+strings.TrimPrefix(f, "internal/")+"`") {
			t.Errorf("docs/architecture.md does not name %s", f)
		}
	}
}

func hasPackage(tr *tree, pkg string) bool {
	for _, f := range tr.files {
		if f.pkg == pkg {
			return true
		}
	}
	return false
}
