package explain

import (
	"errors"
	"fmt"
	"strings"

	"github.com/postroad/postroad/internal/config"
	"github.com/postroad/postroad/internal/decide"
	"github.com/postroad/postroad/internal/table"
	"github.com/postroad/postroad/internal/table/file"
)

// Subject is what a check is about: a configuration as it was loaded, and its
// tables when it has no errors.
type Subject struct {
	Config      *config.Config
	Diagnostics config.Diagnostics
	View        table.View
	Tables      []file.Status // of the tables that are files
}

// Check tells what is wrong with a configuration: what loading found, files that
// cannot be used, and rules that cannot do what they seem to.
func Check(s Subject) Report {
	r := Report{Errors: []Finding{}, Warnings: []Finding{}, Proofs: []string{}, Notes: []string{}}
	for _, d := range s.Diagnostics {
		if d.Severity == config.Error {
			r.Errors = append(r.Errors, findingOf(d))
		} else {
			r.Warnings = append(r.Warnings, findingOf(d))
		}
	}
	if len(r.Errors) > 0 {
		return r // half a configuration proves nothing
	}
	r.Errors = append(r.Errors, tableFiles(s)...)
	r.Errors = append(r.Errors, keyFiles(s.Config)...)
	r.Warnings = append(r.Warnings, missing(s.Config, r.Errors)...)
	analysed := &subject{rules: s.Config.Rules, snapshot: s.Config.Snapshot, view: s.View}
	r.Warnings = append(r.Warnings, analysed.run()...)
	r.Notes = append(r.Notes, analysed.notes...)
	r.Errors, r.Warnings = located(r.Errors, s.Config), located(r.Warnings, s.Config)
	if r.OK() {
		r.Proofs = proofs(s)
	}
	return r
}

// findingOf is what loading said. Its hint belongs to the detail.
func findingOf(d config.Diagnostic) Finding {
	detail := d.Detail
	if d.Hint != "" {
		detail = strings.TrimPrefix(detail+"\n"+d.Hint, "\n")
	}
	return Finding{
		File: d.Range.File, Line: d.Range.Start.Line, Column: d.Range.Start.Column,
		Summary: d.Summary, Detail: detail, at: d.Range,
	}
}

// tableFiles finds tables whose file is not there or not well-formed: every key
// of theirs is "try later", so that mail waits.
func tableFiles(s Subject) []Finding {
	var out []Finding
	for _, st := range s.Tables {
		if st.Err == nil {
			continue
		}
		rule := tableRef(s.Config, st.Name)
		var problems *file.Problems
		if !errors.As(st.Err, &problems) {
			out = append(out, about(rule, "table cannot be read", st.Err.Error()))
			continue
		}
		for _, p := range problems.List {
			out = append(out, Finding{File: problems.Shown, Line: p.Line, Summary: p.What, Rule: rule.Name})
		}
		if problems.More > 0 {
			out = append(out, Finding{File: problems.Shown, Summary: fmt.Sprintf("and %d more problems", problems.More), Rule: rule.Name})
		}
	}
	return out
}

func tableRef(c *config.Config, name string) decide.Ref {
	for i := range c.Rules.Tables {
		if t := &c.Rules.Tables[i]; t.Name == name {
			return decide.Ref{Name: t.Rule(), Source: t.Source}
		}
	}
	return decide.Ref{Name: "table." + name}
}

// proofs are statements on every message, with the counts that they rest on. A
// configuration that breaks the first one does not load.
func proofs(s Subject) []string {
	r := s.Config.Rules
	all := []string{
		fmt.Sprintf("no unknown client reaches a foreign domain (%s, %s, %s)",
			counted(len(r.Relay), "relay rule"), counted(len(r.Deny), "deny rule"), counted(len(r.Listeners), "listener")),
		fmt.Sprintf("every reference leads somewhere (%s, %s, %s, %s)",
			counted(len(r.Domains), "domain"), counted(len(r.Routes), "route"), counted(declared(r), "transport"), counted(len(r.Tables), "table")),
	}
	if len(r.Tenants) > 0 {
		all = append(all, fmt.Sprintf("no rule of a tenant reaches another's mail (%s)", counted(len(r.Tenants), "tenant")))
	}
	return all
}

// declared counts the transports that stand in the configuration.
func declared(r *decide.Rules) int {
	n := 0
	for _, t := range r.Transports {
		if t.Source != builtin {
			n++
		}
	}
	return n
}
