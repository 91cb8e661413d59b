package file

import (
	"bytes"
	"fmt"
	"strings"
)

// Tables of rules (cidr, regexp) are read in file order, the first that holds
// answers. They share negation ("!") and if … endif.

// ruleKind tells lines of a table of rules apart.
type ruleKind uint8

const (
	ruleResult ruleKind = iota
	ruleIf
	ruleEndif
)

// ruleLine is the frame of a line: "if", "!" and what follows.
type ruleLine struct {
	kind   ruleKind
	negate bool
	rest   []byte
}

// cutRule takes the frame off a line.
func cutRule(line []byte) ruleLine {
	var r ruleLine
	word, rest, _ := bytes.Cut(line, []byte(" "))
	if tab := bytes.IndexByte(word, '\t'); tab >= 0 {
		word, rest = line[:tab], line[tab+1:]
	}
	switch strings.ToLower(string(word)) {
	case "endif":
		return ruleLine{kind: ruleEndif, rest: bytes.TrimSpace(rest)}
	case "if":
		r.kind, line = ruleIf, bytes.TrimLeft(rest, " \t")
	}
	for len(line) > 0 && line[0] == '!' {
		r.negate = !r.negate
		line = bytes.TrimLeft(line[1:], " \t")
	}
	r.rest = line
	return r
}

// nesting matches endif with if.
type nesting struct {
	open     []int // indexes of the rules that are open
	lines    []int
	problems *Problems
}

func (n *nesting) begin(rule, line int) {
	n.open, n.lines = append(n.open, rule), append(n.lines, line)
}

// end gives the index of the rule that is closed.
func (n *nesting) end(line int) (rule int, ok bool) {
	last := len(n.open) - 1
	if last < 0 {
		n.problems.add(line, "endif without if")
		return 0, false
	}
	rule = n.open[last]
	n.open, n.lines = n.open[:last], n.lines[:last]
	return rule, true
}

func (n *nesting) finish() {
	for _, line := range n.lines {
		n.problems.add(line, "if without endif")
	}
}

func place(shown string, line int) string { return fmt.Sprintf("%s:%d", shown, line) }
