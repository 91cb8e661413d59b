package peer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOneEach(t *testing.T) {
	got := oneEach("a = 1\nb = 2\n# a = 3\n\n  3\nc =\na=4\n\t5\n")
	if want := "b = 2\n  3\nc =\na=4\n\t5\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A warning of main.cf is one that postlogd may wait for (see oneEach).
func TestPostfixHasNothingToWarnOf(t *testing.T) {
	p := StartPostfix(t, "mydestination = a.test\nmynetworks = 127.0.0.8/32\n")
	p.End()
	log, err := os.ReadFile(filepath.Join(p.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(log), "overriding earlier entry") {
		t.Errorf("%s", log)
	}
}
