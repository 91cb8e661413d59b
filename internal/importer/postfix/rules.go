package postfix

import (
	"fmt"
	"regexp"
	"strings"
)

// Rule is one line of a regexp or pcre table.
type Rule struct {
	Line    int
	Kind    string // "", "if", "endif"
	Negated bool
	Pattern string // as written, without its delimiters
	Mode    string // of RE2: "(?i)", "(?is)", …
	Value   string
	re      *regexp.Regexp
	Why     string // not empty: cannot be carried over, and why
}

// parseRules reads regexp_table(5) and pcre_table(5); kind says which.
func parseRules(kind, text string) []Rule {
	var out []Rule
	for _, l := range logicalLines(text) {
		r := Rule{Line: l.number}
		r.read(kind, l.text)
		out = append(out, r)
	}
	return out
}

func (r *Rule) read(kind, s string) {
	word, rest, _ := strings.Cut(s, " ")
	switch strings.ToLower(word) {
	case "endif":
		r.Kind = "endif"
		return
	case "if":
		r.Kind, s = "if", strings.TrimSpace(rest)
	}
	if after, is := strings.CutPrefix(s, "!"); is {
		r.Negated, s = true, strings.TrimSpace(after)
	}
	if s == "" || isNameByte(s[0]) {
		r.Why = "is no /pattern/ result"
		return
	}
	end := 1
	for end < len(s) && s[end] != s[0] {
		if s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s) {
		r.Why = "has no end of its pattern"
		return
	}
	after := s[end+1:]
	flags := after
	if i := strings.IndexAny(after, " \t"); i >= 0 {
		flags, r.Value = after[:i], strings.TrimSpace(after[i:])
	}
	r.compile(kind, s[1:end], flags)
}

// compile turns the flags, each of which toggles, into RE2's. pcre is without
// case and lets the dot match everything from the start.
func (r *Rule) compile(kind, pattern, flags string) {
	r.Pattern = pattern
	on := map[rune]bool{'i': true, 's': kind == "pcre", 'm': false}
	for _, f := range flags {
		if _, known := on[f]; !known {
			r.Why = fmt.Sprintf("has the flag %q", string(f))
			return
		}
		on[f] = !on[f]
	}
	letters := ""
	for _, f := range "ims" {
		if on[f] {
			letters += string(f)
		}
	}
	if letters != "" {
		r.Mode = "(?" + letters + ")"
	}
	re, err := regexp.Compile(r.Mode + pattern)
	if err != nil {
		r.Why = "is no expression of RE2"
		return
	}
	r.re = re
}

// findRule gives the result of the first rule that holds, with its groups put in.
func findRule(rules []Rule, key string) (Entry, bool) {
	skip := 0 // depth of if blocks that do not hold
	for i := range rules {
		r := &rules[i]
		switch {
		case r.Kind == "endif":
			skip = max(0, skip-1)
			continue
		case skip > 0:
			if r.Kind == "if" {
				skip++
			}
			continue
		case r.re == nil:
			continue
		}
		at := r.re.FindStringSubmatchIndex(key)
		holds := (at != nil) != r.Negated
		switch {
		case r.Kind == "if" && !holds:
			skip = 1
		case r.Kind == "" && holds:
			return Entry{Key: key, Value: r.fill(key, at), Line: r.Line}, true
		}
	}
	return Entry{}, false
}

// fill puts groups for $1, ${1} and $(1).
func (r *Rule) fill(key string, at []int) string {
	if at == nil || !strings.Contains(r.Value, "$") {
		return r.Value
	}
	var out []byte
	return string(r.re.ExpandString(out, groupNames(r.Value), key, at))
}

// groupNames writes references as Go's regexp wants them: ${1}.
func groupNames(s string) string {
	return regexp.MustCompile(`\$(?:\((\d+)\)|\{(\d+)\}|(\d+))`).ReplaceAllString(s, "$${$1$2$3}")
}
