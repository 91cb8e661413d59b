package postfix

import (
	"strconv"
	"strings"
)

// Expand puts the values of parameters for $name, ${name}, $(name),
// ${name?text}, ${name:text}, ${name?{text}:{text}} and
// ${{text}==…{text}?{text}:{text}} (postconf(5)). A reference that leads in a
// circle, or cannot be read, becomes nothing.
func (p *Parameters) Expand(s string) string {
	x := expansion{Parameters: p, left: maxReferences}
	return x.expand(s, 0)
}

// expansion is one Expand under way.
type expansion struct {
	*Parameters
	left int // references that may still be followed
}

func (x *expansion) expand(s string, depth int) string {
	if x.left--; depth > maxExpansion || x.left < 0 || !strings.Contains(s, "$") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < maxValue; {
		if s[i] != '$' {
			b.WriteByte(s[i])
			i++
			continue
		}
		i++
		if i < len(s) && s[i] == '$' {
			b.WriteByte('$')
			i++
			continue
		}
		ref, n := cutReference(s[i:])
		i += n
		b.WriteString(x.reference(ref, depth+1))
	}
	return b.String()
}

// cutReference takes what stands behind a $: a name, or what is in brackets.
func cutReference(s string) (ref string, n int) {
	if s != "" && (s[0] == '{' || s[0] == '(') {
		end := closing(s)
		if end < 0 {
			return "", len(s)
		}
		return s[1:end], end + 1
	}
	for n < len(s) && isNameByte(s[n]) {
		n++
	}
	return s[:n], n
}

// closing finds the bracket that ends the one with which s begins, or -1.
func closing(s string) int {
	open, end := s[0], byte('}')
	if open == '(' {
		end = ')'
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case open:
			depth++
		case end:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// reference gives what one reference stands for.
func (x *expansion) reference(ref string, depth int) string {
	ref = strings.TrimSpace(ref)
	if strings.HasPrefix(ref, "{") {
		return x.comparison(ref, depth)
	}
	n := 0
	for n < len(ref) && isNameByte(ref[n]) {
		n++
	}
	name, rest := ref[:n], strings.TrimSpace(ref[n:])
	x.asked[name] = true
	value := x.expand(x.raw(name), depth)
	switch {
	case rest == "":
		return value
	case rest[0] == '?':
		return x.choose(value != "", rest[1:], depth)
	case rest[0] == ':' && value == "":
		text, _ := unbraced(rest[1:])
		return x.expand(text, depth)
	case rest[0] == ':':
		return value
	}
	return ""
}

// choose reads "{yes}:{no}", "{yes}" or "yes".
func (x *expansion) choose(holds bool, s string, depth int) string {
	s = strings.TrimSpace(s)
	then, otherwise := s, ""
	if strings.HasPrefix(s, "{") {
		end := closing(s)
		if end < 0 {
			return ""
		}
		then = strings.TrimSpace(s[1:end])
		if rest, ok := strings.CutPrefix(strings.TrimSpace(s[end+1:]), ":"); ok {
			otherwise, _ = unbraced(rest)
		}
	}
	if !holds {
		then = otherwise
	}
	return x.expand(then, depth)
}

// comparison reads "{a} op {b} ? {yes} : {no}".
func (x *expansion) comparison(s string, depth int) string {
	end := closing(s)
	if end < 0 {
		return ""
	}
	left, rest := x.expand(s[1:end], depth), strings.TrimSpace(s[end+1:])
	at := strings.IndexByte(rest, '{')
	if at < 0 {
		return ""
	}
	op, rest := strings.TrimSpace(rest[:at]), rest[at:]
	if end = closing(rest); end < 0 {
		return ""
	}
	right, rest := x.expand(rest[1:end], depth), strings.TrimSpace(rest[end+1:])
	rest, ok := strings.CutPrefix(rest, "?")
	if !ok {
		return ""
	}
	return x.choose(compares(strings.TrimSpace(left), op, strings.TrimSpace(right)), rest, depth)
}

// compares compares numbers as numbers, everything else as text; "<level" and its
// like compare parts between dots.
func compares(left, op, right string) bool {
	c := strings.Compare(left, right)
	if name, ok := strings.CutSuffix(op, "level"); ok {
		op, c = name, compareLevels(left, right)
	} else if a, err := strconv.Atoi(left); err == nil {
		if b, err := strconv.Atoi(right); err == nil {
			c = a - b
		}
	}
	switch op {
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	return false
}

func compareLevels(a, b string) int {
	left, right := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < max(len(left), len(right)); i++ {
		if c := levelPart(left, i) - levelPart(right, i); c != 0 {
			return c
		}
	}
	return 0
}

func levelPart(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, _ := strconv.Atoi(parts[i])
	return n
}
