package postfix

import (
	"regexp"
	"slices"
	"strings"
)

// hasPatterns tells whether some table is of expressions.
func (ts Tables) hasPatterns() bool {
	return slices.ContainsFunc(ts.List, func(t *Table) bool { return t.isPattern() })
}

// patternLines writes tables as one regexp table, in the order in which Postfix
// asks: whole addresses in the order of the tables, expressions among them; then
// addresses without their extension; then bare local parts of our own sites; then
// "@domain". value turns a right side into ours.
func (im *importer) patternLines(ts Tables, value func(string) string) []string {
	var whole, bare, loose, wild []string
	for _, t := range ts.List {
		if t.isPattern() {
			whole = append(whole, im.ruleLines(ts.Parameter, t, value)...)
			continue
		}
		for _, e := range t.Entries {
			local, domain, ok := cut(strings.ToLower(e.Key))
			v := value(strings.ReplaceAll(e.Value, "$", "$$"))
			switch {
			case v == "":
			case !ok && ts.Parameter == "virtual_alias_maps":
				for _, key := range im.aliasKeys(t, e) {
					loose = append(loose, im.keyLines(key, v)...)
				}
			case !ok:
			case local == "":
				wild = append(wild, "/@"+regexp.QuoteMeta(domain)+"$/ "+v)
			default:
				lines := im.keyLines(local+"@"+domain, v)
				whole, bare = append(whole, lines[0]), append(bare, lines[1:]...)
			}
		}
	}
	return slices.Concat(whole, bare, loose, wild)
}

// keyLines writes an address as an expression, and another one for it with an
// extension.
func (im *importer) keyLines(key, value string) []string {
	local, domain, _ := cut(key)
	name, at := "/^"+slashed(regexp.QuoteMeta(local)), "@"+regexp.QuoteMeta(domain)+"$/ "+value
	lines := []string{name + at}
	if im.model.delimiters != "" && split(local, im.model.delimiters) == 0 {
		lines = append(lines, name+delimiterClass(im.model.delimiters)+".*"+at)
	}
	return lines
}

// delimiterClass matches one of several delimiters.
func delimiterClass(delimiters string) string {
	return "[" + strings.ReplaceAll(slashed(regexp.QuoteMeta(delimiters)), "-", `\-`) + "]"
}

// ruleLines writes the rules of a regexp or pcre table in the form of ours.
func (im *importer) ruleLines(parameter string, t *Table, value func(string) string) []string {
	var out []string
	for _, r := range t.Rules {
		if r.Why != "" {
			im.leave(parameter, "/"+r.Pattern+"/", "the pattern "+r.Why+" ("+t.Place(r.Line)+")")
			if r.Kind == "if" { // its endif would stand alone
				return nil
			}
			continue
		}
		if r.Kind == "endif" {
			out = append(out, "endif")
			continue
		}
		out = append(out, r.line(value))
	}
	return out
}

// line writes one rule: what is no flag of ours goes into the pattern.
func (r *Rule) line(value func(string) string) string {
	pattern, flags := slashed(r.Pattern), ""
	if strings.Contains(r.Mode, "s") {
		pattern = "(?s)" + pattern
	}
	if !strings.Contains(r.Mode, "i") {
		flags += "i"
	}
	if strings.Contains(r.Mode, "m") {
		flags += "m"
	}
	not := ""
	if r.Negated {
		not = "!"
	}
	if r.Kind == "if" {
		return "if " + not + "/" + pattern + "/" + flags
	}
	return not + "/" + pattern + "/" + flags + " " + value(r.Value)
}

// slashed escapes the slashes of a pattern that are not escaped yet.
func slashed(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			b.WriteByte(pattern[i])
			i++
		case pattern[i] == '/':
			b.WriteByte('\\')
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}
