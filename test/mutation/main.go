// Command mutation breaks the product on purpose, one line at a time, and holds
// that the tests notice: each mutation of the lists beside it is laid over the
// source (nothing in the tree changes), and a judge that its list names must
// fail. One that all pass is printed, and the exit is 1. So is one that passes
// the judge which the mutation asks for, though another fails: a simulation that
// leaves a broken promise to the unit tests is no judge of that promise.
//
// It does not judge the other tests, which notice most mutations as well.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	lists := flag.String("list", "test/mutation/*.txt", "the lists")
	only := flag.String("only", "", "mutations whose name contains this")
	flag.Parse()
	missed, err := run(*lists, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(2)
	}
	if missed > 0 {
		os.Exit(1)
	}
}

// run judges what the lists hold and tells how many went unnoticed.
func run(lists, only string) (missed int, err error) {
	files, err := filepath.Glob(lists)
	if err != nil {
		return 0, err
	}
	tried := 0
	for _, file := range files {
		l, err := read(file)
		if err != nil {
			return missed, err
		}
		for _, m := range l.mutations {
			if !strings.Contains(m.what, only) {
				continue
			}
			by, err := l.judge(m)
			if err != nil {
				return missed, fmt.Errorf("%s: %w", m.what, err)
			}
			tried++
			if by == "" || m.by != "" && by != m.by {
				missed++
				by = strings.TrimSpace("NOT AS IT SHOULD " + by)
			}
			fmt.Printf("%-60s noticed by %s\n", m.what, by)
		}
	}
	fmt.Printf("%d mutations, %d missed\n", tried, missed)
	return missed, nil
}
