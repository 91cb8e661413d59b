package explain

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
)

// Finding is one error or warning of a check. Line 0 means that it stands in no
// line of its own.
type Finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
	Rule    string `json:"rule"`

	at config.Range // of the text to be marked; zero: none
}

// Report of a check. The slices are never nil, so that JSON has arrays.
type Report struct {
	Errors   []Finding `json:"errors"`
	Warnings []Finding `json:"warnings"`
	Proofs   []string  `json:"proofs"` // what holds for every message; none when there are errors
	Notes    []string  `json:"notes"`  // what was not looked at, and why
}

// OK tells whether the configuration can be served.
func (r Report) OK() bool { return len(r.Errors) == 0 }

// about makes a finding on a rule.
func about(r decide.Ref, summary, detail string) Finding {
	file, line := splitSource(r.Source)
	return Finding{File: file, Line: line, Summary: summary, Detail: detail, Rule: r.Name}
}

// splitSource takes "postroad.hcl:31" apart.
func splitSource(source string) (file string, line int) {
	i := strings.LastIndexByte(source, ':')
	if i < 0 {
		return source, 0
	}
	n, err := strconv.Atoi(source[i+1:])
	if err != nil {
		return source, 0
	}
	return source[:i], n
}

// sortFindings puts findings in the order of the files, so that the same
// configuration gives the same report.
func sortFindings(f []Finding) []Finding {
	slices.SortStableFunc(f, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(f)
}
