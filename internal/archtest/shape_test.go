package archtest

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

// Bounds on the shape of functions. A protocol switch or a flat parser may pass
// longFunction; nothing passes longestFunction.
const (
	longFunction    = 80
	longestFunction = 150
	longShare       = 3 // percent of all functions that may be long
	maxParameters   = 5
)

func eachFunction(tr *tree, do func(sourceFile, *ast.FuncDecl, int)) {
	for _, f := range tr.files {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				lines := tr.fset.Position(fn.End()).Line - tr.fset.Position(fn.Pos()).Line + 1
				do(f, fn, lines)
			}
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	tr := load(t)
	all, long := 0, 0
	eachFunction(tr, func(f sourceFile, fn *ast.FuncDecl, lines int) {
		all++
		if lines > longFunction {
			long++
			t.Logf("%s: %s has %d lines", f.path, fn.Name.Name, lines)
		}
		if lines > longestFunction {
			t.Errorf("%s: %s has %d lines", f.path, fn.Name.Name, lines)
		}
	})
	if long*100 > all*longShare {
		t.Errorf("%d of %d functions have more than %d lines", long, all, longFunction)
	}
}

func TestFewParameters(t *testing.T) {
	tr := load(t)
	eachFunction(tr, func(f sourceFile, fn *ast.FuncDecl, _ int) {
		if n := fn.Type.Params.NumFields(); n > maxParameters {
			t.Errorf("%s: %s takes %d parameters", f.path, fn.Name.Name, n)
		}
	})
}

func TestExportedFunctionsTakeNoBooleans(t *testing.T) {
	tr := load(t)
	eachFunction(tr, func(f sourceFile, fn *ast.FuncDecl, _ int) {
		if !fn.Name.IsExported() {
			return
		}
		for _, p := range fn.Type.Params.List {
			if id, ok := p.Type.(*ast.Ident); ok && id.Name == "bool" {
				t.Errorf("%s: exported %s takes a bool: give the choice a name", f.path, fn.Name.Name)
			}
		}
	})
}

func TestPackageDocs(t *testing.T) {
	tr := load(t)
	docs := map[string]string{}
	for _, f := range tr.files {
		if f.test {
			continue
		}
		docs[f.pkg] += f.ast.Doc.Text()
	}
	for pkg, doc := range docs {
		if len(strings.Fields(doc)) < 12 {
			t.Errorf("%s: the package does not say what it does and what it does not", pkg)
		}
	}
}

func TestNoInitNoGlobals(t *testing.T) {
	tr := load(t)
	for _, f := range tr.files {
		if f.test || isTestTool(f.pkg) {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init registers behind the reader's back", f.path)
			}
		}
	}
}

// Pure packages start no goroutine and never read a clock.
func TestPureCore(t *testing.T) {
	tr := load(t)
	pure := map[string]bool{"internal/mail": true, "internal/table": true, "internal/decide": true}
	for _, f := range tr.files {
		scheduler := f.path == "internal/queue/scheduler.go"
		if f.test || (!pure[f.pkg] && !scheduler) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s starts a goroutine", f.path)
			}
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && id.Name == "time" && readsClock(sel.Sel.Name) {
					t.Errorf("%s calls time.%s: the clock is an argument", f.path, sel.Sel.Name)
				}
			}
			return true
		})
	}
}

func readsClock(name string) bool {
	switch name {
	case "Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick":
		return true
	}
	return false
}

// symbolRef is how docs/flow.md names code: `receive/accept.go: Acceptor.Commit`.
var symbolRef = regexp.MustCompile("`([a-z]+/[a-z_/]+\\.go): ([A-Za-z_.]+)`")

func TestFlowNamesSymbolsThatExist(t *testing.T) {
	tr := load(t)
	refs := symbolRef.FindAllStringSubmatch(readFile(t, tr, "docs/flow.md"), -1)
	if len(refs) < 8 {
		t.Fatalf("docs/flow.md names %d symbols; the way of a message is longer", len(refs))
	}
	for _, r := range refs {
		if !hasSymbol(tr, "internal/"+r[1], r[2]) {
			t.Errorf("docs/flow.md names %s in %s, which is not there", r[2], r[1])
		}
	}
}

func hasSymbol(tr *tree, file, symbol string) bool {
	for _, f := range tr.files {
		if f.path != file {
			continue
		}
		for _, d := range f.ast.Decls {
			if declares(d, symbol) {
				return true
			}
		}
	}
	return false
}

func declares(d ast.Decl, symbol string) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return funcName(d) == symbol
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.Name == symbol {
				return true
			}
		}
	}
	return false
}

// funcName is "Type.Method" or "Func".
func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name + "." + d.Name.Name
	}
	return d.Name.Name
}
