package file

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/table"
)

// expressions is the content of a regexp table.
type expressions struct {
	rules []expression
	n     int
}

type expression struct {
	kind   ruleKind
	negate bool
	re     *regexp.Regexp
	end    int        // of an if: index of the first rule behind its endif
	values [][]string // of a result, each as texts and groups in turn ("$1")
	groups bool       // some value holds a group
	answer table.Answer
}

// regexp reads regexp_table(5). Patterns that RE2 has no answer for in linear
// time (back references, look-around) are refused.
func (p *parser) regexp(r io.Reader) (table.Resident, error) {
	in := newLines(r, p.problems)
	t := &expressions{}
	nest := nesting{problems: p.problems}
	for {
		line, number, ok := in.next()
		if !ok {
			break
		}
		rule := cutRule(bytes.TrimLeft(line, " \t"))
		if rule.kind == ruleEndif {
			if i, ok := nest.end(number); ok {
				t.rules[i].end = len(t.rules)
			}
			continue
		}
		e := expression{kind: rule.kind, negate: rule.negate}
		rest, what := e.compile(string(rule.rest))
		if what == "" && rule.kind == ruleResult {
			what = e.result(rest, place(p.shown, number))
			t.n++
		}
		if what != "" {
			p.problems.add(number, "%s", what)
		}
		if rule.kind == ruleIf {
			nest.begin(len(t.rules), number)
		}
		t.rules = append(t.rules, e)
	}
	nest.finish()
	return t, in.failed()
}

// compile reads "/pattern/flags" and gives what follows.
func (e *expression) compile(s string) (rest, problem string) {
	if s == "" || s[0] >= 0x80 || isAlnum(s[0]) {
		return "", quoted(s) + " is no /pattern/ result"
	}
	end := 1
	for end < len(s) && s[end] != s[0] {
		if s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s) {
		return "", "the pattern has no closing " + quoted(s[:1])
	}
	pattern, after := s[1:end], s[end+1:]
	stop := strings.IndexAny(after, " \t")
	if stop < 0 {
		stop = len(after)
	}
	mode, problem := flags(after[:stop])
	if problem != "" {
		return "", problem
	}
	re, err := regexp.Compile(mode + pattern)
	if err != nil {
		return "", refused(pattern, err)
	}
	re.Longest() // regexp_table(5) matches as POSIX does
	e.re = re
	return strings.TrimSpace(after[stop:]), ""
}

// flags turns the letters behind a pattern into RE2's. Each letter toggles; "i",
// matching without case, is on from the start.
func flags(letters string) (mode, problem string) {
	fold, lines := true, false
	for _, c := range letters {
		switch c {
		case 'i':
			fold = !fold
		case 'm':
			lines = !lines
		case 'x':
			return "", "flag x asks for basic expressions, which are not there; write an extended one"
		default:
			return "", quoted(string(c)) + " is no flag of regexp_table(5)"
		}
	}
	if fold {
		mode += "(?i)"
	}
	if lines {
		mode += "(?m)"
	}
	return mode, ""
}

// refused says why RE2 does not take a pattern.
func refused(pattern string, err error) string {
	why := err.Error()
	if e := new(syntax.Error); errors.As(err, &e) {
		why = string(e.Code) + ": " + quoted(e.Expr)
		switch {
		case lookAround(e.Expr):
			why += " (look-ahead and look-behind are not there)"
		case e.Code == syntax.ErrInvalidEscape && len(e.Expr) == 2 && e.Expr[1] >= '1' && e.Expr[1] <= '9':
			why += " (back references are not there)"
		}
	}
	return "/" + pattern + "/ is refused: " + why
}

func lookAround(expr string) bool {
	for _, p := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.HasPrefix(expr, p) {
			return true
		}
	}
	return false
}

// result takes the right side apart: values at commas, and in each its groups.
// It is split before groups are put in, so that a key cannot add a value.
func (e *expression) result(s, source string) string {
	e.answer = table.Answer{Status: table.Found, Source: source}
	for _, v := range split(nil, []byte(s), isComma) {
		parts, problem := e.template(string(v))
		if problem != "" {
			return problem
		}
		e.groups = e.groups || len(parts) > 1
		e.values = append(e.values, parts)
		e.answer.Values = append(e.answer.Values, parts[0])
	}
	return ""
}

// template reads $1, ${1}, $(1) and $$: texts at even places, group numbers at
// odd ones.
func (e *expression) template(s string) (parts []string, problem string) {
	text := ""
	for {
		before, after, is := strings.Cut(s, "$")
		text += before
		if !is {
			return append(parts, text), ""
		}
		if strings.HasPrefix(after, "$") {
			text, s = text+"$", after[1:]
			continue
		}
		name, rest := cutGroup(after)
		n, err := strconv.Atoi(name)
		switch {
		case err != nil || n < 1:
			return nil, "a $ in a result names a group, as $1, or is written $$"
		case e.negate:
			return nil, "$" + name + " in the result of a negated pattern, which has no groups"
		case n > e.re.NumSubexp():
			return nil, "$" + name + " names a group that the pattern does not have"
		}
		parts = append(parts, text, name)
		text, s = "", rest
	}
}

// cutGroup reads the name of a group behind its $.
func cutGroup(s string) (name, rest string) {
	for _, pair := range []string{"{}", "()"} {
		if strings.HasPrefix(s, pair[:1]) {
			if end := strings.IndexByte(s, pair[1]); end > 0 {
				return s[1:end], s[end+1:]
			}
			return "", s
		}
	}
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	return s[:end], s[end:]
}

// Lookup tries the rules in file order.
func (t *expressions) Lookup(key string) table.Answer {
	for i := 0; i < len(t.rules); i++ {
		e := &t.rules[i]
		if e.kind == ruleResult && e.groups {
			if at := e.re.FindStringSubmatchIndex(key); at != nil {
				return e.fill(key, at)
			}
			continue
		}
		holds := e.re.MatchString(key) != e.negate
		switch {
		case e.kind == ruleIf && !holds:
			i = e.end - 1
		case e.kind == ruleResult && holds:
			return e.answer
		}
	}
	return table.Answer{Status: table.NotFound}
}

// fill puts the groups of a match into the values.
func (e *expression) fill(key string, at []int) table.Answer {
	a := e.answer
	a.Values = make([]string, len(e.values))
	for i, parts := range e.values {
		var b strings.Builder
		for j, part := range parts {
			if j%2 == 0 {
				b.WriteString(part)
				continue
			}
			n, _ := strconv.Atoi(part)
			if at[2*n] >= 0 {
				b.WriteString(key[at[2*n]:at[2*n+1]])
			}
		}
		a.Values[i] = b.String()
	}
	return a
}

// Whole tells that only whole addresses are asked (regexp_table(5)).
func (t *expressions) Whole() bool { return true }

// Len is the number of rules with a result.
func (t *expressions) Len() int { return t.n }

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func quoted(s string) string { return strconv.Quote(s) }
