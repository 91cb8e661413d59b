package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLists: what the lists would break stands in the source, so that make
// mutation does not come to a halt where somebody moved a line.
func TestLists(t *testing.T) {
	t.Chdir("../..")
	files, err := filepath.Glob("test/mutation/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no lists: %v", err)
	}
	for _, file := range files {
		l, err := read(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(l.judges) == 0 || len(l.mutations) == 0 {
			t.Errorf("%s: %d judges, %d mutations", file, len(l.judges), len(l.mutations))
		}
		for _, m := range l.mutations {
			if _, err := m.apply(); err != nil {
				t.Errorf("%s: %s: %v", file, m.what, err)
			}
		}
	}
}

// TestListRefuses what is no list.
func TestListRefuses(t *testing.T) {
	for _, text := range []string{"judge x", "== a", "- x", "nonsense here", "judge a | test\n== x | y | b"} {
		file := filepath.Join(t.TempDir(), "list.txt")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(file); err == nil {
			t.Errorf("%q is taken for a list", text)
		}
	}
}
