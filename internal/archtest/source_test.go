package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/postroad/postroad/"

// sourceFile is one parsed file of the project.
type sourceFile struct {
	path string // relative to the root, with slashes
	pkg  string // folder relative to the root
	test bool
	ast  *ast.File
}

// tree is the parsed project.
type tree struct {
	root  string
	fset  *token.FileSet
	files []sourceFile
}

// load parses every Go file below the root of the module.
func load(t *testing.T) *tree {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tr := &tree{root: root, fset: token.NewFileSet()}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		return tr.add(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.files) == 0 {
		t.Fatal("no source found")
	}
	return tr
}

func (tr *tree) add(path string) error {
	f, err := parser.ParseFile(tr.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(tr.root, path)
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(rel)
	tr.files = append(tr.files, sourceFile{
		path: rel,
		pkg:  filepath.ToSlash(filepath.Dir(rel)),
		test: strings.HasSuffix(rel, "_test.go"),
		ast:  f,
	})
	return nil
}

// imports are the import paths of a file.
func (f sourceFile) imports() []string {
	var out []string
	for _, s := range f.ast.Imports {
		out = append(out, strings.Trim(s.Path.Value, `"`))
	}
	return out
}

func readFile(t *testing.T, tr *tree, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(tr.root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
