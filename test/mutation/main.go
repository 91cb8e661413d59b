// Command mutation breaks the core on purpose, one matcher or stage at a time,
// and holds that the tests notice: each mutation of mutations.txt is laid over
// the source (nothing in the tree changes), and the oracle of decide or the
// property test must fail. One that both pass is printed, and the exit is 1.
//
// It does not judge the other tests, which notice most mutations as well.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mutation replaces old, which stands exactly once in file, by new.
type mutation struct {
	what, file, old, new string
}

// judges are tried in turn until one fails; the cheap one first.
var judges = []struct {
	name string
	args []string
}{
	{"oracle", []string{"test", "-count=1", "-run", "Oracle", "./internal/decide"}},
	{"property", []string{"test", "-count=1", "-short", "./test/property"}},
}

func main() {
	list := flag.String("list", "test/mutation/mutations.txt", "the mutations")
	only := flag.String("only", "", "those whose name contains this")
	flag.Parse()
	missed, err := run(*list, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(2)
	}
	if missed > 0 {
		os.Exit(1)
	}
}

func run(list, only string) (missed int, err error) {
	b, err := os.ReadFile(list)
	if err != nil {
		return 0, err
	}
	all, err := parse(string(b))
	if err != nil {
		return 0, err
	}
	tried := 0
	for _, m := range all {
		if !strings.Contains(m.what, only) {
			continue
		}
		by, err := judge(m)
		if err != nil {
			return missed, fmt.Errorf("%s: %w", m.what, err)
		}
		tried++
		if by == "" {
			missed++
			by = "NOBODY"
		}
		fmt.Printf("%-50s noticed by %s\n", m.what, by)
	}
	fmt.Printf("%d mutations, %d missed\n", tried, missed)
	return missed, nil
}

// parse reads blocks of "== what | file", "- old" and "+ new" lines.
func parse(text string) ([]mutation, error) {
	var out []mutation
	for n, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "== "):
			what, file, ok := strings.Cut(line[3:], " | ")
			if !ok {
				return nil, fmt.Errorf("line %d: no file", n+1)
			}
			out = append(out, mutation{what: what, file: file})
		case strings.HasPrefix(line, "- ") && len(out) > 0:
			out[len(out)-1].old = line[2:]
		case strings.HasPrefix(line, "+ ") && len(out) > 0:
			out[len(out)-1].new = line[2:]
		case line == "", strings.HasPrefix(line, "#"):
		default:
			return nil, fmt.Errorf("line %d: %q", n+1, line)
		}
	}
	return out, nil
}

// judge gives the name of the test that noticed, "" when none did.
func judge(m mutation) (string, error) {
	dir, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := lay(m, dir)
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "./internal/decide").CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not compile: %s", out)
	}
	for _, j := range judges {
		args := append([]string{j.args[0], "-overlay", overlay}, j.args[1:]...)
		if err := exec.Command("go", args...).Run(); err != nil {
			return j.name, nil
		}
	}
	return "", nil
}

// lay writes the mutated file and the overlay that puts it in its place.
func lay(m mutation, dir string) (string, error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(src), m.old); n != 1 {
		return "", fmt.Errorf("%q stands %d times in %s", m.old, n, m.file)
	}
	mutated := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(src), m.old, m.new, 1)), 0o600); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {abs: mutated}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o600)
}
