package explain

import (
	"bufio"
	"fmt"
	"io"

	"github.com/postroad/postroad/internal/config"
)

// Text writes a report for people: each finding with its place and the line
// itself, then what holds, then one line of sums. sources is the content of the
// files by name.
func (r Report) Text(w io.Writer, p Palette, sources map[string][]byte) error {
	b := bufio.NewWriter(w)
	for _, f := range r.Errors {
		f.text(b, config.Error, sources)
	}
	for _, f := range r.Warnings {
		f.text(b, config.Warning, sources)
	}
	for _, proof := range r.Proofs {
		fmt.Fprintf(b, "%s %s\n", p.good("holds:"), proof)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(b, "note: %s\n", note)
	}
	errors, warnings := counted(len(r.Errors), "error"), counted(len(r.Warnings), "warning")
	if len(r.Errors) > 0 {
		errors = p.bad(errors)
	}
	if len(r.Warnings) > 0 {
		warnings = p.unsure(warnings)
	}
	fmt.Fprintf(b, "%s, %s\n", errors, warnings)
	return b.Flush()
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// text writes one finding as loading writes its own.
func (f Finding) text(b *bufio.Writer, s config.Severity, sources map[string][]byte) {
	d := config.Diagnostic{Severity: s, Range: f.at, Summary: f.Summary, Detail: f.Detail}
	if d.Range.File == "" {
		d.Range.File, d.Range.Start.Line, d.Range.Start.Column = f.File, f.Line, max(f.Column, 1)
	}
	d.Render(b, sources) // the writer keeps its first error for Flush
	fmt.Fprintln(b)
}

// located gives each finding on a rule its place in the sources.
func located(all []Finding, c *config.Config) []Finding {
	for i := range all {
		f := &all[i]
		if f.at.File != "" || f.Line == 0 {
			continue
		}
		if at, ok := c.Locate(fmt.Sprintf("%s:%d", f.File, f.Line)); ok {
			f.at, f.Column = at, at.Start.Column
		}
	}
	return sortFindings(all)
}
