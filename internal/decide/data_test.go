package decide

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDecisions runs testdata/*.txt: "rules" blocks and lines that send, each
// with the decision below "----". `go test -rewrite` writes the decisions anew;
// the difference is read in review.
func TestDecisions(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	if len(files) == 0 {
		t.Fatal("no testdata")
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { runFile(t, f, rewriting()) })
	}
}

// rewriting tells whether the flag was given; the oracle never asks it.
func rewriting() bool {
	f := flag.Lookup("rewrite")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("rewrite", false, "write the decisions in testdata/*.txt anew")
	os.Exit(m.Run())
}

// runFile runs one file; blocks are separated by empty lines.
func runFile(t *testing.T, name string, rewrite bool) (cases []string) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var w *world
	line := 1
	for _, text := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n\n") {
		at := line
		line += strings.Count(text, "\n") + 2
		comment, body := cutComment(text)
		switch {
		case strings.HasPrefix(body, "rules\n"):
			w = parseWorld(strings.TrimPrefix(body, "rules\n"))
		case body != "":
			cases = append(cases, comment)
			input, want, _ := strings.Cut(body, "\n----")
			want = strings.TrimPrefix(want, "\n")
			e := parseEnvelope(strings.ReplaceAll(input, "\n  ", " "))
			got := strings.TrimSuffix(render(w.decide(e), e), "\n")
			if rewrite {
				text = comment + input + "\n----\n" + got
			} else if got != want {
				t.Errorf("%s:%d: %s%s\ngot:\n%s\nwant:\n%s", name, at, comment, input, got, want)
			}
		}
		out = append(out, text)
	}
	if rewrite {
		if err := os.WriteFile(name, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return cases
}

// cutComment takes the lines off that begin with "#".
func cutComment(text string) (comment, body string) {
	for {
		line, rest, more := strings.Cut(text, "\n")
		if !strings.HasPrefix(line, "#") {
			return comment, text
		}
		comment += line + "\n"
		if !more {
			return comment, ""
		}
		text = rest
	}
}
