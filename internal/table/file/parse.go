package file

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/postroad/postroad/internal/table"
)

// Problem is one thing wrong with a file.
type Problem struct {
	Line int // 0: the file as a whole
	What string
}

// Problems is the error of a file that was read and is not well-formed.
type Problems struct {
	Shown string // the file as the configuration names it
	List  []Problem
	More  int // problems beyond those listed
}

// maxProblems bounds the report on a file that is something else altogether.
const maxProblems = 20

// Error lists the problems, a line each.
func (p *Problems) Error() string {
	var b strings.Builder
	for i, q := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		if q.Line > 0 {
			fmt.Fprintf(&b, "%s:%d: %s", p.Shown, q.Line, q.What)
		} else {
			fmt.Fprintf(&b, "%s: %s", p.Shown, q.What)
		}
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more", p.Shown, p.More)
	}
	return b.String()
}

func (p *Problems) add(line int, format string, args ...any) {
	if len(p.List) >= maxProblems {
		p.More++
		return
	}
	p.List = append(p.List, Problem{Line: line, What: fmt.Sprintf(format, args...)})
}

// ErrFormat is the error for a format that does not exist.
var ErrFormat = errors.New("no such table format")

// Parse reads content in a format. shown names the file in answers and
// problems. The error is *Problems, ErrFormat, or what r gave.
func Parse(format, shown string, r io.Reader) (table.Resident, error) {
	p := &parser{problems: &Problems{Shown: shown}, shown: shown}
	read, known := map[string]func(*parser, io.Reader) (table.Resident, error){
		"list":      (*parser).list,
		"map":       (*parser).mapping,
		"virtual":   (*parser).virtual,
		"transport": (*parser).transport,
		"cidr":      (*parser).cidr,
		"regexp":    (*parser).regexp,
		"csv":       (*parser).csv,
		"cdb":       (*parser).cdb,
		"lmdb":      (*parser).lmdb,
	}[format]
	if !known {
		return nil, fmt.Errorf("%w: %q", ErrFormat, format)
	}
	content, err := read(p, r)
	if err != nil {
		return nil, err
	}
	if len(p.problems.List) > 0 {
		slices.SortStableFunc(p.problems.List, func(a, b Problem) int { return a.Line - b.Line })
		return nil, p.problems
	}
	return content, nil
}

// parser is the state that all formats share.
type parser struct {
	problems *Problems
	shown    string
}
