package archtest

import (
	"regexp"
	"testing"
)

// rfcRef is how code refers to a standard: "RFC 5321 s4.5.3.1.8" or "RFC 5321".
var rfcRef = regexp.MustCompile(`RFCs? ?(\d{3,5})`)

// rfcRow is a row of the table in docs/rfc.md.
var rfcRow = regexp.MustCompile(`(?m)^\| (\d{3,5}) \|`)

// Every standard that the code names is in docs/rfc.md, with what is obeyed and
// where we deviate; and the list names none that no line of code knows.
func TestRFCList(t *testing.T) {
	tr := load(t)
	listed := map[string]bool{}
	for _, m := range rfcRow.FindAllStringSubmatch(readFile(t, tr, "docs/rfc.md"), -1) {
		listed[m[1]] = true
	}
	named := map[string]string{}
	for _, f := range tr.files {
		if f.test {
			continue
		}
		for _, g := range f.ast.Comments {
			for _, m := range rfcRef.FindAllStringSubmatch(g.Text(), -1) {
				named[m[1]] = f.path
			}
		}
	}
	for rfc, where := range named {
		if !listed[rfc] {
			t.Errorf("docs/rfc.md does not list RFC %s, which %s names", rfc, where)
		}
	}
	for rfc := range listed {
		if named[rfc] == "" && !mentioned(tr, rfc) {
			t.Errorf("docs/rfc.md lists RFC %s, which no line of code names", rfc)
		}
	}
}

// mentioned looks for the bare number, as package docs list several after one
// "RFCs:".
func mentioned(tr *tree, rfc string) bool {
	number := regexp.MustCompile(`\b` + rfc + `\b`)
	for _, f := range tr.files {
		if f.test {
			continue
		}
		for _, g := range f.ast.Comments {
			if number.MatchString(g.Text()) {
				return true
			}
		}
	}
	return false
}
