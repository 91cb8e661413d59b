package postfix

import (
	"regexp"
	"strings"
)

// masquerade strips subdomains. Where names are excepted, which may stand in any of
// them, expressions say so; else keys do.
func (im *importer) masquerade() {
	im.use("masquerade_domains", "masquerade_exceptions")
	words := im.Main.Items("masquerade_domains")
	if len(words) == 0 {
		return
	}
	p := im.classes(mapping{parameter: "masquerade_domains", label: "masquerade"}, "masquerade_classes")
	names := im.Main.Items("masquerade_exceptions")
	if len(names) > 0 {
		from := im.place("masquerade_exceptions") + ", " + im.place(p.parameter)
		im.rewriteBlocks(p, im.fileTable(p.label, "regexp", fileLines(masqueradeRules(names, words), false), from))
		return
	}
	var lines []string
	for _, w := range words {
		if strings.HasPrefix(w, "!") {
			name := strings.ToLower(w[1:])
			lines = append(lines, name+" @"+name)
			continue
		}
		lines = append(lines, "."+strings.ToLower(w)+" @"+strings.ToLower(w))
	}
	im.rewriteBlocks(p, im.fileTable(p.label, "virtual", fileLines(lines, false), im.place(p.parameter)))
}

// masqueradeRules are nested: each word decides for the addresses that it names, and
// what it leaves alone no later one may change.
func masqueradeRules(names, words []string) []string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = slashed(regexp.QuoteMeta(strings.ToLower(n)))
	}
	lines := []string{"if !/^(" + strings.Join(quoted, "|") + ")@/"}
	for _, w := range words {
		name, negated := strings.CutPrefix(strings.ToLower(w), "!")
		pattern := regexp.QuoteMeta(name)
		if negated {
			lines = append(lines, `if !/@([^@]+\.)?`+pattern+"$/")
			continue
		}
		lines = append(lines, `/@[^@]+\.`+pattern+"$/ @"+name, "if !/@"+pattern+"$/")
	}
	for range len(words) + 1 {
		lines = append(lines, "endif")
	}
	return lines
}
