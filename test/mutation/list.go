package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// list is a file of mutations and who judges them.
type list struct {
	judges    []judge
	mutations []mutation
}

// judge is a run of go that fails for what it notices. They are tried in turn,
// in the order of the list.
type judge struct {
	name string
	args []string
}

// mutation replaces old, which stands exactly once in file, by new.
type mutation struct {
	what, file string
	by         string // the judge that must notice it; "": any
	old, new   []string
}

// read reads a list: lines "judge NAME | arguments of go", then blocks of
// "== what | file" or "== what | file | judge", "- old" and "+ new" lines.
func read(file string) (*list, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	l := &list{}
	for n, line := range strings.Split(string(b), "\n") {
		if err := l.line(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n+1, err)
		}
	}
	return l, nil
}

func (l *list) line(line string) error {
	switch kind, rest, _ := strings.Cut(line, " "); kind {
	case "", "#":
	case "judge":
		name, args, ok := strings.Cut(rest, " | ")
		if !ok {
			return fmt.Errorf("no arguments: %q", line)
		}
		l.judges = append(l.judges, judge{name, strings.Fields(args)})
	case "==":
		parts := strings.Split(rest, " | ")
		if len(parts) < 2 || len(parts) > 3 {
			return fmt.Errorf("no file: %q", line)
		}
		m := mutation{what: parts[0], file: parts[1]}
		if len(parts) == 3 {
			m.by = parts[2]
		}
		if m.by != "" && !slices.ContainsFunc(l.judges, func(j judge) bool { return j.name == m.by }) {
			return fmt.Errorf("no judge %q", m.by)
		}
		l.mutations = append(l.mutations, m)
	case "-", "+":
		if len(l.mutations) == 0 {
			return fmt.Errorf("no mutation: %q", line)
		}
		m := &l.mutations[len(l.mutations)-1]
		if kind == "-" {
			m.old = append(m.old, rest)
		} else {
			m.new = append(m.new, rest)
		}
	default:
		return fmt.Errorf("unknown: %q", line)
	}
	return nil
}

// apply gives the file of a mutation as it makes it.
func (m *mutation) apply() ([]byte, error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return nil, err
	}
	old, text := strings.Join(m.old, "\n")+"\n", string(src)
	if n := strings.Count(text, old); n != 1 || len(m.old) == 0 {
		return nil, fmt.Errorf("%q stands %d times in %s", old, n, m.file)
	}
	var next string
	if len(m.new) > 0 {
		next = strings.Join(m.new, "\n") + "\n"
	}
	return []byte(strings.Replace(text, old, next, 1)), nil
}
